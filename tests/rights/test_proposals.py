"""Changing who may do what: what waits for whom, what counts at once, and what is refused."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts import grants, holding
from accounts.models import Ceiling, Membership, Team, User
from approvals.models import Queue
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed
from audit.models import Event, Outcome
from rights.commands import ending, proposals
from rights.models import Proposal, ProposalState

pytestmark = pytest.mark.usefixtures("db")


def right(holder, code: str, queue: Queue, *, give: bool) -> dict:
    what = "team" if isinstance(holder, Team) else "person"
    return {"what": "right", what: holder.pk, "right": code, "queue": queue.pk, "give": give}


def seat(person: User, team: Team, **more) -> dict:
    said = {"lead": False, "limit": None, "currency": ""} | more
    return {"what": "seat", "person": person.pk, "team": team.pk, **said}


def propose(cast, *changes: dict, by: User | None = None, reason: str = "They asked.", **more):
    said = {"changes": changes, "reason": reason, "by": by or cast.admin, "at": cast.now}
    return proposals.propose(**{**said, "key": cast.key(), **more})


def accept(cast, answer, by: User, **more):
    said = {"pk": int(answer.ref), "by": by, "at": cast.now, "key": cast.key()}
    return proposals.accept(**{**said, **more})


def told(action: str) -> list[Event]:
    return list(Event.objects.filter(action=action, outcome=Outcome.SUCCESS).order_by("seq"))


def test_giving_waits_for_a_second_administrator(cast, other, queue, support):
    answer = propose(cast, right(support, "decide_request", queue, give=True))
    assert not grants.is_given("decide_request", to=support, on=queue)
    assert told("access.give") == []
    accept(cast, answer, other)
    assert grants.is_given("decide_request", to=support, on=queue)
    [event] = told("access.give")
    assert event.facts["holder"] == "Support"
    assert event.facts["proposal"] == int(answer.ref)
    assert event.reason == "They asked."
    assert event.actor_id == str(other.pk)
    assert (event.target_type, event.target_id) == ("queue", "refunds")


def test_taking_away_counts_at_once(cast, queue, finance):
    answer = propose(cast, right(finance, "decide_request", queue, give=False))
    assert answer.ref == "done"
    assert not grants.is_given("decide_request", to=finance, on=queue)
    assert [event.facts["right"] for event in told("access.take")] == ["decide_request"]
    assert not cast.access(cast.approver).holds("decide_request", queue.pk)
    assert not Proposal.objects.exists()


def test_where_something_is_given_too_nothing_is_taken_before(cast, other, queue, finance, support):
    answer = propose(
        cast,
        right(finance, "decide_request", queue, give=False),
        right(support, "decide_request", queue, give=True),
    )
    assert grants.is_given("decide_request", to=finance, on=queue)
    accept(cast, answer, other)
    assert not grants.is_given("decide_request", to=finance, on=queue)
    assert grants.is_given("decide_request", to=support, on=queue)


def test_who_asked_does_not_accept_not_even_from_a_second_account(cast, other, queue, support):
    answer = propose(cast, right(support, "decide_request", queue, give=True))
    with pytest.raises(NotAllowed, match="You asked for it yourself"):
        accept(cast, answer, cast.admin)
    User.objects.filter(pk=other.pk).update(person_key=cast.admin.person_key)
    with pytest.raises(NotAllowed, match="You asked for it yourself"):
        accept(cast, answer, other)
    assert not grants.is_given("decide_request", to=support, on=queue)
    refused = Event.objects.filter(outcome=Outcome.DENIED, reason_code="own-proposal")
    assert refused.count() == 2


@pytest.mark.parametrize("what", ["right", "seat", "administrator"])
def test_nobody_accepts_what_is_given_to_themselves(cast, other, queue, finance, what):
    change = {
        "right": right(other, "decide_request", queue, give=True),
        "seat": seat(other, finance),
        "administrator": {"what": "administrator", "person": other.pk, "give": True},
    }[what]
    if what == "administrator":
        User.objects.filter(pk=other.pk).update(is_superuser=False)
    answer = propose(cast, change)
    with pytest.raises(NotAllowed, match="gives rights to yourself"):
        accept(cast, answer, other)
    assert Event.objects.filter(reason_code="own-rights", outcome=Outcome.DENIED).exists()


@pytest.mark.parametrize("who", ["operator", "approver", "auditor", "requester", "stranger"])
def test_only_administrators_ask_and_accept(cast, queue, support, who):
    change = right(support, "decide_request", queue, give=True)
    with pytest.raises(NotAllowed):
        propose(cast, change, by=getattr(cast, who))
    answer = propose(cast, change)
    with pytest.raises(NotAllowed):
        accept(cast, answer, getattr(cast, who))
    assert Event.objects.filter(outcome=Outcome.DENIED, reason_code="administrators").count() == 2


def test_a_seat_is_given_changed_and_taken(cast, other, finance):
    person = cast.stranger
    accept(cast, propose(cast, seat(person, finance, limit=50_000, currency="EUR")), other)
    row = Membership.objects.get(user=person, group=finance)
    assert (row.limit_amount, row.limit_currency, row.is_lead) == (50_000, "EUR", False)
    assert propose(cast, seat(person, finance, limit=40_000, currency="EUR")).ref == "done"
    row.refresh_from_db()
    assert row.limit_amount == 40_000
    leave = {"what": "seat", "person": person.pk, "team": finance.pk, "leave": True}
    assert propose(cast, leave).ref == "done"
    assert not Membership.objects.filter(user=person, group=finance).exists()
    assert [event.facts["as"] for event in told("access.join")] == ["decides up to EUR 500.00"]
    assert len(told("access.change_seat")) == len(told("access.leave")) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"limit": 200_001, "currency": "EUR"},
        {"limit": None},
        {"limit": 100, "currency": "USD"},
        {"limit": 100, "currency": "EUR", "lead": True},
    ],
)
def test_a_wider_seat_waits(cast, finance, more):
    """Their limit is EUR 2,000.00."""
    answer = propose(cast, seat(cast.limited_approver, finance, **more))
    assert answer.ref != "done"
    assert Membership.objects.get(user=cast.limited_approver, group=finance).limit_amount == 200_000


def test_administrators_are_made_by_two_and_the_last_one_stays(cast, other):
    person = cast.stranger
    make = {"what": "administrator", "person": person.pk, "give": True}
    accept(cast, propose(cast, make), other)
    person.refresh_from_db()
    assert person.is_staff
    assert person.is_superuser
    for user in (person, other):
        assert propose(cast, {**make, "person": user.pk, "give": False}).ref == "done"
    with pytest.raises(Invalid, match="last administrator"):
        propose(cast, {**make, "person": cast.admin.pk, "give": False})
    assert len(told("access.dismiss")) == 2


def test_accepted_twice_counts_once(cast, other, queue, support):
    answer = propose(cast, right(support, "decide_request", queue, give=True))
    key = cast.key()
    first = accept(cast, answer, other, key=key)
    assert accept(cast, answer, other, key=key).sentence == first.sentence
    with pytest.raises(TransitionNotAllowed, match="accepted already"):
        accept(cast, answer, other)
    assert len(told("access.give")) == 1


def test_what_is_so_already_is_not_recorded_again(cast, other, queue, support):
    first, second = (
        propose(cast, right(support, "decide_request", queue, give=True)) for _ in range(2)
    )
    accept(cast, first, other)
    accept(cast, second, other)
    assert len(told("access.give")) == 1
    with pytest.raises(Invalid, match="It is so already"):
        propose(cast, right(support, "decide_request", queue, give=True))


def test_old_proposals_are_asked_for_again(cast, other, queue, support):
    answer = propose(cast, right(support, "decide_request", queue, give=True))
    with pytest.raises(TransitionNotAllowed, match="more than 7 days ago"):
        accept(cast, answer, other, at=cast.now + timedelta(days=7, seconds=1))


def test_it_can_be_refused_and_withdrawn(cast, other, queue, support):
    change = right(support, "decide_request", queue, give=True)
    first, second = propose(cast, change), propose(cast, change)
    said = {"at": cast.now}
    with pytest.raises(TransitionNotAllowed, match="withdraw it"):
        proposals.refuse(pk=int(first.ref), by=cast.admin, key=cast.key(), **said)
    with pytest.raises(TransitionNotAllowed, match="Only who asked"):
        proposals.withdraw(pk=int(first.ref), by=other, key=cast.key(), **said)
    proposals.refuse(pk=int(first.ref), by=other, key=cast.key(), **said)
    proposals.withdraw(pk=int(second.ref), by=cast.admin, key=cast.key(), **said)
    states = Proposal.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == [ProposalState.REFUSED, ProposalState.WITHDRAWN]
    for answer in (first, second):
        with pytest.raises(TransitionNotAllowed):
            accept(cast, answer, other)
    assert len(told("access.refuse")) == len(told("access.withdraw")) == 1


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"what": "nonsense"},
        {"what": "right", "team": 1, "right": "decide_request", "queue": 999_999, "give": True},
        {"what": "right", "team": "1", "right": "decide_request", "queue": 1, "give": True},
        {"what": "right", "team": 999_999, "right": "view_queue", "queue": "{queue}", "give": True},
        {"what": "right", "team": "{team}", "right": "delete", "queue": "{queue}", "give": True},
        {"what": "seat", "person": "{person}", "team": "{team}", "limit": -1, "currency": "EUR"},
        {"what": "seat", "person": "{person}", "team": "{team}", "limit": 1, "currency": "XXX"},
        {
            "what": "seat",
            "person": "{person}",
            "team": "{team}",
            "limit": 10**16,
            "currency": "EUR",
        },
        {"what": "seat", "person": "{person}", "team": "{team}", "limit": "1", "currency": "EUR"},
        {"what": "administrator", "person": "{robot}", "give": True},
    ],
)
def test_what_makes_no_sense_changes_nothing(cast, queue, finance, change):
    robot = User.objects.get(email="webshop@demo.test")
    known = {
        "{queue}": queue.pk,
        "{team}": finance.pk,
        "{person}": cast.stranger.pk,
        "{robot}": robot.pk,
    }
    with pytest.raises(Invalid):
        propose(cast, {name: known.get(value, value) for name, value in change.items()})
    assert not Proposal.objects.exists()


def test_a_closed_account_is_given_nothing(cast, queue, finance):
    person = cast.stranger
    User.objects.filter(pk=person.pk).update(is_active=False)
    for change in (seat(person, finance), right(person, "view_queue", queue, give=True)):
        with pytest.raises(Invalid, match="is closed"):
            propose(cast, change)


def test_a_reason_is_needed_and_what_there_is_not_is_not_found(cast, other, queue, support):
    change = right(support, "decide_request", queue, give=True)
    for reason in ("", "  ", "x" * 2001, "a\x00b"):
        with pytest.raises(Invalid):
            propose(cast, change, reason=reason)
    with pytest.raises(NotFound):
        proposals.accept(pk=999_999, by=other, at=cast.now, key=cast.key())


def test_an_address_is_changed_by_two(cast, other):
    """A new password is sent there: who may change it alone could become anybody."""
    change = {"what": "address", "person": cast.approver.pk, "address": "New@Demo.test"}
    answer = propose(cast, change)
    assert User.objects.get(pk=cast.approver.pk).email == "finance1@demo.test"
    accept(cast, answer, other)
    assert User.objects.get(pk=cast.approver.pk).email == "new@demo.test"
    assert len(told("access.change_address")) == 1
    assert User.objects.get(pk=cast.approver.pk).held_until is not None
    for address in ("", "nobody", "finance2@DEMO.test", "a\x00@b.test"):
        with pytest.raises(Invalid):
            propose(cast, {**change, "address": address})


def ceiling(team: Team, amount: int | None, *, person: User | None = None) -> dict:
    whose = {"person": person.pk} if person else {}
    return {"what": "ceiling", "team": team.pk, **whose, "amount": amount, "currency": "EUR"}


@pytest.mark.parametrize("of_one", [True, False])
def test_a_ceiling_is_lowered_at_once_and_raised_by_two(cast, other, finance, of_one):
    person = cast.approver if of_one else None
    rows = Ceiling.objects.filter(team=finance, user=person)
    assert propose(cast, ceiling(finance, 100_000, person=person)).ref == "done"
    assert propose(cast, ceiling(finance, 50_000, person=person)).ref == "done"
    assert rows.get().amount == 50_000
    higher = propose(cast, ceiling(finance, 60_000, person=person))
    gone = propose(cast, ceiling(finance, None, person=person))
    assert rows.get().amount == 50_000
    accept(cast, higher, other)
    assert rows.get().amount == 60_000
    accept(cast, gone, other)
    assert not rows.exists()
    assert [event.facts["most"] for event in told("access.ceiling")] == [
        "up to EUR 1,000.00",
        "up to EUR 500.00",
        "up to EUR 600.00",
        "any sum",
    ]


def test_needing_a_second_factor_counts_at_once_and_is_waived_by_two(cast, other, finance):
    need = {"what": "team_factor", "team": finance.pk, "need": True}
    assert propose(cast, need).ref == "done"
    finance.refresh_from_db()
    assert finance.needs_second_factor
    answer = propose(cast, {**need, "need": False})
    finance.refresh_from_db()
    assert finance.needs_second_factor
    accept(cast, answer, other)
    finance.refresh_from_db()
    assert not finance.needs_second_factor
    assert len(told("access.need_factor")) == len(told("access.waive_factor")) == 1


def test_a_lost_second_factor_is_taken_away_by_two_and_sessions_end(cast, other):
    Authenticator.objects.create(user=cast.approver, type="totp", data={"secret": "x"})
    client = Client()
    client.force_login(cast.approver)
    assert client.get("/me/").status_code == 200
    answer = propose(cast, {"what": "lost_factor", "person": cast.approver.pk})
    assert Authenticator.objects.filter(user=cast.approver).exists()
    assert client.get("/me/").status_code == 200
    accept(cast, answer, other)
    assert not Authenticator.objects.filter(user=cast.approver).exists()
    assert client.get("/me/").status_code == 302
    assert len(told("access.reset_factor")) == 1
    assert User.objects.get(pk=cast.approver.pk).held_until is not None
    with pytest.raises(Invalid, match="It is so already"):
        propose(cast, {"what": "lost_factor", "person": cast.approver.pk})


def test_whose_sign_in_was_renewed_accepts_nothing_for_a_day(cast, other, queue, support):
    answer = propose(cast, right(support, "decide_request", queue, give=True))
    holding.begin(other)
    with pytest.raises(NotAllowed, match="You can decide again from"):
        accept(cast, answer, other)
    assert not grants.is_given("decide_request", to=support, on=queue)


def test_an_administrator_signs_somebody_out_everywhere(cast, other):
    clients = [Client(), Client()]
    for client in clients:
        client.force_login(cast.approver)
        client.get("/me/")
    answer = ending.end_sessions(pk=cast.approver.pk, by=cast.admin, at=cast.now, key=cast.key())
    assert answer.sentence == "2 sessions are ended."
    assert [client.get("/me/").status_code for client in clients] == [302, 302]
    assert told("access.end_sessions")[0].facts["sessions"] == 2
    with pytest.raises(NotAllowed):
        ending.end_sessions(pk=cast.admin.pk, by=cast.operator, at=cast.now, key=cast.key())
    with pytest.raises(NotFound):
        ending.end_sessions(pk=999_999, by=cast.admin, at=cast.now, key=cast.key())
