"""What is seen at the provider, and what follows: late failures, pending, doubt and proof."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals import clock, doctor, execution, queries, stuck, timing
from approvals.commands import operate, settle, submit
from approvals.kinds.base import Absent, Done, Refused, Unknown
from approvals.models import Attempt, Effect, State
from approvals.refusals import TooEarly, TransitionNotAllowed
from approvals.views.verbs import offers
from tests.approvals.common import events_of

HOUR = timedelta(hours=1)
TOOK_BACK = Refused("failed-at-provider", permanent=True, evidence="Refund re_1: status failed.")


@pytest.fixture
def approved(cast):
    return cast.approve(cast.ask())


@pytest.fixture
def done(cast, approved, provider):
    assert cast.run(approved) == "done"
    return cast.get(approved.ref)


# --- After it was done -------------------------------------------------------------------------


def test_what_is_done_is_looked_at_again_on_five_days(cast, done, provider):
    provider.finds = Done("re_1")
    seen = []
    while (due := Effect.objects.get(item=done).next_question_at) is not None:
        seen.append(due - done.effect.settled_at)
        assert cast.run(done, at=due) == "nothing new"
    assert seen == list(timing.CHECKS_AFTER)
    assert cast.get(done.ref).state == State.DONE
    assert cast.get(done.ref).version == done.version


def test_what_the_provider_takes_back_later_needs_a_person(cast, done, provider):
    """T2.5: visible, and never sent again by itself."""
    provider.finds = TOOK_BACK
    assert cast.run(done, at=cast.now + 2 * HOUR) == "failed later"
    item = cast.get(done.ref)
    assert (item.state, item.cause) == (State.NEEDS_PERSON, "failed-at-provider")
    assert item in queries.requests().filter(stuck.is_stuck(cast.now))
    assert events_of(item)[-1].action == "request.report_late_failure"
    for hours in (3, 30, 300):
        assert cast.run(item, at=cast.now + hours * HOUR) == "nothing"
    assert len(provider.sent) == 1


def test_what_was_taken_back_can_be_withdrawn(cast, done, provider):
    provider.finds = TOOK_BACK
    cast.run(done, at=cast.now + 2 * HOUR)
    answer = submit.withdraw(
        ref=done.ref,
        by=cast.operator,
        at=cast.now + 3 * HOUR,
        key=cast.key(),
        reason="Paid by bank transfer instead.",
    )
    assert cast.get(done.ref).state == State.WITHDRAWN
    assert answer.sentence.endswith("What had moved was taken back.")


def test_a_check_without_an_answer_says_nothing_about_what_is_done(cast, done, provider):
    for answer in (Unknown("no-answer"), Absent("No trace.")):
        provider.finds = answer
        due = Effect.objects.get(item=done).next_question_at
        assert cast.run(done, at=due) == "nothing new"
    assert cast.get(done.ref).state == State.DONE


def test_an_account_change_is_not_looked_at_again(cast, provider):
    item = cast.approve(cast.ask_for_account_change(), by=cast.operator)
    assert cast.run(item) == "done"
    assert Effect.objects.get(item=item).next_question_at is None


# --- Accepted, not finished ------------------------------------------------------------------------


def test_what_is_pending_waits_without_being_stuck_until_the_provider_says_more(
    cast, approved, provider
):
    provider.sends = provider.finds = Unknown("provider-pending", "status pending")
    assert cast.run(approved) == "in doubt"
    item = cast.get(approved.ref)
    assert item not in queries.requests().filter(stuck.is_stuck(cast.now))
    assert item in queries.requests().filter(stuck.is_stuck(cast.now + timedelta(days=2)))
    provider.finds = Done("re_1")
    assert cast.run(item, at=cast.now + HOUR) == "done"
    assert len(provider.sent) == 1


def test_news_that_it_was_accepted_after_all_is_an_event(cast, approved, provider):
    provider.sends = Unknown("no-answer")
    cast.run(approved)
    provider.finds = Unknown("provider-pending", "status pending")
    assert cast.run(approved, at=cast.now + HOUR) == "heard"
    item = cast.get(approved.ref)
    assert (item.state, item.cause) == (State.IN_DOUBT, "provider-pending")
    assert events_of(item)[-1].facts["answer"] == "accepted, not finished"
    assert item.waiting_since == cast.now + timedelta(minutes=2)
    assert cast.run(item, at=cast.now + 2 * HOUR) == "still in doubt"
    assert len(events_of(item)) == item.version


def test_what_was_pending_and_failed_needs_a_person(cast, approved, provider):
    provider.sends = Unknown("provider-pending")
    cast.run(approved)
    provider.finds = TOOK_BACK
    assert cast.run(approved, at=cast.now + HOUR) == "needs a person"
    assert len(provider.sent) == 1


# --- Doubt and proof -------------------------------------------------------------------------------


def test_a_try_after_a_doubt_asks_before_it_sends(cast, approved, provider):
    provider.sends = Unknown("connection-lost")
    cast.run(approved)
    cast.run(approved, at=cast.now + HOUR)  # absent: proven, will be tried again
    provider.finds = Done("re_late")
    assert cast.run(approved, at=cast.now + HOUR) == "done"
    assert len(provider.sent) == 1
    assert cast.get(approved.ref).effect.provider_reference == "re_late"


def test_a_question_that_fails_before_a_second_try_sends_nothing(cast, approved, provider):
    provider.sends = Unknown("connection-lost")
    cast.run(approved)
    cast.run(approved, at=cast.now + HOUR)
    provider.finds = Unknown("no-answer")
    assert cast.run(approved, at=cast.now + HOUR) == "in doubt"
    assert len(provider.sent) == 1


def test_a_key_in_use_is_tried_again_but_asked_about_first(cast, approved, provider):
    provider.sends = Refused("provider-busy", permanent=False)
    cast.run(approved)
    item = cast.get(approved.ref)
    assert (item.state, item.effect.ask_first) == (State.RETRYING, True)
    provider.finds = Done("re_1")
    assert cast.run(item, at=cast.now + HOUR) == "done"
    assert len(provider.sent) == 1


def test_a_mismatched_key_stops_and_stays_in_sight(cast, approved, provider):
    provider.sends = Refused("key-mismatch", permanent=True, evidence="idempotency_error")
    assert cast.run(approved) == "needs a person"
    item = cast.get(approved.ref)
    assert item.effect.sent_at is not None
    assert cast.run(item, at=cast.now + timedelta(days=1)) == "nothing"


@pytest.mark.parametrize(
    ("cause", "is_alarm"), [("key-mismatch", True), ("payment-disputed", False)]
)
def test_what_should_never_be_is_logged_for_an_engineer(
    cast, approved, provider, caplog, cause, is_alarm
):
    provider.sends = Refused(cause, permanent=True)
    cast.run(approved)
    told = [line.message for line in caplog.records if line.levelname == "ERROR"]
    assert told == ([f"{approved.ref} needs an engineer: {cause}"] if is_alarm else [])


def test_a_kind_that_answers_nonsense_leaves_a_doubt(cast, approved, provider):
    provider.sends = Absent("A send cannot say this.")
    assert cast.run(approved) == "in doubt"
    assert cast.get(approved.ref).cause == "unrecognised"


def test_a_worker_s_wrong_clock_takes_nobody_s_lease(cast, approved, provider, monkeypatch):
    """±1 h on a worker: the database's time decides, so the lease of another holds."""
    seen = []

    def meddle(kind, effect):
        monkeypatch.setattr(timezone, "now", lambda: clock.database_time() + HOUR)
        seen.append(execution.run(approved.pk, wake=lambda pk, at: None))
        return Done("re_1")

    provider.send = meddle
    cast.now = clock.database_time()
    assert execution.run(approved.pk, wake=lambda pk, at: None) == "done"
    assert seen == ["nothing"]


