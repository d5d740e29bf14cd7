"""A table is tried by a worker: progress, result, lists behind the numbers, and every way to end."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from accounts import grants
from accounts.models import User
from approvals.commands import submit
from approvals.exporting import FORMULA
from approvals.models import ApprovalRequest, Policy, Queue
from approvals.refusals import Invalid, NotAllowed, TransitionNotAllowed
from audit.models import Event
from policies import jobs, listing, trying
from policies.commands import trials
from policies.models import Trial, TrialRow
from tests.policies.test_drafts import TABLE, begin, change

pytestmark = pytest.mark.usefixtures("db")
PERIOD = {"since": datetime(2026, 11, 1, tzinfo=UTC), "until": datetime(2026, 12, 1, tzinfo=UTC)}


@pytest.fixture(autouse=True)
def woken(monkeypatch) -> list[int]:
    asked: list[int] = []
    monkeypatch.setattr(jobs, "wake", asked.append)
    return asked


def ask(cast, *, by: User | None = None, **changes: object) -> Trial:
    said = {"draft": None, "number": None, **PERIOD, "at": cast.now, "key": cast.key()}
    answer = trials.ask(slug="refunds", by=by or cast.admin, **{**said, **changes})
    return Trial.objects.get(pk=int(answer.ref))


def finish(cast, trial: Trial, **changes: object) -> Trial:
    trying.run(trial.pk, clock=lambda: cast.now, **changes)
    trial.refresh_from_db()
    return trial


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(response) -> str:
    return response.content.decode()


def test_every_number_opens_the_list_behind_it(cast, woken):
    small, large = cast.ask(payload={"amount": 900}), cast.ask(payload={"amount": 120_000})
    draft = change(cast, begin(cast))
    trial = ask(cast, draft=draft.pk)
    assert woken == [trial.pk]
    finish(cast, trial)
    assert trial.result["counts"] == {
        "same": 1,
        "more_approvals": 1,
        "fewer_approvals": 0,
        "other_teams": 0,
        "uncovered": 0,
    }
    client = signed_in(cast.admin)
    url = f"/policies/refunds/simulations/{trial.pk}/"
    page = text(client.get(url))
    assert "2 requests were looked at" in page
    assert "EUR 9.00" in page
    listed = text(client.get(f"{url}requests/?way=more_approvals"))
    assert small.ref in listed
    assert large.ref not in listed
    assert "1 in all" in listed
    assert client.get(f"{url}requests/?way=x").status_code == 404
    told = Event.objects.get(action="policy.try")
    assert told.facts == {"trial": trial.pk, "of": f"draft {draft.pk}"}


def test_lists_hide_what_the_reader_may_not_see(cast):
    for _ in range(3):
        cast.ask(payload={"amount": 900})
    trial = finish(cast, ask(cast, draft=change(cast, begin(cast)).pk))
    auditor = User.objects.get(pk=cast.auditor.pk)
    url = f"/policies/refunds/simulations/{trial.pk}/requests/?way=more_approvals"
    assert text(signed_in(auditor).get(url)).count("/requests/RF-") == 3
    assert signed_in(cast.stranger).get(url).status_code == 404


def listed(cast) -> tuple[str, ApprovalRequest]:
    """The list of what would need more approvals: its address, and a request in it."""
    item = cast.ask(payload={"amount": 900})
    trial = finish(cast, ask(cast, draft=change(cast, begin(cast)).pk))
    return f"/policies/refunds/simulations/{trial.pk}/requests/?way=more_approvals", item


def file_of(client: Client, url: str) -> list[dict]:
    answer = client.get(url.replace("?", "export/?"))
    assert answer.status_code == 200
    lines = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(lines)))


def test_a_row_says_how_much_what_and_when(cast):
    url, item = listed(cast)
    page = text(signed_in(cast.admin).get(url))
    assert 'class="num">EUR 9.00<' in page
    assert f"{item.ref}</span> Refund</a><small>Refunds</small>" in page
    assert item.created_at.strftime("%Y-%m-%dT%H:%M:%SZ") in page
    assert "Asked for anew" not in page


def test_the_file_says_what_the_list_says(cast, monkeypatch):
    monkeypatch.setattr(listing, "CHUNK", 2)
    items = [cast.ask(payload={"amount": 900 + n}) for n in range(5)]
    trial = finish(cast, ask(cast, draft=change(cast, begin(cast)).pk))
    url = f"/policies/refunds/simulations/{trial.pk}/requests/?way=more_approvals"
    client = signed_in(cast.admin)
    page, lines = text(client.get(url)), file_of(client, url)
    assert [line["ref"] for line in lines] == re.findall(r'class="ref">(RF-\d+)<', page)
    assert [line["amount"] for line in lines] == ["9.00", "9.01", "9.02", "9.03", "9.04"]
    row = TrialRow.objects.get(ref=items[0].ref)
    assert lines[0] == {
        "ref": items[0].ref,
        "kind": "refund",
        "queue": "refunds",
        "created_at": "2026-11-24T09:12:00Z",
        "amount": "9.00",
        "currency": "EUR",
        "was": row.was,
        "would_be": row.would_be,
        "way": "more_approvals",
        "nobody": "False",
        "changed_since": "False",
        "link": f"http://testserver/requests/{items[0].ref}/",
    }


def change_content(cast, item: ApprovalRequest, *, at: datetime, amount: int) -> None:
    payload = {**item.payload, "amount": amount}
    said = {"payload": payload, "customer": item.customer, "reason": item.reason}
    submit.resubmit(ref=item.ref, revision=1, by=cast.requester, at=at, key=cast.key(), **said)


def list_of(cast, item: ApprovalRequest) -> str:
    """The address of a list that holds this request."""
    trial = ask(cast)
    TrialRow.objects.create(trial=trial, ref=item.ref, way="uncovered", was="A", nobody=False)
    return f"/policies/refunds/simulations/{trial.pk}/requests/?way=uncovered"


def test_what_was_changed_after_the_trial_says_so(cast):
    item = cast.ask()
    url = list_of(cast, item)
    change_content(cast, item, at=cast.now + timedelta(hours=1), amount=9_900)
    client = signed_in(cast.admin)
    assert "Asked for anew since it was tried" in text(client.get(url))
    [line] = file_of(client, url)
    assert (line["amount"], line["changed_since"]) == ("99.00", "True")
    assert (line["was"], line["would_be"]) == ("A", "")


def test_what_was_changed_before_the_trial_is_what_was_tried(cast):
    item = cast.ask()
    change_content(cast, item, at=cast.now, amount=9_900)
    [line] = file_of(signed_in(cast.admin), list_of(cast, item))
    assert (line["amount"], line["changed_since"]) == ("99.00", "False")


def test_what_moves_no_money_has_no_amount(cast):
    url = list_of(cast, cast.ask_for_account_change())
    client = signed_in(cast.admin)
    assert '<span class="quiet">None</span>' in text(client.get(url))
    [line] = file_of(client, url)
    assert (line["amount"], line["currency"]) == ("", "")


def test_neither_list_nor_file_shows_a_hidden_request(cast):
    elsewhere = Queue.objects.create(
        slug="elsewhere",
        name="Elsewhere",
        kinds=["refund"],
        policy=Policy.objects.get(slug="refunds"),
    )
    team = cast.requester.memberships.first().group.team
    grants.give("submit_request", to=team, on=elsewhere)
    hidden = cast.ask(payload={"amount": 900}, queue="elsewhere")
    url, seen = listed(cast)
    client = signed_in(cast.auditor)
    page = text(client.get(url))
    assert (hidden.ref in page, seen.ref in page) == (False, True)
    assert "1 of this page are of queues that you do not see" in page
    assert [line["ref"] for line in file_of(client, url)] == [seen.ref]


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_the_file_is_a_formula(cast, evil):
    url, _ = listed(cast)
    TrialRow.objects.update(was=evil, would_be=evil)
    [line] = file_of(signed_in(cast.admin), url)
    assert not [cell for cell in line.values() if cell.startswith(FORMULA)]
    assert line["was"].lstrip("'").strip() == evil.strip()


def test_a_file_is_an_event_of_who_took_it(cast):
    url, _ = listed(cast)
    client = signed_in(cast.admin)
    client.get(url)
    assert not Event.objects.filter(action="policy.export_trial").exists()
    file_of(client, url)
    told = Event.objects.get(action="policy.export_trial")
    assert told.stream == f"person/{cast.admin.person_key}"
    assert told.target_id == "refunds"
    assert told.facts == {"trial": Trial.objects.get().pk, "way": "more_approvals"}


def test_a_foreign_role_gets_no_file_and_leaves_no_event(cast):
    url, _ = listed(cast)
    export = url.replace("?", "export/?")
    assert signed_in(cast.stranger).get(export).status_code == 404
    assert signed_in(cast.admin).get(export.replace("more_approvals", "x")).status_code == 404
    assert signed_in(cast.admin).get(export.replace("/refunds/", "/others/")).status_code == 404
    assert signed_in(cast.admin).post(export).status_code == 405
    assert not Event.objects.filter(action="policy.export_trial").exists()


def test_the_file_is_read_as_it_leaves(cast, monkeypatch):
    """Closing it in the middle reads no further."""
    monkeypatch.setattr(listing, "CHUNK", 1)
    for _ in range(4):
        cast.ask(payload={"amount": 900})
    trial = finish(cast, ask(cast, draft=change(cast, begin(cast)).pk))
    read, lines = [], listing.lines
    monkeypatch.setattr(listing, "lines", lambda *args: read.append(1) or lines(*args))
    url = f"/policies/refunds/simulations/{trial.pk}/requests/export/?way=more_approvals"
    answer = signed_in(cast.admin).get(url)
    stream = iter(answer.streaming_content)
    next(stream), next(stream)
    answer.close()
    assert len(read) == 1


def test_a_long_list_has_pages(cast):
    trial = ask(cast)
    rows = [
        TrialRow(trial=trial, ref=f"RF-{n}", way="uncovered", was="A", nobody=False)
        for n in range(120)
    ]
    TrialRow.objects.bulk_create(rows)
    client, url = signed_in(cast.admin), f"/policies/refunds/simulations/{trial.pk}/requests/"
    first = client.get(f"{url}?way=uncovered")
    assert "50 of this page are of queues that you do not see" in text(first)
    assert "Next page" in text(first)
    last = client.get(f"{url}?way=uncovered&after={TrialRow.objects.order_by('pk')[99].pk}")
    assert "Next page" not in text(last)


def test_one_at_a_time_for_each_person(cast):
    ask(cast)
    with pytest.raises(TransitionNotAllowed, match="try something already"):
        ask(cast)
    ask(cast, by=User.objects.get(email="admin2@demo.test"))


def test_it_is_run_once(cast):
    trial = finish(cast, ask(cast))
    before = trial.result
    assert finish(cast, trial).result == before
    assert Trial.objects.count() == 1


def test_stopped_in_the_middle(cast, monkeypatch):
    monkeypatch.setattr("approvals.simulation.TOLD_EVERY", 1)
    cast.ask(payload={"amount": 900})
    draft = change(cast, begin(cast))
    trial = ask(cast, draft=draft.pk)
    finish(cast, trial, must_stop=lambda: True)
    assert (trial.result, trial.failure) == (None, "It was stopped before its end. Try it again.")
    assert not TrialRow.objects.exists()


def test_stopped_by_who_asked(cast):
    trial = ask(cast)
    said = {"pk": trial.pk, "at": cast.now}
    with pytest.raises(Exception, match=str(trial.pk)):
        trials.stop(by=cast.operator, key=cast.key(), **said)
    trials.stop(by=cast.admin, key=cast.key(), **said)
    assert finish(cast, trial).failure == "It was stopped by who asked for it."


def test_lost_with_its_worker(cast):
    trial = ask(cast)
    Trial.objects.update(started_at=cast.now, seen_at=cast.now)
    assert trying.give_up_on_lost(at=cast.now + timedelta(minutes=2)) == 0
    assert trying.give_up_on_lost(at=cast.now + timedelta(minutes=3)) == 1
    trial.refresh_from_db()
    assert trial.failure == "The worker ended before it did. Try it again."
    ask(cast)


def test_never_begun_it_is_woken_again(cast):
    trial = ask(cast)
    assert trying.waiting(cast.now) == []
    assert trying.waiting(cast.now + timedelta(minutes=3)) == [trial.pk]


def test_what_breaks_ends_with_a_sentence(cast, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(trying, "simulate", broken)
    assert finish(cast, ask(cast)).failure == "It could not be done (ZeroDivisionError)."


def test_old_ones_are_forgotten_with_their_rows(cast):
    cast.ask(payload={"amount": 900})
    finish(cast, ask(cast, draft=change(cast, begin(cast)).pk))
    assert TrialRow.objects.exists()
    assert trying.forget_old(at=cast.now + timedelta(days=29)) == 0
    assert trying.forget_old(at=cast.now + timedelta(days=30)) == 1
    assert not TrialRow.objects.exists()


def test_who_does_not_manage_it_tries_nothing(cast):
    with pytest.raises(NotAllowed):
        ask(cast, by=cast.operator)
    assert signed_in(cast.operator).get("/policies/refunds/simulate/").status_code == 403


@pytest.mark.parametrize("changes", [{"number": 99}, {"draft": 99}, {"since": PERIOD["until"]}])
def test_what_there_is_not(cast, changes):
    with pytest.raises(Invalid):
        ask(cast, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"what": ""},
        {"what": "v99"},
        {"what": "x"},
        {"since": "soon"},
        {"until": ""},
        {"since": "0"},
    ],
)
def test_what_is_typed_wrongly(cast, changes):
    typed = {"what": "v1", "since": "2026-11-01", "until": "2026-12-01", **changes}
    answer = signed_in(cast.admin).post("/policies/refunds/simulate/", typed)
    assert answer.status_code == 422
    assert not Trial.objects.exists()


def test_asked_for_on_its_page(cast, woken):
    client = signed_in(cast.admin)
    draft = begin(cast)
    page = text(client.get(f"/policies/refunds/simulate/?draft={draft.pk}"))
    assert f'value="d{draft.pk}" selected' in page
    assert len(re.findall(r'value="\d{4}-\d\d-\d\d"', page)) == 2
    today = date(2026, 12, 1)
    typed = {
        "what": f"d{draft.pk}",
        "since": "2026-11-01",
        "until": today.isoformat(),
        "idempotency_key": cast.key(),
    }
    answer = client.post("/policies/refunds/simulate/", typed)
    trial = Trial.objects.get()
    assert answer["Location"] == f"/policies/refunds/simulations/{trial.pk}/"
    waiting = text(client.get(answer["Location"]))
    assert "It waits for a worker" in waiting
    assert "hx-get" in waiting
    region = client.get(answer["Location"], headers={"HX-Request": "true"})
    assert "<html" not in text(region)
    assert Policy.objects.get(slug="refunds").live.table != TABLE
