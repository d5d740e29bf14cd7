"""What nobody woke up is found again; what somebody works on is left alone."""

from datetime import timedelta

import pytest
from procrastinate.contrib.django import app

from accounts.models import Membership
from approvals import queries, stuck, sweeping, timing
from approvals.commands import submit
from approvals.kinds import base, refund
from approvals.models import Effect, State
from audit.models import Event

SOON = timedelta(minutes=2)


@pytest.fixture
def approved(cast):
    return cast.approve(cast.ask())


def answering(monkeypatch, result) -> None:
    monkeypatch.setattr(refund.Refund, "send", lambda self, effect: result)


def killed_while_sending(monkeypatch):
    def die(self, effect):
        raise KeyboardInterrupt

    monkeypatch.setattr(refund.Refund, "send", die)


@pytest.fixture
def abandoned(cast, approved, monkeypatch):
    """Its worker took it at 09:14 and was never heard of again."""
    killed_while_sending(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        cast.run(approved)
    return cast.get(approved.ref)


def test_a_request_of_a_dead_worker_is_found_when_its_lease_is_over(cast, abandoned):
    """T3.2"""
    assert abandoned.state == State.EXECUTING
    later = cast.now + SOON + timing.LEASE + timedelta(seconds=1)
    assert sweeping.to_wake(later) == [abandoned.pk]


def test_a_request_whose_worker_may_live_is_left_alone(cast, abandoned):
    assert sweeping.to_wake(cast.now + SOON + timing.LEASE / 2) == []


def test_what_a_dead_worker_left_is_in_doubt_and_asked_about_at_once(cast, abandoned):
    later = cast.now + SOON + timing.LEASE + timedelta(seconds=1)
    cast.run(abandoned, at=later)
    item = cast.get(abandoned.ref)
    assert (item.state, item.cause) == (State.IN_DOUBT, "worker-died")
    assert (abandoned.pk, later) in cast.woken


def test_an_approved_request_that_did_not_start_is_found(cast, approved):
    late = approved.starts_at + sweeping.GRACE + timedelta(seconds=1)
    assert sweeping.to_wake(late) == [approved.pk]


def test_the_ordinary_job_comes_first(cast, approved):
    assert sweeping.to_wake(approved.starts_at + timedelta(seconds=1)) == []


def test_a_try_past_its_time_is_found(cast, approved, monkeypatch):
    answering(monkeypatch, base.Refused("too-many-requests", permanent=False))
    cast.run(approved)
    due = Effect.objects.get(item=approved).next_attempt_at
    assert sweeping.to_wake(due) == []
    assert sweeping.to_wake(due + sweeping.GRACE + timedelta(seconds=1)) == [approved.pk]


def test_a_doubt_that_nobody_asks_about_is_found(cast, approved, monkeypatch):
    answering(monkeypatch, base.Unknown("no-answer"))
    cast.run(approved)
    due = Effect.objects.get(item=approved).next_question_at
    assert sweeping.to_wake(due + sweeping.GRACE + timedelta(seconds=1)) == [approved.pk]


def test_what_ended_is_left_alone(cast, approved):
    submit.withdraw(
        ref=approved.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="Found it."
    )
    assert sweeping.to_wake(cast.now + timedelta(days=2)) == []


def test_what_a_provider_may_take_back_is_looked_at_again(cast, approved, monkeypatch):
    answering(monkeypatch, base.Done("re_1"))
    cast.run(approved)
    assert sweeping.to_wake(cast.now + timedelta(minutes=50)) == []
    assert sweeping.to_wake(cast.now + timedelta(minutes=70)) == [approved.pk]


def test_what_nobody_decided_expires_once(cast):
    item = cast.ask()
    assert sweeping.expired(item.expires_at - timedelta(seconds=1)) == 0
    assert cast.get(item.ref).state == State.PENDING
    assert [sweeping.expired(item.expires_at) for _ in range(2)] == [1, 0]
    assert cast.get(item.ref).state == State.EXPIRED
    assert Event.objects.filter(stream=item.stream, action="request.expire").count() == 1


# --- Nobody can decide -----------------------------------------------------------------------------


def stranded_events(item) -> list[str]:
    found = Event.objects.filter(stream=item.stream, action__contains="strand").order_by("seq")
    return list(found.values_list("action", flat=True))


@pytest.fixture
def stranded(cast):
    """Its approvers have left, and the sweeper has seen it at 09:42."""
    item = cast.ask()
    Membership.objects.filter(group=item.waiting_team).delete()
    assert sweeping.stranded(cast.now + timedelta(minutes=30)) == 1
    return cast.get(item.ref)


def test_that_nobody_can_decide_is_told_once(cast, stranded):
    assert sweeping.stranded(cast.now + timedelta(minutes=31)) == 0
    assert stranded_events(stranded) == ["request.strand"]


def test_the_page_says_since_when_nobody_can_decide(cast, stranded):
    waiting = queries.explained([stranded], cast.now + timedelta(minutes=40))[stranded.pk]
    assert waiting.label == "Nobody can approve"
    assert waiting.since == cast.now + timedelta(minutes=30)
    assert stranded in queries.requests().filter(stuck.is_stuck(cast.now))


def test_when_somebody_can_again_that_is_told_too(cast, stranded):
    Membership.objects.create(user=cast.approver, group=stranded.waiting_team)
    assert sweeping.stranded(cast.now + timedelta(hours=1)) == 1
    item = cast.get(stranded.ref)
    assert (item.stranded_at, stranded_events(item)) == (
        None,
        ["request.strand", "request.unstrand"],
    )


def test_a_decision_ends_it_as_well(cast, stranded):
    Membership.objects.create(user=cast.approver, group=stranded.waiting_team)
    assert cast.approve(stranded).stranded_at is None


def test_what_somebody_can_decide_is_left_alone(cast):
    item = cast.ask()
    assert sweeping.stranded(cast.now) == 0
    assert cast.get(item.ref).version == 1


def test_two_sweepers_at_once_tell_it_once(cast, monkeypatch):
    """Both found it; the second looks again under the lock."""
    item = cast.ask()
    Membership.objects.filter(group=item.waiting_team).delete()
    assert [sweeping._strand(item.pk, at=cast.now) for _ in range(2)] == [True, False]
    assert stranded_events(item) == ["request.strand"]


def test_every_sweeper_is_a_periodic_job_of_its_own():
    periodic = {task.task.name for task in app.periodic_registry.periodic_tasks.values()}
    assert {
        "approvals.sweep_approved",
        "approvals.sweep_leases",
        "approvals.sweep_retries",
        "approvals.sweep_doubts",
        "approvals.sweep_expired",
        "approvals.sweep_stranded",
        "approvals.rescue",
    } <= periodic
