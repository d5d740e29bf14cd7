"""The switch of a system: held by people, paused by itself, asked before it goes on."""

from datetime import timedelta

import pytest

from approvals import breaker, queries, stuck, sweeping, switches
from approvals.commands import operate
from approvals.commands.systems import hold_system, resume_system
from approvals.kinds.base import Absent, Done, Refused, Unknown
from approvals.models import Attempt, Effect, Purpose, State, System
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed
from audit.models import Event

DOWN = Unknown("provider-error", "HTTP 500")
NOT_REACHED = Refused("not-reached", permanent=False)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def waiting(cast):
    """Two refunds and an account change, approved."""
    items = [cast.approve(cast.ask()) for _ in range(2)]
    return [*items, cast.approve(cast.ask_for_account_change(), by=cast.operator)]


def switch(slug="stripe") -> System:
    return System.objects.get(slug=slug)


def told(slug="stripe") -> list[str]:
    found = Event.objects.filter(stream=f"system/{slug}").order_by("seq")
    return list(found.values_list("action", flat=True))


def fail(cast, provider, times=breaker.FAILURES_TO_PAUSE, answer=NOT_REACHED):
    provider.sends = answer
    items = [cast.approve(cast.ask()) for _ in range(times)]
    for item in items:
        cast.run(item)
    return items


def hold(cast, by=None, **changes):
    said = {"slug": "stripe", "by": by or cast.operator, "at": cast.now, "key": cast.key()}
    return hold_system(**{**said, "reason": "Their status page is red.", **changes})


def resume(cast, by=None, **changes):
    said = {"slug": "stripe", "by": by or cast.operator, "at": cast.now, "key": cast.key()}
    return resume_system(**{**said, **changes})


# --- Held by a person ------------------------------------------------------------------------------


def test_nothing_is_sent_to_a_held_system_and_no_try_is_used_up(cast, waiting, provider):
    """Check 30 of the pages."""
    hold(cast)
    for hours in range(1, 4):
        assert cast.run(waiting[0], at=cast.now + timedelta(hours=hours)) == "nothing"
    assert provider.sent == []
    assert Effect.objects.get(item=waiting[0]).attempts == 0


def test_other_systems_go_on(cast, waiting, provider):
    hold(cast)
    assert cast.run(waiting[2]) == "done"


def test_what_is_in_doubt_is_asked_about_while_its_system_is_held(cast, waiting, provider):
    provider.sends = Unknown("no-answer")
    cast.run(waiting[0])
    hold(cast)
    provider.finds = Done("re_1")
    assert cast.run(waiting[0], at=cast.now + timedelta(hours=1)) == "done"


def test_after_resuming_it_goes_on_with_the_same_key(cast, waiting, provider):
    hold(cast)
    cast.run(waiting[0])
    key = Effect.objects.get(item=waiting[0]).key
    resume(cast)
    assert cast.run(waiting[0]) == "done"
    assert [effect.key for effect in provider.sent] == [key]


def test_the_sweeper_leaves_what_waits_for_a_held_system_alone(cast, waiting, provider):
    hold(cast)
    late = cast.now + timedelta(hours=1)
    assert sweeping.to_wake(late) == [waiting[2].pk]
    resume(cast)
    assert sweeping.to_wake(late) == sorted(item.pk for item in waiting)


def test_every_affected_row_says_who_holds_it(cast, waiting):
    hold(cast)
    said = queries.explained([cast.get(item.ref) for item in waiting], cast.now)
    labels = [said[item.pk].label for item in waiting]
    assert labels == ["Stripe is held", "Stripe is held", "Approved, starting"]
    assert "Their status page is red." in said[waiting[0].pk].sentence


def test_what_waits_for_a_held_system_is_stuck_in_the_list_and_on_its_page(cast, waiting):
    hold(cast)
    found = queries.requests().filter(stuck.is_stuck(cast.now))
    assert {item.ref for item in found} == {item.ref for item in waiting[:2]}
    for item in found:
        system = switches.switch_of_kind().get(item.kind)
        assert stuck.why_stuck(item, cast.now, has_deciders=True, system=system)


def test_a_held_system_has_one_event_for_each_change(cast):
    hold(cast)
    resume(cast)
    assert told() == ["system.hold", "system.resume"]
    event = Event.objects.filter(stream="system/stripe").first()
    assert (event.actor_id, event.reason) == (str(cast.operator.pk), "Their status page is red.")


def test_the_same_command_twice_is_one(cast):
    answers = [hold(cast, key="K"), hold(cast, key="K")]
    assert [answer.is_replay for answer in answers] == [False, True]
    assert told() == ["system.hold"]


def test_what_is_held_cannot_be_held_and_what_runs_not_resumed(cast):
    with pytest.raises(TransitionNotAllowed):
        resume(cast)
    hold(cast)
    with pytest.raises(TransitionNotAllowed):
        hold(cast)
    assert told() == ["system.hold"]


