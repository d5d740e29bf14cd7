"""The pages, by Django's client, as each of the cast. Times are fixed at 09:12 UTC."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import grants
from accounts.models import Membership
from approvals import queries
from approvals.commands import operate, submit
from approvals.kinds.base import Fact, Unknown
from approvals.kinds.refund import Refund
from approvals.models import ApprovalRequest, Decision, IdempotencyRecord, Note, State
from approvals.refusals import Invalid
from approvals.views.verbs import VERBS
from audit.models import Event
from tests.approvals.common import denied, jobs


@pytest.fixture(autouse=True)
def fixed_time(monkeypatch, now) -> None:
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(minutes=3))


@pytest.fixture
def as_(cast):
    """A client that is signed in as this person of the cast."""

    def sign_in(who: str) -> Client:
        client = Client()
        client.force_login(getattr(cast, who))
        return client

    return sign_in


def hidden(response, name: str) -> str:
    """The value of a hidden field of the page's form."""
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    assert found, f"The page has no {name}."
    return found[1]


def text(response) -> str:
    return response.content.decode()


def page_bytes(response) -> bytes:
    """What is sent, but for the form's token, drawn anew for each page, and the asked address."""
    own = rb'name="csrfmiddlewaretoken" value="\w+"|' + response.wsgi_request.path.encode()
    return re.sub(own, b"", response.content)


def decision(item, **changes) -> dict:
    return {
        "idempotency_key": "K",
        "revision": item.revision,
        "step": item.step,
        "reason": "",
        **changes,
    }


# --- The queue ------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["operator", "approver", "auditor"])
@pytest.mark.parametrize("view", ["", "me", "stuck", "people", "systems", "all", "nonsense"])
def test_the_queue_has_all_its_views(cast, as_, who, view):
    cast.ask()
    assert as_(who).get("/queue/", {"view": view}).status_code == 200


def test_the_queue_shows_why_a_request_waits(cast, as_):
    item = cast.ask()
    page = text(as_("operator").get("/queue/"))
    assert item.ref in page
    assert "Needs 1 more Finance approval since 09:12 UTC (3 min)." in page


def test_the_queue_shows_nothing_to_a_stranger(cast, as_):
    item = cast.ask()
    assert item.ref not in text(as_("stranger").get("/queue/"))


def test_the_queue_of_a_superuser_without_team_is_empty(cast, as_):
    """T7.6."""
    item = cast.ask()
    assert item.ref not in text(as_("admin").get("/queue/"))


def test_text_of_unknown_people_is_shown_as_text(cast, as_):
    cast.ask(customer="<script>alert(1)</script>")
    page = text(as_("operator").get("/queue/"))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "query",
    [
        {"q": "ZD-1"},
        {"q": "'; DROP TABLE"},
        {"q": "%"},
        {"q": "x" * 500},
        {"kind": "refund"},
        {"kind": "loan"},
        {"team": "1"},
        {"team": "abc"},
        {"team": "9" * 30},
        {"due": "overdue"},
        {"due": "2h"},
        {"due": "whenever"},
        {"state": "done"},
        {"state": "new"},
        {"view": ["me", "all"]},
        {"colour": "red"},
    ],
    ids=str,
)
def test_any_filter_gives_a_page(cast, as_, query):
    cast.ask()
    assert as_("operator").get("/queue/", query).status_code == 200


def test_a_search_finds_by_ticket(cast, as_):
    first, second = cast.ask(), cast.ask()
    page = text(as_("operator").get("/queue/", {"q": first.ticket}))
    assert (f"/requests/{first.ref}/" in page, f"/requests/{second.ref}/" in page) == (True, False)


@pytest.mark.parametrize("cursor", ["x", "a:b:c", "", "9" * 3000, "\u2028", "../.."])
def test_a_page_address_that_is_not_ours_is_a_bad_request(cast, as_, cursor):
    response = as_("operator").get("/queue/", {"cursor": cursor})
    assert response.status_code == (400 if cursor else 200)