def test_every_call_is_an_attempt_with_what_was_said(cast, approved, provider):
    provider.sends = Unknown("no-answer", "timed out")
    cast.run(approved)
    provider.finds = Done("re_1", "Refund re_1: status succeeded.")
    cast.run(approved, at=cast.now + HOUR)
    told = Attempt.objects.filter(effect__item=approved).values_list(
        "purpose", "outcome", "cause", "evidence"
    )
    assert list(told) == [
        ("send", "unknown", "no-answer", "timed out"),
        ("look_up", "done", "", "Refund re_1: status succeeded."),
    ]


# --- News of a question ----------------------------------------------------------------------------


def test_what_happened_twice_needs_a_person_and_is_never_withdrawn(cast, approved, provider):
    provider.sends = Unknown("connection-lost")
    cast.run(approved)
    provider.finds = Unknown("found-twice", "re_1 and re_2")
    assert cast.run(approved, at=cast.now + HOUR) == "needs a person"
    item = cast.get(approved.ref)
    assert (item.cause, item.effect.is_proven_absent) == ("found-twice", False)
    assert not offers("withdraw", item)
    assert not offers("try_again", item)


def test_what_is_found_twice_after_it_was_done_comes_back_to_light(cast, done, provider):
    provider.finds = Unknown("found-twice", "re_1 and re_2")
    assert cast.run(done, at=cast.now + 2 * HOUR) == "failed later"
    item = cast.get(done.ref)
    assert (item.state, item.cause) == (State.NEEDS_PERSON, "found-twice")
    assert not offers("withdraw", item)
    assert [found.invariant for found in doctor.examine()] == ["I1"]


def test_an_answer_about_something_else_is_told_as_such(cast, approved, provider):
    provider.sends = Unknown("no-answer")
    cast.run(approved)
    provider.finds = Unknown("answer-of-another", "EUR 1.00")
    assert cast.run(approved, at=cast.now + HOUR) == "heard"
    assert cast.get(approved.ref).cause == "answer-of-another"


def test_the_provider_s_own_waiting_time_holds_for_questions_too(cast, approved, provider):
    provider.sends = Unknown("provider-error", "HTTP 503", retry_after_s=3600)
    cast.run(approved)
    asked_at = Effect.objects.get(item=approved).next_question_at
    assert asked_at >= cast.now + timedelta(minutes=2) + HOUR


