"""Breaking the glass: deciding without a seat, in an emergency, told at once and looked at afterwards."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts import access, grants
from accounts.models import Team, User
from approvals import doctor, proof, queries, sweeping
from approvals.commands import decide, glass, submit
from approvals.models import ApprovalRequest, BreakGlass, Decision, Effect, Queue, State
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed
from approvals.rules import may
from audit.models import Event
from notifications import telling
from tests.approvals.common import denied, events_of
from tests.conftest import PASSWORD

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def lead(cast) -> User:
    """Of operations: may break the glass for refunds, and has no seat in Finance."""
    return cast.operator


def broken(
    cast, item, by: User, *, at=None, minutes: int = 60, reason: str = "Provider closes at 10."
):
    said = {"reason": reason, "minutes": minutes}
    return glass.break_glass(ref=item.ref, by=by, at=at or cast.now, key=cast.key(), **said)


def approve(cast, item, by: User, *, at=None):
    seen = {"revision": item.revision, "step": item.step}
    return decide.approve(ref=item.ref, by=by, at=at or cast.now, key=cast.key(), **seen)


def look(cast, item, by: User, *, at=None, reason: str = "I called the bank."):
    at = at or cast.now + timedelta(hours=5)
    return glass.second_look(ref=item.ref, by=by, at=at, key=cast.key(), reason=reason)


def test_who_broke_the_glass_decides_and_it_is_carried_out(cast, lead):
    item = cast.ask()
    with pytest.raises(NotAllowed):
        approve(cast, item, lead)
    broken(cast, item, lead)
    approve(cast, cast.get(item.ref), lead)
    item = cast.get(item.ref)
    assert (item.state, item.glass_by, item.look_due) == (State.APPROVED, None, True)
    assert Decision.objects.get().glass == BreakGlass.objects.get()
    assert proof.is_approved(item, Effect.objects.get(item=item))
    assert doctor.examine() == []


def test_it_counts_for_one_approval_of_several(cast, lead):
    item = cast.ask(payload={"amount": 150_000})
    assert item.open_step.quorum == 2
    broken(cast, item, lead)
    approve(cast, cast.get(item.ref), lead)
    assert cast.get(item.ref).state == State.PENDING
    with pytest.raises(NotAllowed, match="You have decided this step"):
        approve(cast, cast.get(item.ref), lead)


def test_lists_agree_with_the_rule(cast, lead):
    item = cast.ask()
    broken(cast, item, lead)
    item = cast.get(item.ref)
    for how in ("session", "token"):
        lead.auth_method = how
        person = access.of(lead, Queue)
        found = ApprovalRequest.objects.filter(queries.can_decide(person), pk=item.pk).exists()
        assert found == bool(may("approve", item, person)) == (how == "session")
    assert "E. Markou" in queries.deciders_of([item], cast.now)[item.pk].names


def test_leads_and_auditors_are_told_at_once(cast, lead):
    item = cast.ask()
    broken(cast, item, lead)
    event = events_of(item)[-1]
    assert event.reason == "Provider closes at 10."
    told = telling.of_events([event], cast.now)
    assert {one.user_id for one in told} >= {cast.approver.pk, cast.auditor.pk}
    assert all(one.is_urgent for one in told)
    assert lead.pk not in {one.user_id for one in told}


def test_it_closes_by_itself(cast, lead):
    item = cast.ask()
    broken(cast, item, lead, minutes=15)
    late = cast.now + timedelta(minutes=15)
    with pytest.raises(NotAllowed, match="is over"):
        approve(cast, cast.get(item.ref), lead, at=late)
    assert sweeping.glass_closed(late - timedelta(seconds=1)) == 0
    assert sweeping.glass_closed(late) == 1
    assert cast.get(item.ref).glass_by is None
    with pytest.raises(NotAllowed):
        approve(cast, cast.get(item.ref), lead, at=late)
    assert cast.get(item.ref).look_due


# --- Who may not ------------------------------------------------------------------------------------


def test_never_the_requester(cast, lead):
    grants.give("break_glass", to=cast.requester, on=Queue.objects.get(slug="refunds"))
    item = cast.ask()
    with pytest.raises(NotAllowed, match="had a hand"):
        broken(cast, item, cast.requester)
    second = User.objects.create(
        email="s2@x.test", name="S. Two", person_key=cast.requester.person_key
    )
    grants.give("break_glass", to=second, on=Queue.objects.get(slug="refunds"))
    grants.give("view_queue", to=second, on=Queue.objects.get(slug="refunds"))
    with pytest.raises(NotAllowed, match="had a hand"):
        broken(cast, item, second)
    assert len(denied(cast.requester)) == 2  # one person, two accounts
    assert not BreakGlass.objects.exists()


def test_nobody_without_the_right_and_no_superuser(cast):
    item = cast.ask()
    with pytest.raises(NotAllowed, match="may not break the glass"):
        broken(cast, item, cast.approver)
    with pytest.raises(NotFound):
        broken(cast, item, cast.superuser)


def test_no_token_and_no_program(cast, lead):
    item = cast.ask()
    lead.auth_method = "token"
    with pytest.raises(NotAllowed, match="Only a person"):
        broken(cast, item, lead)


def test_the_right_taken_away_decides_nothing(cast, lead):
    item = cast.ask()
    broken(cast, item, lead)
    grants.take("break_glass", of=Team.objects.get(name="Operations"), on=item.queue)
    with pytest.raises(NotAllowed):
        approve(cast, cast.get(item.ref), lead)


def test_and_proves_nothing(cast, lead):
    item = cast.ask()
    broken(cast, item, lead)
    approve(cast, cast.get(item.ref), lead)
    grants.take("break_glass", of=Team.objects.get(name="Operations"), on=item.queue)
    item = cast.get(item.ref)
    assert proof.is_approved(item, Effect.objects.get(item=item)).code == proof.NOT_PROVEN


@pytest.mark.parametrize("column", ["until", "opened_by"])
def test_a_break_that_was_touched_up_proves_nothing(cast, lead, column):
    item = cast.ask()
    broken(cast, item, lead)
    approve(cast, cast.get(item.ref), lead, at=cast.now + timedelta(minutes=30))
    value = {
        "until": cast.now + timedelta(minutes=1),
        "opened_by": cast.second_operator,
    }[column]
    BreakGlass.objects.update(**{column: value})
    item = cast.get(item.ref)
    assert proof.is_approved(item, Effect.objects.get(item=item)).code == proof.NOT_PROVEN


def test_a_change_of_content_closes_it(cast, lead):
    item = cast.ask()
    broken(cast, item, lead)
    content = cast.refund_arguments(payload={**item.payload, "amount": 9_000})
    submit.resubmit(
        ref=item.ref,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        revision=1,
        **{name: content[name] for name in ("payload", "customer", "reason", "ticket")},
    )
    with pytest.raises(NotAllowed):
        approve(cast, cast.get(item.ref), lead)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 5001}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
        ({"minutes": 10_000}, "minutes"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": -15}, "minutes"),
    ],
)
def test_what_is_said_wrongly(cast, lead, changes, field):
    item = cast.ask()
    with pytest.raises(Invalid) as seen:
        broken(cast, item, lead, **changes)
    assert field in seen.value.errors
    assert not cast.get(item.ref).look_due


def test_only_one_at_a_time(cast, lead):
    item = cast.ask()
    broken(cast, item, lead)
    with pytest.raises(TransitionNotAllowed, match="broke the glass already"):
        broken(cast, item, cast.second_operator)


# --- The second look ----------------------------------------------------------------------------------


def test_it_stays_open_until_somebody_else_has_looked(cast, lead):
    item = cast.ask()
    broken(cast, item, lead)
    approve(cast, cast.get(item.ref), lead)
    with pytest.raises(NotAllowed, match="yourself"):
        look(cast, item, lead)
    assert [one.ref for one in queries.with_look_due(cast.access(cast.auditor))] == [item.ref]
    look(cast, item, cast.auditor)
    item = cast.get(item.ref)
    assert item.look_due is False
    one = BreakGlass.objects.get()
    assert (one.looked_by, one.finding) == (cast.auditor, "I called the bank.")
    assert not queries.with_look_due(cast.access(cast.auditor)).exists()
    with pytest.raises(NotAllowed, match="Nobody broke the glass"):
        look(cast, item, cast.auditor)


def test_not_while_it_is_open(cast, lead):
    item = cast.ask()
    broken(cast, item, lead)
    with pytest.raises(TransitionNotAllowed, match="afterwards"):
        look(cast, item, cast.auditor, at=cast.now)


def test_nor_by_who_broke_an_earlier_one(cast, lead):
    item = cast.ask()
    broken(cast, item, lead, minutes=15)
    later = cast.now + timedelta(hours=1)
    sweeping.glass_closed(later)
    broken(cast, item, cast.second_operator, at=later)
    with pytest.raises(TransitionNotAllowed, match="yourself"):
        look(cast, item, lead)
    look(cast, item, cast.auditor)


def test_nor_by_the_requester(cast, lead):
    item = cast.ask()
    broken(cast, item, lead)
    with pytest.raises(NotAllowed):
        look(cast, item, cast.requester)


# --- Pages ----------------------------------------------------------------------------------------------


@pytest.fixture
def signed_in():
    def client(user: User, *, now: bool) -> Client:
        found = Client()
        found.force_login(user)
        if now:
            answer = found.post("/accounts/reauthenticate/", {"password": PASSWORD})
            assert answer.status_code == 302
        return found

    return client


def test_the_page_asks_for_the_password_first(cast, lead, signed_in):
    item = cast.ask()
    answer = signed_in(lead, now=False).get(f"/requests/{item.ref}/break-glass/")
    assert answer.status_code == 302
    assert "/accounts/reauthenticate/" in answer.url


def test_by_page_and_shown_in_red_words(cast, lead, signed_in):
    item = cast.ask()
    client = signed_in(lead, now=True)
    page = client.get(f"/requests/{item.ref}/break-glass/").content.decode()
    assert "For how long" in page
    answer = client.post(
        f"/requests/{item.ref}/break-glass/",
        {"reason": "Emergency.", "minutes": "60", "idempotency_key": cast.key()},
    )
    assert answer.status_code == 302, answer.content.decode()[:2000]
    assert "Glass broken by E. Markou" in client.get("/queue/?view=all").content.decode()
    shown = client.get(f"/requests/{item.ref}/").content.decode()
    assert "Glass broken by E. Markou, until" in shown
    assert "You approve exactly" in shown


@pytest.mark.parametrize("minutes", ["", "61", "abc", "-1"])
def test_a_form_that_lacks_its_time_keeps_what_was_typed(cast, lead, signed_in, minutes):
    item = cast.ask()
    answer = signed_in(lead, now=True).post(
        f"/requests/{item.ref}/break-glass/",
        {"reason": "Typed with care.", "minutes": minutes, "idempotency_key": cast.key()},
    )
    assert answer.status_code == 422
    assert "Typed with care." in answer.content.decode()
    assert not BreakGlass.objects.exists()


def test_second_looks_have_a_page(cast, lead, signed_in):
    item = cast.ask()
    broken(cast, item, lead, reason="<b>Now</b>")
    approve(cast, cast.get(item.ref), lead)
    page = signed_in(cast.auditor, now=False).get("/second-looks/").content.decode()
    assert item.ref in page
    assert "&lt;b&gt;Now" in page
    assert f"/requests/{item.ref}/second-look/" in page
    assert (
        item.ref not in signed_in(cast.stranger, now=False).get("/second-looks/").content.decode()
    )


def test_a_person_present_has_signed_in_within_minutes(cast, signed_in, monkeypatch):
    from approvals.commands.policies import load_policy

    table = [{"name": "All", "steps": [{"team": "Finance", "person_present": True}]}]
    load_policy(slug="refunds", name="Refunds", table=table, at=cast.now)
    item = cast.ask()
    said = {"revision": "1", "step": "1", "reason": "", "idempotency_key": cast.key()}
    old = signed_in(cast.approver, now=False).post(f"/requests/{item.ref}/approve/", said)
    assert "/accounts/reauthenticate/" in old.url
    assert cast.get(item.ref).state == State.PENDING
    signed_in(cast.approver, now=True).post(f"/requests/{item.ref}/approve/", said)
    assert cast.get(item.ref).state == State.APPROVED


def test_what_was_said_goes_with_the_customer(cast, lead):
    from approvals import erasing

    item = cast.ask()
    broken(cast, item, lead)
    submit.withdraw(ref=item.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="No.")
    look(cast, item, cast.auditor)
    erasing.forget(item.pk, actor=cast.admin.actor, at=cast.now, erasure=1)
    one = BreakGlass.objects.get()
    assert (one.reason, one.finding) == ("", "")
    assert Event.objects.filter(stream=item.stream, reason__contains="bank").count() == 0