@pytest.mark.parametrize(
    "path",
    [
        "/queue/?q=%00",
        "/queue/?cursor=%00",
        "/lookup/?q=a%00b",
        "/go/?q=%00",
        "/decisions/?show=%00",
        "/requests/new/refund/?order=%00",
    ],
)
def test_nul_in_a_query_is_a_bad_request(cast, as_, path):
    assert as_("operator").get(path).status_code == 400


def test_every_request_stands_on_exactly_one_page(cast, as_, monkeypatch):
    monkeypatch.setitem(queries.queue_page.__kwdefaults__, "size", 3)
    refs = {cast.ask().ref for _ in range(8)}
    client, found, path = as_("operator"), [], "/queue/"
    while path:
        page = text(client.get(path))
        found += re.findall(r'href="/requests/(RF-\d+)/"', page)
        following = re.search(r'href="([^"]*cursor=[^"]*)"[^>]*>[^<]*(?:<[^>]*>)*\s*Next', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert (set(found), len(set(found))) == (refs, 8)


def queries_of(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


def test_the_queue_needs_as_many_queries_for_60_rows_as_for_10(cast, as_):
    """T7.10."""
    client = as_("operator")
    for _ in range(10):
        cast.ask()
    few = queries_of(client, "/queue/")
    for number in range(50):
        cast.ask(payload={"amount": 150_000 if number % 2 else 8_800})
    assert queries_of(client, "/queue/") == few


def test_the_decisions_need_as_many_queries_for_20_as_for_5(cast, as_):
    """T7.10."""
    client = as_("approver")
    for _ in range(5):
        cast.ask()
    few = queries_of(client, "/decisions/")
    for _ in range(15):
        cast.ask()
    assert queries_of(client, "/decisions/") == few


def test_claiming_from_a_row_makes_it_mine(cast, as_):
    item = cast.ask()
    as_("operator").post(
        f"/requests/{item.ref}/claim/", {"idempotency_key": "K", "version": item.version}
    )
    assert cast.get(item.ref).owner == cast.operator


# --- One request ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["requester", "other_requester", "operator", "approver", "auditor"])
def test_everybody_who_sees_it_has_its_page(cast, as_, who):
    item = cast.ask()
    assert as_(who).get(f"/requests/{item.ref}/").status_code == 200


def test_a_foreign_request_is_the_same_page_as_a_missing_one(cast, as_):
    """T7.6."""
    item = cast.ask()
    client = as_("stranger")
    foreign = client.get(f"/requests/{item.ref}/")
    missing = client.get("/requests/RF-999999/")
    assert (foreign.status_code, page_bytes(foreign)) == (404, page_bytes(missing))


@pytest.mark.parametrize("verb", [v.replace("_", "-") for v in VERBS])
def test_every_page_of_a_foreign_request_is_the_same_as_a_missing_one(cast, as_, verb):
    """T7.6."""
    item = cast.ask()
    client = as_("stranger")
    foreign = client.get(f"/requests/{item.ref}/{verb}/")
    missing = client.get(f"/requests/RF-999999/{verb}/")
    assert (foreign.status_code, page_bytes(foreign)) == (404, page_bytes(missing))


@pytest.mark.parametrize("verb", [v.replace("_", "-") for v in VERBS])
def test_no_verb_works_on_a_foreign_request(cast, as_, verb):
    """T7.6."""
    item = cast.ask()
    body = decision(
        item,
        reason="Why?",
        happened="yes",
        customer="C",
        order="O",
        payment="pi_1",
        amount="1.00",
        currency="EUR",
        reason_code="other",
    )
    client = as_("stranger")
    foreign = client.post(f"/requests/{item.ref}/{verb}/", body)
    missing = client.post(f"/requests/RF-999999/{verb}/", {**body, "idempotency_key": "L"})
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert page_bytes(foreign) == page_bytes(missing)


def test_a_reference_in_small_letters_is_found(cast, as_):
    item = cast.ask()
    assert as_("operator").get(f"/requests/{item.ref.lower()}/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/requests/RF-1/explode/",
        "/requests/RF-1/take_back/",
        "/requests/nonsense/",
        "/requests/new/loan/",
        "/requests/RF-1/attempts/1/",
        "/nowhere/",
    ],
)
def test_what_does_not_exist_is_not_found(cast, as_, path):
    assert as_("operator").get(path).status_code == 404


def test_an_attempt_is_shown_to_operations(cast, as_, provider):
    item = cast.approve(cast.ask())
    cast.run(item)
    assert as_("operator").get(f"/requests/{item.ref}/attempts/1/").status_code == 200


def test_an_attempt_is_not_shown_to_support(cast, as_, provider):
    item = cast.approve(cast.ask())
    cast.run(item)
    assert as_("requester").get(f"/requests/{item.ref}/attempts/1/").status_code == 404


def test_support_does_not_see_the_effect(cast, as_, provider):
    item = cast.approve(cast.ask())
    assert item.effect.key not in text(as_("requester").get(f"/requests/{item.ref}/"))


# --- Deciding -------------------------------------------------------------------------------------


def test_an_approver_has_the_decision_on_the_page(cast, as_):
    item = cast.ask()
    page = as_("approver").get(f"/requests/{item.ref}/")
    assert (hidden(page, "revision"), hidden(page, "step")) == ("1", "1")


def test_the_form_on_the_page_approves(cast, as_):
    item = cast.ask()
    client = as_("approver")
    page = client.get(f"/requests/{item.ref}/")
    form = {name: hidden(page, name) for name in ("idempotency_key", "revision", "step")}
    client.post(f"/requests/{item.ref}/approve/", form)
    assert cast.get(item.ref).state == State.APPROVED


def test_approving_leads_back_to_the_request_with_the_answer(cast, as_):
    item = cast.ask()
    response = as_("approver").post(f"/requests/{item.ref}/approve/", decision(item), follow=True)
    assert response.redirect_chain == [(f"/requests/{item.ref}/", 302)]
    assert "Approved by you at 09:15:00 UTC." in text(response)


def test_posting_twice_is_one_decision(cast, as_):
    """T1.13."""
    item = cast.ask(payload={"amount": 150_000})
    client = as_("approver")
    for _ in range(2):
        client.post(f"/requests/{item.ref}/approve/", decision(item))
    assert (Decision.objects.count(), cast.get(item.ref).version) == (1, 2)


def test_posting_twice_leads_to_the_same_place_twice(cast, as_):
    """T1.13."""
    item = cast.ask()
    client = as_("approver")
    answers = [client.post(f"/requests/{item.ref}/approve/", decision(item)) for _ in range(2)]
    assert {(a.status_code in (302, 303), a["Location"]) for a in answers} == {
        (True, f"/requests/{item.ref}/")
    }


def test_the_second_post_says_that_it_was_recorded_already(cast, as_):
    """T1.13."""
    item = cast.ask()
    client = as_("approver")
    client.post(f"/requests/{item.ref}/approve/", decision(item))
    again = client.post(f"/requests/{item.ref}/approve/", decision(item), follow=True)
    assert "Already recorded" in text(again)


def test_the_same_form_with_other_words_says_reload(cast, as_):
    """T1.13."""
    item = cast.ask(payload={"amount": 150_000})
    client = as_("approver")
    client.post(f"/requests/{item.ref}/approve/", decision(item))
    again = client.post(f"/requests/{item.ref}/approve/", decision(item, reason="Also."))
    assert again.status_code == 422
    assert "Reload it" in text(again)


def test_two_tabs_are_one_vote_and_the_second_is_told(cast, as_):
    """T1.15."""
    item = cast.ask()
    client = as_("approver")
    client.post(f"/requests/{item.ref}/approve/", decision(item))
    second = client.post(f"/requests/{item.ref}/approve/", decision(item, idempotency_key="L"))
    assert (second.status_code, Decision.objects.count()) == (409, 1)
    assert "I. Weber" in text(second)


def test_a_missing_reason_asks_for_it(cast, as_):
    item = cast.ask()
    page = as_("approver").post(f"/requests/{item.ref}/reject/", decision(item))
    assert page.status_code == 422
    assert "Say why you reject it." in text(page)


def test_a_corrected_form_keeps_its_key(cast, as_):
    """T1.14."""
    item = cast.ask()
    page = as_("approver").post(f"/requests/{item.ref}/reject/", decision(item))
    assert hidden(page, "idempotency_key") == "K"


def test_a_corrected_form_is_accepted_with_the_same_key(cast, as_):
    """T1.14."""
    item = cast.ask()
    client = as_("approver")
    client.post(f"/requests/{item.ref}/reject/", decision(item))
    client.post(f"/requests/{item.ref}/reject/", decision(item, reason="No."))
    assert cast.get(item.ref).state == State.REJECTED


def test_a_corrected_form_keeps_the_revision_that_was_seen(cast, as_):
    """T7.4: a mistake must not slip the new content under an old decision."""
    item = cast.ask()
    resubmitted(cast, item)
    page = as_("approver").post(f"/requests/{item.ref}/reject/", decision(item))
    assert hidden(page, "revision") == "1"


@pytest.mark.parametrize("reason", ["x" * 2001, "a\x00b"])
def test_words_that_cannot_be_kept_ask_again(cast, as_, reason):
    item = cast.ask()
    page = as_("approver").post(f"/requests/{item.ref}/approve/", decision(item, reason=reason))
    assert (page.status_code, cast.get(item.ref).version) == (422, 1)


@pytest.mark.parametrize("key", ["", "a b", "x" * 300, "\x00"])
def test_a_form_without_a_good_key_is_refused(cast, as_, key):
    """T1.6."""
    item = cast.ask()
    page = as_("approver").post(
        f"/requests/{item.ref}/approve/", decision(item, idempotency_key=key)
    )
    assert (page.status_code, cast.get(item.ref).version) == (400, 1)


@pytest.mark.parametrize("missing", ["revision", "step"])
@pytest.mark.parametrize("value", ["", "x", "-1", "1.0", "9" * 40, None])
def test_a_form_that_does_not_say_what_was_seen_asks_again(cast, as_, missing, value):
    item = cast.ask()
    body = {k: v for k, v in decision(item, **{missing: value}).items() if v is not None}
    page = as_("approver").post(f"/requests/{item.ref}/approve/", body)
    assert (page.status_code, cast.get(item.ref).version) == (422, 1)


def test_the_requester_is_told_why_not(cast, as_):
    """T7.5."""
    item = cast.ask()
    page = as_("requester").post(f"/requests/{item.ref}/approve/", decision(item))
    assert page.status_code == 403
    assert f"You created {item.ref}, and the policy needs someone else to decide." in text(page)


def test_the_requesters_attempt_is_recorded(cast, as_):
    """T7.5."""
    item = cast.ask()
    as_("requester").post(f"/requests/{item.ref}/approve/", decision(item))
    assert [event.reason_code for event in denied(cast.requester)] == ["requester"]


def test_the_requester_sees_the_sentence_in_place_of_the_button(cast, as_):
    item = cast.ask()
    page = text(as_("requester").get(f"/requests/{item.ref}/"))
    assert f"You created {item.ref}, and the policy needs someone else to decide." in page
    assert f"/requests/{item.ref}/approve/" not in page


def test_who_lost_the_right_between_page_and_post_is_refused(cast, as_):
    """T7.9."""
    item = cast.ask()
    client = as_("approver")
    client.get(f"/requests/{item.ref}/")
    Membership.objects.filter(user=cast.approver).delete()
    grants.give("view_queue", to=cast.approver, on=item.queue)
    assert client.post(f"/requests/{item.ref}/approve/", decision(item)).status_code == 403


def resubmitted(cast, item, **payload):
    submit.resubmit(
        ref=item.ref,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        revision=item.revision,
        payload={**item.payload, "amount": 9900, **payload},
        customer=item.customer,
        reason=item.reason,
        ticket=item.ticket,
    )
    return cast.get(item.ref)


def stale(cast, as_):
    item = cast.ask()
    resubmitted(cast, item)
    return as_("approver").post(
        f"/requests/{item.ref}/approve/", decision(item, reason="Looks fine to me.")
    )


def test_a_decision_on_what_is_no_longer_there_is_a_conflict(cast, as_):
    """T7.4."""
    assert stale(cast, as_).status_code == 409


def test_a_conflict_shows_what_changed(cast, as_):
    """T7.4."""
    page = text(stale(cast, as_))
    assert "EUR 88.00" in page
    assert "EUR 99.00" in page


def test_a_conflict_keeps_the_comment(cast, as_):
    """T7.4."""
    assert "Looks fine to me." in text(stale(cast, as_))


def test_a_stale_version_is_a_conflict(cast, as_):
    item = cast.ask()
    operate.note(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Look.")
    page = as_("operator").post(
        f"/requests/{item.ref}/claim/", {"idempotency_key": "K", "version": 1}
    )
    assert page.status_code == 409


@pytest.mark.parametrize("verb", ["approve", "reject", "send-back"])
def test_the_page_of_a_choice_says_what_it_does(cast, as_, verb):
    item = cast.ask()
    assert as_("approver").get(f"/requests/{item.ref}/{verb}/").status_code == 200


def test_the_page_of_a_choice_that_is_over_leads_back(cast, as_):
    item = cast.approve(cast.ask())
    response = as_("second_approver").get(f"/requests/{item.ref}/approve/")
    assert (response.status_code, response["Location"]) == (302, f"/requests/{item.ref}/")


def test_withdrawing_by_its_page(cast, as_):
    item = cast.ask()
    as_("requester").post(
        f"/requests/{item.ref}/withdraw/", {"idempotency_key": "K", "reason": "No."}
    )
    assert cast.get(item.ref).state == State.WITHDRAWN


def test_a_note_by_its_page(cast, as_):
    item = cast.ask()
    as_("operator").post(f"/requests/{item.ref}/note/", {"idempotency_key": "K", "note": "Look."})
    assert Note.objects.get().text == "Look."


def test_settling_by_its_pages(cast, as_, provider):
    provider.sends = Unknown("no-answer")
    item = cast.approve(cast.ask())
    cast.run(item)
    as_("operator").post(
        f"/requests/{item.ref}/settle/",
        {
            "idempotency_key": "K",
            "revision": 1,
            "reason": "Seen.",
            "happened": "yes",
            "reference": "re_9",
        },
    )
    as_("second_operator").post(
        f"/requests/{item.ref}/confirm-settlement/", {"idempotency_key": "K", "revision": 1}
    )
    assert cast.get(item.ref).state == State.DONE


def test_a_finding_must_say_whether_it_happened(cast, as_, provider):
    provider.sends = Unknown("no-answer")
    item = cast.approve(cast.ask())
    cast.run(item)
    page = as_("operator").post(
        f"/requests/{item.ref}/settle/", {"idempotency_key": "K", "revision": 1, "reason": "Seen."}
    )
    assert page.status_code == 422


# --- Decisions and lookup -------------------------------------------------------------------------


def test_decisions_show_what_waits_for_me(cast, as_):
    item = cast.ask()
    page = text(as_("approver").get("/decisions/"))
    assert item.ref in page
    assert "1 waits for you, oldest 3 min. Total EUR 88.00." in page


def test_decisions_above_my_limit_come_with_the_reason(cast, as_):
    item = cast.ask(payload={"amount": 250_000})
    page = text(as_("limited_approver").get("/decisions/"))
    assert f"You can decide up to EUR 2,000.00; {item.ref} is above that." in page


def test_decided_requests_are_listed(cast, as_):
    item = cast.approve(cast.ask())
    assert item.ref in text(as_("approver").get("/decisions/?show=decided"))


def test_who_decides_nothing_has_an_empty_page(cast, as_):
    cast.ask()
    assert "Nothing waits for you." in text(as_("requester").get("/decisions/"))


@pytest.mark.parametrize("by", ["ref", "ticket", "order"])
def test_lookup_finds_by_what_customers_name(cast, as_, by):
    item = cast.ask()
    asked = item.payload["order"] if by == "order" else getattr(item, by)
    page = text(as_("requester").get("/lookup/", {"q": f"  {asked.lower()} "}))
    assert f"Your refund of EUR 88.00 for order {item.payload['order']} is being checked" in page


def test_lookup_of_a_customer_with_two_requests_asks_which(cast, as_):
    first, second = cast.ask(), cast.ask()
    page = text(as_("requester").get("/lookup/", {"q": "A. Silva"}))
    assert first.ref in page
    assert second.ref in page


def test_lookup_finds_nothing_of_others(cast, as_):
    item = cast.ask()
    page = text(as_("stranger").get("/lookup/", {"q": item.ref}))
    assert f"No request for “{item.ref}”." in page


@pytest.mark.parametrize("typed", ["", "   ", "nothing", "<b>", "%", "\u202e", "x" * 5000])
def test_lookup_of_anything_gives_a_page(cast, as_, typed):
    cast.ask()
    assert as_("requester").get("/lookup/", {"q": typed}).status_code == 200


@pytest.mark.parametrize(
    "who", ["requester", "operator", "approver", "auditor", "admin", "stranger"]
)
def test_everybody_has_a_first_page(cast, as_, who):
    response = as_(who).get("/", follow=True)
    assert response.status_code == 200


def test_go_leads_to_the_only_request_meant(cast, as_):
    item = cast.ask()
    response = as_("operator").get("/go/", {"q": item.ref})
    assert response["Location"] == f"/requests/{item.ref}/"


# --- Asking ---------------------------------------------------------------------------------------

COMMON = {"customer": "A. Silva", "ticket": "ZD-1", "reason": "Lost.", "idempotency_key": "K"}
FORMS = {
    "refund": {
        "order": "O-1",
        "payment": "pi_1",
        "amount": "1,240.00",
        "currency": "EUR",
        "reason_code": "other",
    },
    "account_change": {"account": "acct_1", "change": "email", "to": "new@example.test"},
    "manual": {"title": "Call the bank", "instructions": "Ask for Ann."},
}


def form(kind: str = "refund", **changes: str) -> dict:
    return {**COMMON, **FORMS[kind], **changes}


@pytest.fixture
def examined(monkeypatch) -> list:
    asked: list = []

    def examine(self, payload):
        asked.append(payload)
        return [Fact("Paid", "EUR 2,000.00")]

    monkeypatch.setattr(Refund, "examine", examine)
    return asked


@pytest.mark.parametrize("kind", FORMS)
def test_the_form_of_every_kind(cast, as_, kind):
    assert as_("requester").get(f"/requests/new/{kind}/").status_code == 200


def test_every_kind_can_be_chosen(cast, as_):
    page = text(as_("requester").get("/requests/new/"))
    assert all(f"/requests/new/{kind}/" in page for kind in FORMS)


@pytest.mark.parametrize("kind", FORMS)
def test_the_first_step_sends_nothing(cast, as_, examined, kind):
    page = as_("requester").post(f"/requests/new/{kind}/", form(kind))
    assert page.status_code == 200
    assert "Check your answers" in text(page)
    assert (ApprovalRequest.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)


@pytest.mark.parametrize("kind", FORMS)
def test_the_second_step_sends_what_the_first_one_showed(cast, as_, examined, kind):
    client = as_("requester")
    page = client.post(f"/requests/new/{kind}/", form(kind))
    fields = {name: hidden(page, name) for name in form(kind)}
    response = client.post(f"/requests/new/{kind}/check/", fields)
    item = ApprovalRequest.objects.get()
    assert (item.kind, item.customer, response["Location"]) == (
        kind,
        "A. Silva",
        f"/requests/{item.ref}/",
    )


def test_the_amount_is_what_was_typed(cast, as_, examined):
    as_("requester").post("/requests/new/refund/check/", form())
    assert ApprovalRequest.objects.get().amount == 124_000


def test_the_check_page_says_what_it_will_need(cast, as_, examined):
    page = text(as_("requester").post("/requests/new/refund/", form()))
    assert "This will need 2 Finance approvals" in page
    assert "EUR 2,000.00" in page


def test_the_check_page_of_a_small_refund_says_that_it_starts(cast, as_, examined):
    page = text(as_("requester").post("/requests/new/refund/", form(amount="9.00")))
    assert "Nobody has to approve this: it starts when you send it." in page


def test_changing_the_details_keeps_what_was_typed(cast, as_, examined):
    page = text(as_("requester").post("/requests/new/refund/", form(edit="1")))
    assert 'value="1,240.00"' in page


def test_sending_twice_makes_one_request(cast, as_, examined):
    """T1.13."""
    client = as_("requester")
    answers = [client.post("/requests/new/refund/check/", form()) for _ in range(2)]
    item = ApprovalRequest.objects.get()
    assert [answer["Location"] for answer in answers] == [f"/requests/{item.ref}/"] * 2


def test_sending_other_content_with_the_same_key_says_reload(cast, as_, examined):
    """T1.13."""
    client = as_("requester")
    client.post("/requests/new/refund/check/", form())
    again = client.post("/requests/new/refund/check/", form(amount="1,250.00"))
    assert (again.status_code, ApprovalRequest.objects.count()) == (422, 1)
    assert "Reload it" in text(again)


@pytest.mark.parametrize("step", ["", "check/"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "1.5"},
        {"amount": "-1"},
        {"amount": "99999999999999999999"},
        {"amount": ""},
        {"currency": "XXX"},
        {"currency": "USD"},
        {"payment": "88120"},
        {"order": ""},
        {"order": "   "},
        {"order": "a\x00b"},
        {"customer": ""},
        {"customer": "x" * 101},
        {"reason": " "},
        {"reason": "x" * 2001},
        {"ticket": "x" * 101},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_a_form_with_a_mistake_comes_back(cast, as_, examined, step, wrong):
    page = as_("requester").post(f"/requests/new/refund/{step}", form(**wrong))
    assert (page.status_code, ApprovalRequest.objects.count()) == (422, 0)


def test_a_form_with_a_mistake_keeps_its_key(cast, as_, examined):
    """T1.14."""
    page = as_("requester").post("/requests/new/refund/", form(amount="1.5"))
    assert hidden(page, "idempotency_key") == "K"


def test_a_corrected_request_is_sent_with_the_same_key(cast, as_, examined):
    """T1.14."""
    client = as_("requester")
    client.post("/requests/new/refund/check/", form(amount="1.5"))
    client.post("/requests/new/refund/check/", form())
    assert ApprovalRequest.objects.count() == 1


def test_what_the_provider_knows_better_comes_back_at_its_field(cast, as_, monkeypatch):
    def examine(self, payload):
        raise Invalid({"amount": "Enter an amount up to EUR 12.00."})

    monkeypatch.setattr(Refund, "examine", examine)
    page = as_("requester").post("/requests/new/refund/", form())
    assert page.status_code == 422
    assert "Enter an amount up to EUR 12.00." in text(page)


def test_a_duplicate_is_shown_with_the_open_one(cast, as_, examined):
    item = cast.ask()
    page = as_("requester").post(
        "/requests/new/refund/check/", form(payment=item.payload["payment"])
    )
    assert page.status_code == 422
    assert item.ref in text(page)


def test_another_one_is_sent_when_its_requester_says_so(cast, as_, examined):
    item = cast.ask()
    as_("requester").post(
        "/requests/new/refund/check/", form(payment=item.payload["payment"], is_another="on")
    )
    assert ApprovalRequest.objects.count() == 2


@pytest.mark.parametrize("step", ["", "check/"])
def test_a_duplicate_that_i_may_not_see_is_not_named(cast, as_, examined, step):
    """T7.6."""
    item = cast.ask()
    grants.give("submit_request", to=cast.stranger, on=item.queue)
    page = as_("stranger").post(
        f"/requests/new/refund/{step}",
        form(payment=item.payload["payment"], amount="88.00"),
    )
    assert item.ref not in text(page)


@pytest.mark.parametrize("who", ["auditor", "admin", "stranger"])
def test_who_may_not_ask_sends_nothing(cast, as_, examined, who):
    page = as_(who).post("/requests/new/refund/check/", form())
    assert (page.status_code, ApprovalRequest.objects.count()) == (403, 0)


@pytest.mark.parametrize("who", ["auditor", "admin", "stranger"])
def test_who_may_not_ask_learns_nothing_of_a_payment(cast, as_, examined, who):
    """I7: the check page shows what was paid."""
    page = as_(who).post("/requests/new/refund/", form())
    assert (examined, "EUR 2,000.00" in text(page)) == ([], False)


def test_the_requester_changes_it_on_its_page(cast, as_):
    item = cast.ask()
    client = as_("requester")
    page = client.get(f"/requests/{item.ref}/resubmit/")
    client.post(
        f"/requests/{item.ref}/resubmit/",
        form(
            order=item.payload["order"],
            payment=item.payload["payment"],
            amount="99.00",
            revision=hidden(page, "revision"),
        ),
    )
    assert (cast.get(item.ref).revision, cast.get(item.ref).amount) == (2, 9900)


def test_a_change_onto_another_open_request_comes_back(cast, as_):
    other, item = cast.ask(), cast.ask()
    page = as_("requester").post(
        f"/requests/{item.ref}/resubmit/",
        form(payment=other.payload["payment"], revision="1"),
    )
    assert page.status_code in (409, 422)


# --- Safe methods and signed-out people -----------------------------------------------------------


def everything() -> tuple:
    return (
        list(ApprovalRequest.objects.order_by("pk").values_list("pk", "version", "state")),
        Event.objects.count(),
        Decision.objects.count(),
        IdempotencyRecord.objects.count(),
        Note.objects.count(),
        jobs(),
    )


@pytest.mark.parametrize(
    "who", ["requester", "operator", "approver", "auditor", "admin", "stranger"]
)
def test_reading_never_changes_anything(cast, as_, provider, who):
    item = cast.ask()
    done = cast.approve(cast.ask())
    cast.run(done)
    paths = [
        "/",
        "/queue/",
        "/decisions/",
        "/lookup/?q=A",
        "/go/?q=RF",
        "/help/",
        "/me/",
        "/requests/new/",
        "/requests/new/refund/",
        f"/requests/{done.ref}/attempts/1/",
    ]
    for ref in (item.ref, done.ref):
        paths += [f"/requests/{ref}/", *(f"/requests/{ref}/{v.replace('_', '-')}/" for v in VERBS)]
    client = as_(who)
    before = everything()
    for path in paths:
        assert client.get(path).status_code < 500, path
    assert everything() == before


@pytest.mark.parametrize("path", ["/queue/", "/decisions/", "/lookup/", "/go/", "/requests/new/"])
def test_pages_that_only_show_take_no_post(cast, as_, path):
    assert as_("operator").post(path).status_code == 405


@pytest.mark.parametrize("verb", [v.replace("_", "-") for v in VERBS])
def test_a_signed_out_post_changes_nothing(cast, verb):
    item = cast.ask()
    before = everything()
    response = Client().post(f"/requests/{item.ref}/{verb}/", decision(item))
    assert response.status_code in (302, 401, 403)
    assert everything() == before


def test_a_signed_out_reader_is_asked_to_sign_in_and_comes_back(cast):
    item = cast.ask()
    response = Client().get(f"/requests/{item.ref}/")
    assert response["Location"] == f"/accounts/login/?next=/requests/{item.ref}/"


def test_a_form_from_another_site_changes_nothing(cast):
    item = cast.ask()
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.approver)
    response = client.post(f"/requests/{item.ref}/approve/", decision(item))
    assert (response.status_code, cast.get(item.ref).version) == (403, 1)


def test_a_closed_account_is_signed_out(cast, as_):
    client = as_("approver")
    cast.approver.is_active = False
    cast.approver.save()
    assert client.get("/queue/").status_code == 302


def test_no_page_may_be_kept_by_a_browser(cast, as_):
    item = cast.ask()
    assert as_("operator").get(f"/requests/{item.ref}/")["Cache-Control"] == "no-store"


def test_an_empty_form_names_what_is_missing(client, cast):
    client.force_login(cast.requester)
    page = client.post("/requests/new/refund/", {}).content.decode()
    for sentence in (
        "Enter the order.",
        "Enter the amount.",
        "Choose the category.",
        "Enter the reason.",
    ):
        assert sentence in page
    assert "This field is required" not in page
