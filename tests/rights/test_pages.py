"""The pages of who may do what: who sees them, what is typed wrongly, and each way through them."""

import csv
import io
import json

import pytest
from django.test import Client

from accounts import grants
from accounts.models import Membership, Team, User
from approvals.models import Queue
from audit.models import Event
from rights.models import Proposal

pytestmark = pytest.mark.usefixtures("db")


def text(response) -> str:
    return response.content.decode()


def pages(cast, finance) -> list[str]:
    person = f"/people/{cast.approver.pk}"
    return [
        "/access/",
        "/access/changes/",
        "/access/review/",
        "/access/queues/refunds/",
        "/access/queues/refunds/decide_request/",
        "/people/",
        "/people/?q=weber",
        f"{person}/access/",
        f"{person}/seats/{finance.pk}/",
        f"{person}/administration/",
        f"{person}/address/",
        f"{person}/second-factor/",
        f"/access/teams/{finance.pk}/second-factor/",
        f"/access/teams/{finance.pk}/",
        f"/access/teams/{finance.pk}/ceiling/",
    ]


def test_administrators_see_all_of_it(cast, as_, finance):
    client = as_(cast.admin)
    for url in pages(cast, finance):
        assert client.get(url).status_code == 200, url
    assert client.get("/people/99999/access/").status_code == 404
    assert client.get("/access/queues/none/").status_code == 404
    assert client.get("/access/queues/refunds/delete/").status_code == 404
    assert client.get("/access/changes/99/").status_code == 404


@pytest.mark.parametrize("who", ["operator", "approver", "requester", "stranger"])
def test_others_see_none_of_it(cast, as_, finance, who):
    client = as_(getattr(cast, who))
    for url in pages(cast, finance):
        assert client.get(url).status_code == 404, url
    for url in ("/access/propose/", "/access/review/file/"):
        assert client.post(url, {"format": "csv", "changes": "[]"}).status_code == 404, url


def test_auditors_read_rights_of_queues_they_audit_and_change_none(cast, as_, finance):
    client = as_(cast.auditor)
    open_to_them = {"/access/", "/access/review/", "/access/queues/refunds/decide_request/"}
    for url in pages(cast, finance):
        assert client.get(url).status_code == (200 if url in open_to_them else 404), url
    grants.take("audit_queue", of=Team.objects.get(name="Audit"), on=queue_of("account-changes"))
    page = text(client.get("/access/"))
    assert "Refunds" in page
    assert "Account changes" not in page
    assert client.get("/access/queues/account-changes/view_queue/").status_code == 404
    assert "/people/" not in page


def queue_of(slug: str) -> Queue:
    return Queue.objects.get(slug=slug)


def marks(page: str) -> list[str]:
    return [part.partition('"')[0] for part in page.split('name="seen" value="')[1:]]


def test_from_a_tick_to_a_right(cast, as_, other, support):
    client = as_(cast.admin)
    seen = marks(text(client.get("/access/queues/refunds/")))
    new = f"team-{support.pk}-decide_request"
    assert new not in seen
    checked = client.post(
        "/access/queues/refunds/", {"seen": seen, "right": [*seen, new], "reason": "They help."}
    )
    page = text(checked)
    assert "Support may decide requests, on Refunds." in page
    assert "another administrator has to accept it" in page
    assert "Sofia Berg: decide" in page
    assert not grants.is_given("decide_request", to=support, on=queue_of("refunds"))
    said = {name: checked.context[name] for name in ("changes", "reason")}
    asked = client.post(
        "/access/propose/",
        {**said, "back": "/access/queues/refunds/", "idempotency_key": cast.key()},
    )
    url = asked["Location"]
    page = text(client.get(url))
    assert "You asked for it yourself" in page
    assert "accept/" not in page
    assert "/accounts/reauthenticate/" in as_(other).get(f"{url}accept/")["Location"]
    second = as_(other, confirmed=True)
    assert "Sofia Berg: decide" in text(second.get(url))
    assert "Support may decide" in text(second.get(f"{url}accept/"))
    assert second.post(f"{url}accept/", {"idempotency_key": cast.key()})["Location"] == url
    assert grants.is_given("decide_request", to=support, on=queue_of("refunds"))
    assert "Accepted" in text(second.get("/access/changes/"))