def test_a_webhook_during_a_question_is_not_forgotten(cast, approved, provider):
    provider.sends = Unknown("no-answer")
    cast.run(approved)
    began = cast.now + HOUR
    hinted = began + timedelta(seconds=1)

    def meddle(kind, effect):
        Effect.objects.filter(item=approved).update(next_question_at=hinted)
        return Unknown("no-answer")

    provider.look_up = meddle
    assert cast.run(approved, at=began) == "still in doubt"
    assert Effect.objects.get(item=approved).next_question_at == hinted


# --- Holes that the model of the protocol found (docs/model) ---------------------------------------


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.fixture
def lost(cast, approved, provider):
    """Sent two minutes after it was approved, and no answer; the moment is `sent_at`."""
    provider.sends = Unknown("connection-lost")
    cast.run(approved)
    return Effect.objects.get(item=approved)


def worked(cast, item, *moments):
    """A worker's run whose claim and later looks at the clock are at these moments."""
    times = iter([*moments, *moments[-1:] * 5])
    return execution.run(item.pk, wake=lambda *_: None, clock=lambda: next(times))


def test_an_answer_says_what_was_so_when_it_was_asked_for(cast, approved, provider, lost):
    """Asked after 20 s, answered after 31 s: what arrived in between is not in the answer."""
    asked_at = lost.sent_at + seconds(20)
    assert worked(cast, approved, asked_at, asked_at + seconds(11)) == "still in doubt"
    assert Effect.objects.get(item=approved).sent_at is not None


def test_the_quiet_time_counts_from_the_end_of_the_call(cast, approved, provider):
    """Claimed, and cut off 19 s later: only then did the last byte leave."""
    provider.sends = Unknown("connection-lost")
    claimed_at = cast.now + timedelta(minutes=2)
    worked(cast, approved, claimed_at, claimed_at + seconds(19))
    assert cast.run(approved, at=claimed_at + seconds(36)) == "still in doubt"
    assert cast.run(approved, at=claimed_at + seconds(50)) == "postponed"


def test_the_quiet_time_of_a_dead_worker_counts_from_its_last_possible_call(
    cast, approved, provider
):
    def die(kind, effect):
        raise KeyboardInterrupt

    provider.send = die
    claimed_at = cast.now + timedelta(minutes=2)
    with pytest.raises(KeyboardInterrupt):
        cast.run(approved, at=claimed_at)
    cast.run(approved, at=claimed_at + seconds(61))
    assert cast.run(approved, at=claimed_at + seconds(62)) == "still in doubt"
    assert cast.run(approved, at=claimed_at + seconds(76)) == "postponed"


def found(cast, item, who, happened, at):
    settle.settle(
        ref=item.ref,
        by=getattr(cast, who),
        at=at,
        key=cast.key(),
        revision=1,
        happened=happened,
        reason="Looked at their pages.",
    )


def confirmed(cast, item, at, **seen):
    settle.confirm_settlement(
        ref=item.ref, by=cast.approver, at=at, key=cast.key(), revision=1, **seen
    )


def test_nobody_finds_that_it_did_not_happen_while_it_may_still_arrive(cast, approved, lost):
    with pytest.raises(TooEarly, match="may still arrive"):
        found(cast, approved, "operator", False, lost.sent_at + seconds(3))
    found(cast, approved, "operator", True, lost.sent_at + seconds(3))
    found(cast, approved, "operator", False, lost.sent_at + seconds(31))
    confirmed(cast, approved, lost.sent_at + seconds(32))
    assert cast.get(approved.ref).cause == "settled-as-not-done"


def test_a_finding_does_not_outlive_the_try_it_was_about(cast, approved, provider, lost):
    """“Not done” was true, then it was sent anew: confirming it now would be a mistake."""
    found(cast, approved, "operator", False, lost.sent_at + seconds(40))
    cast.run(approved, at=lost.sent_at + seconds(41))
    assert cast.run(approved, at=lost.sent_at + seconds(42)) == "in doubt"
    with pytest.raises(TransitionNotAllowed):
        confirmed(cast, approved, lost.sent_at + seconds(100))


def test_only_the_finding_that_was_read_can_be_confirmed(cast, approved, lost):
    at = lost.sent_at + seconds(40)
    found(cast, approved, "operator", False, at)
    read = cast.get(approved.ref).open_settlement.pk
    found(cast, approved, "second_operator", True, at)
    with pytest.raises(TransitionNotAllowed, match="something else"):
        confirmed(cast, approved, at, finding=read)
    confirmed(cast, approved, at, finding=cast.get(approved.ref).open_settlement.pk)


def test_what_was_taken_back_and_settled_as_not_done_can_be_tried_and_ends(cast, done, provider):
    provider.finds = TOOK_BACK
    cast.run(done, at=cast.now + 2 * HOUR)
    at = cast.now + 3 * HOUR
    found(cast, done, "operator", False, at)
    confirmed(cast, done, at)
    operate.try_again(ref=done.ref, by=cast.operator, at=at, key=cast.key())
    provider.finds = Absent("No trace.")
    assert cast.run(done, at=at) == "done"
    assert cast.get(done.ref).effect.undone_at is None