@pytest.mark.parametrize("who", ["requester", "auditor", "approver", "admin", "stranger"])
def test_only_operations_can_hold_a_system(cast, who):
    person = getattr(cast, who)
    with pytest.raises(NotAllowed):
        hold(cast, by=person)
    assert not System.objects.filter(held_at__isnull=False).exists()
    denied = Event.objects.get(stream=f"person/{person.person_key}")
    assert (denied.action, denied.outcome) == ("system.hold", "denied")


def test_a_reason_is_needed_and_a_system_that_exists(cast):
    with pytest.raises(Invalid):
        hold(cast, reason=" ")
    with pytest.raises(NotFound):
        hold(cast, slug="nobody")


# --- Paused by itself ------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [NOT_REACHED, DOWN])
def test_failures_in_a_row_pause_the_system(cast, provider, answer):
    fail(cast, provider, answer=answer)
    assert switch().paused_at is not None
    assert told() == ["system.pause"]
    item = cast.approve(cast.ask())
    assert cast.run(item) == "nothing"
    assert Effect.objects.get(item=item).attempts == 0


def test_fewer_failures_pause_nothing(cast, provider):
    fail(cast, provider, breaker.FAILURES_TO_PAUSE - 1)
    assert switch().paused_at is None


def test_a_success_in_between_starts_the_count_anew(cast, provider):
    fail(cast, provider, breaker.FAILURES_TO_PAUSE - 1)
    fail(cast, provider, 1, answer=Done("re_1"))
    fail(cast, provider, 1)
    assert (switch().failures, switch().paused_at) == (1, None)


@pytest.mark.parametrize(
    "answer",
    [
        Refused("payment-disputed", permanent=True),
        Refused("too-many-requests", permanent=False),
        Unknown("provider-pending"),
    ],
)
def test_an_answer_about_one_request_says_nothing_of_the_system(cast, provider, answer):
    fail(cast, provider, breaker.FAILURES_TO_PAUSE + 1, answer=answer)
    assert not System.objects.filter(paused_at__isnull=False).exists()


def test_a_paused_system_is_asked_before_anything_is_sent(cast, provider):
    fail(cast, provider)
    sent = len(provider.sent)
    item = cast.approve(cast.ask())
    due = switch().probe_at
    assert cast.run(item, at=due) == "probed"
    assert len(provider.sent) == sent
    assert Attempt.objects.filter(purpose=Purpose.PROBE).count() == 1
    assert switch().paused_at is None
    assert told() == ["system.pause", "system.unpause"]
    provider.sends = Done("re_1")
    assert cast.run(item, at=due) == "done"


def test_a_probe_without_an_answer_waits_longer(cast, provider):
    fail(cast, provider)
    provider.finds = DOWN
    item = cast.approve(cast.ask())
    waits = []
    for _ in range(3):
        due = switch().probe_at
        assert cast.run(item, at=due) == "probed"
        waits.append(switch().probe_at - due)
    assert waits == sorted(waits)
    assert waits[0] >= MINUTE
    assert told() == ["system.pause"]
    assert cast.get(item.ref).state == State.APPROVED


def test_one_asks_at_a_time(cast, provider):
    fail(cast, provider)
    first, second = (cast.approve(cast.ask()) for _ in range(2))
    due = switch().probe_at
    seen = []

    def meddle(kind, effect):
        seen.append(cast.run(second, at=due))
        return Absent("No trace.")

    provider.look_up = meddle
    assert cast.run(first, at=due) == "probed"
    assert seen == ["nothing"]


def test_after_a_pause_one_more_failure_pauses_again_at_once(cast, provider):
    fail(cast, provider)
    item = cast.approve(cast.ask())
    due = switch().probe_at
    cast.run(item, at=due)
    assert cast.run(item, at=due) == "postponed"
    assert switch().paused_at == due
    assert told() == ["system.pause", "system.unpause", "system.pause"]


def test_a_person_can_end_a_pause(cast, provider):
    fail(cast, provider)
    resume(cast)
    assert (switch().paused_at, switch().failures) == (None, 0)


def test_a_held_system_is_not_probed(cast, provider):
    fail(cast, provider)
    hold(cast)
    item = cast.approve(cast.ask())
    assert cast.run(item, at=cast.now + timedelta(days=1)) == "nothing"


def test_rows_say_that_their_system_is_paused_and_when_it_is_asked(cast, provider):
    items = fail(cast, provider)
    item = cast.get(items[0].ref)
    waiting = queries.explained([item], cast.now)[item.pk]
    assert waiting.label == "Waiting for Stripe"
    assert waiting.next_at == switch().probe_at
    assert "5 times in a row" in waiting.sentence


def test_the_sweeper_wakes_somebody_to_ask_when_it_is_time(cast, provider):
    fail(cast, provider)
    item = cast.approve(cast.ask())
    due = switch().probe_at
    assert item.pk not in sweeping.to_wake(due - timedelta(seconds=1))
    assert item.pk in sweeping.to_wake(due + sweeping.GRACE + MINUTE)


def test_a_hold_on_one_request_outlives_the_system_s(cast, waiting, provider):
    operate.hold(ref=waiting[0].ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Mine.")
    hold(cast)
    resume(cast)
    assert cast.run(waiting[0]) == "nothing"
    assert cast.run(waiting[1]) == "done"