def test_what_only_takes_away_counts_at_once_and_says_who_is_left_waiting(cast, as_, finance):
    item = cast.ask()
    client = as_(cast.admin)
    seen = marks(text(client.get("/access/queues/refunds/")))
    gone = f"team-{finance.pk}-decide_request"
    checked = client.post(
        "/access/queues/refunds/",
        {"seen": seen, "right": [one for one in seen if one != gone], "reason": "They left."},
    )
    page = text(checked)
    assert "It only takes away" in page
    assert "1 open request would have too few people who may decide it." in page
    assert grants.is_given("decide_request", to=finance, on=queue_of("refunds"))
    item.refresh_from_db()
    said = {name: checked.context[name] for name in ("changes", "reason")}
    answer = client.post(
        "/access/propose/",
        {**said, "back": "/access/queues/refunds/", "idempotency_key": cast.key()},
    )
    assert answer["Location"] == "/access/queues/refunds/"
    assert not grants.is_given("decide_request", to=finance, on=queue_of("refunds"))


def test_a_tab_that_was_open_for_long_takes_nothing_back(cast, as_, other, support):
    """What another gave meanwhile was neither seen nor unticked."""
    client = as_(cast.admin)
    seen = marks(text(client.get("/access/queues/refunds/")))
    grants.give("view_queue", to=support, on=queue_of("refunds"))
    new = f"team-{support.pk}-audit_queue"
    checked = client.post(
        "/access/queues/refunds/", {"seen": seen, "right": [*seen, new], "reason": "Why not."}
    )
    assert [one["right"] for one in json.loads(checked.context["changes"])] == ["audit_queue"]


def test_what_is_typed_is_kept(cast, as_, support):
    client = as_(cast.admin)
    new = f"team-{support.pk}-decide_request"
    answer = client.post("/access/queues/refunds/", {"seen": [], "right": [new], "reason": ""})
    assert answer.status_code == 422
    page = text(answer)
    assert "Say why." in page
    assert f'value="{new}" aria-label="Support: Decide" checked' in page
    added = text(
        client.post(
            "/access/queues/refunds/",
            {"right": [new], "reason": "Kept words", "person": cast.stranger.pk, "add": "1"},
        )
    )
    assert "Kept words" in added
    assert "Sam Stranger: Decide" in added
    assert f'value="{new}" aria-label="Support: Decide" checked' in added


@pytest.mark.parametrize(
    "mark", ["", "team", "team-x-view_queue", "team-1-delete", "robot-1-view_queue", "team-1\x00-a"]
)
def test_marks_that_no_form_sent_mean_nothing(cast, as_, mark):
    answer = as_(cast.admin).post(
        "/access/queues/refunds/", {"seen": [], "right": [mark], "reason": "Why not."}, follow=True
    )
    assert "Nothing is different from what it is." in text(answer)


@pytest.mark.parametrize("changes", ["", "{}", "[1]", "null", "[", "\x00", '["a"]'])
def test_changes_that_no_page_sent_are_not_found(cast, as_, changes):
    said = {"changes": changes, "reason": "R", "idempotency_key": cast.key()}
    assert as_(cast.admin).post("/access/propose/", said).status_code == 404


def test_going_back_leads_nowhere_else(cast, as_, finance):
    change = {"what": "seat", "person": cast.approver.pk, "team": finance.pk, "leave": True}
    said = {"changes": json.dumps([change]), "reason": "R", "back": "https://evil.example/"}
    answer = as_(cast.admin).post("/access/propose/", {**said, "idempotency_key": cast.key()})
    assert answer["Location"] == "/access/"


# --- People -----------------------------------------------------------------------------------------


def test_a_person_with_what_gives_it(cast, as_):
    page = text(as_(cast.admin).get(f"/people/{cast.limited_approver.pk}/access/"))
    assert "decides up to EUR 2,000.00" in page
    assert "as member of Finance" in page
    assert "On Refunds" in page
    page = text(as_(cast.admin).get(f"/people/{cast.admin.pk}/access/"))
    assert "by a right of their own" in page
    assert "Administrator" in page


@pytest.mark.parametrize(
    ("who", "verb", "said"),
    [
        ("limited_approver", "approve", "You can decide up to EUR 2,000.00"),
        ("requester", "approve", "and the policy needs someone else to decide"),
        ("second_operator", "approve", "this queue is not yours"),
        ("approver", "approve", "Yes."),
        ("operator", "try_again", "nobody can"),
        ("auditor", "break_glass", "You may not break the glass"),
    ],
)
def test_why_cant_they(cast, as_, who, verb, said):
    item = cast.ask(payload={"amount": 250_000})
    url = f"/people/{getattr(cast, who).pk}/access/?request={item.ref.lower()}&verb={verb}"
    assert said in text(as_(cast.admin).get(url))


@pytest.mark.parametrize("ref", ["RF-999999", "\u202eRF-1", "x" * 5000, "'"])
def test_why_cant_they_with_no_request(cast, as_, ref):
    answer = as_(cast.admin).get(
        f"/people/{cast.approver.pk}/access/", {"request": ref, "verb": "approve"}
    )
    assert answer.status_code == 200


def test_why_cant_they_tells_nothing_of_requests_that_the_administrator_does_not_see(cast, as_):
    item = cast.ask()
    url = f"/people/{cast.approver.pk}/access/?request={item.ref}&verb=approve"
    assert "There is no request" in text(as_(cast.superuser).get(url))


def test_a_seat_is_asked_for_and_bad_limits_are_said(cast, as_, other, finance):
    client, person = as_(cast.admin), cast.stranger
    chosen = client.get(f"/people/{person.pk}/seats/?team={finance.pk}")
    url = chosen["Location"]
    # XXX is ISO 4217 for “no currency”.
    for limit in ("200", "EUR -5", "EUR 0", "XXX 5", "EUR 1.234", "EUR 9999999999999999", "EUR"):
        answer = client.post(url, {"member": "yes", "limit": limit, "reason": "Kept."})
        assert answer.status_code == 422, limit
        assert "Kept." in text(answer)
    checked = client.post(url, {"member": "yes", "limit": "eur 500", "reason": "Holidays."})
    page = text(checked)
    assert "Sam Stranger joins Finance: decides up to EUR 500.00." in page
    assert "Sam Stranger: decide requests" in page
    assert not Membership.objects.filter(user=person).exists()


def test_a_seat_is_taken(cast, as_, finance):
    url = f"/people/{cast.approver.pk}/seats/{finance.pk}/"
    checked = as_(cast.admin).post(url, {"member": "no", "reason": "Left."})
    assert "Ines Weber leaves Finance." in text(checked)
    assert "It only takes away" in text(checked)


def test_programs_do_not_administer(cast, as_):
    robot = User.objects.get(email="webshop@demo.test")
    assert as_(cast.admin).get(f"/people/{robot.pk}/administration/").status_code == 404


def test_people_are_found_and_paged(cast, as_):
    User.objects.bulk_create(
        User(email=f"p{number}@demo.test", name=f"Person {number:03}") for number in range(120)
    )
    client = as_(cast.admin)
    first = text(client.get("/people/?q=person"))
    assert first.count('<li class="card">') == 50
    assert "from=50" in first
    assert text(client.get("/people/?q=person&from=100")).count('<li class="card">') == 20
    assert "Nobody is called so." in text(client.get("/people/?q=%E2%80%AEzzz"))


# --- The review -------------------------------------------------------------------------------------


def review(client: Client, wanted: str):
    return client.post("/access/review/file/", {"format": wanted})


def test_the_review_says_through_what_since_when_and_is_recorded(cast, as_, other, support):
    said = {"what": "right", "team": support.pk, "right": "decide_request", "give": True}
    client = as_(cast.admin)
    changes = json.dumps([{**said, "queue": queue_of("refunds").pk}])
    asked = client.post(
        "/access/propose/", {"changes": changes, "reason": "R", "idempotency_key": cast.key()}
    )
    as_(other, confirmed=True).post(f"{asked['Location']}accept/", {"idempotency_key": cast.key()})
    User.objects.filter(pk=cast.requester.pk).update(name="=cmd()")
    lines = list(csv.DictReader(io.StringIO(text(review(client, "csv")).removeprefix("\ufeff"))))
    [line] = [
        one
        for one in lines
        if one["email"] == "support@demo.test" and one["right"] == "decide_request"
    ]
    assert line["person"] == "'=cmd()"
    assert line["through"] == "Support"
    assert line["right_given_by"] == "Bruno Costa"
    assert line["right_given_at"].endswith("Z")
    [limited] = [
        one
        for one in lines
        if one["email"] == "finance3@demo.test" and one["right"] == "decide_request"
    ]
    assert (limited["limit_amount"], limited["limit_currency"]) == ("200000", "EUR")
    rows = json.loads(text(review(client, "json")))
    assert len(rows) == len(lines)
    taken = Event.objects.filter(action="access.review").order_by("seq")
    assert [event.facts["rows"] for event in taken] == [len(rows)] * 2
    assert review(client, "xml").status_code == 400


def test_an_auditor_takes_only_what_they_audit(cast, as_):
    grants.take("audit_queue", of=Team.objects.get(name="Audit"), on=queue_of("account-changes"))
    rows = json.loads(text(review(as_(cast.auditor), "json")))
    assert {row["queue"] for row in rows} == {"refunds"}


def test_looking_changes_nothing(cast, as_, finance):
    before = (Proposal.objects.count(), Membership.objects.count(), Event.objects.count())
    client = as_(cast.admin)
    events = Event.objects.count()
    for url in pages(cast, finance):
        client.get(url)
    assert (Proposal.objects.count(), Membership.objects.count()) == before[:2]
    assert Event.objects.count() == events
