"""Hold, resume, try again and ask: what operations may do while a request is carried out."""

from datetime import timedelta

import pytest

from approvals import queries, stuck
from approvals.causes import CAUSES
from approvals.commands import decide, operate, settle, submit
from approvals.kinds.base import Absent, Done, Refused, Unknown
from approvals.models import Effect, State
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed
from approvals.views.verbs import offers
from tests.approvals.common import events_of, jobs, refused_on

LATER = timedelta(minutes=2)
FOR_GOOD = Refused("refused-by-provider", permanent=True, evidence="No.")
FOR_NOW = Refused("too-many-requests", permanent=False)
NO_ANSWER = Unknown("no-answer")


def act(cast, command, item, by=None, *, at=None, **body):
    return command(ref=item.ref, by=by or cast.operator, at=at or cast.now, key=cast.key(), **body)


def tried(cast, by=None, **body):
    return {"by": by or cast.operator, "at": cast.now, "key": cast.key(), **body}


@pytest.fixture
def approved(cast):
    return cast.approve(cast.ask())


@pytest.fixture
def retrying(cast, approved, provider):
    provider.sends = FOR_NOW
    assert cast.run(approved) == "postponed"
    return cast.get(approved.ref)


@pytest.fixture
def needs_person(cast, approved, provider):
    provider.sends = FOR_GOOD
    assert cast.run(approved) == "needs a person"
    return cast.get(approved.ref)


@pytest.fixture
def doubtful(cast, approved, provider):
    provider.sends = provider.finds = NO_ANSWER
    assert cast.run(approved) == "in doubt"
    return cast.get(approved.ref)


# --- Hold and resume -------------------------------------------------------------------------------


def test_what_is_held_is_not_sent(cast, approved, provider):
    act(cast, operate.hold, approved, reason="Looking into it.")
    assert cast.run(approved) == "nothing"
    assert provider.sent == []
    assert cast.get(approved.ref).state == State.APPROVED


def test_tries_do_not_count_down_while_held(cast, retrying, provider):
    act(cast, operate.hold, retrying, reason="Looking into it.")
    for hours in range(1, 6):
        cast.run(retrying, at=cast.now + timedelta(hours=hours))
    effect = Effect.objects.get(item=retrying)
    assert (effect.attempts, len(provider.sent)) == (1, 1)


def test_a_hold_says_who_why_and_since_when(cast, retrying):
    act(cast, operate.hold, retrying, reason="Their status page is red.")
    item = cast.get(retrying.ref)
    assert (item.held_by, item.hold_reason, item.held_at) == (
        cast.operator,
        "Their status page is red.",
        cast.now,
    )
    assert events_of(item)[-1].action == "request.hold"
    assert events_of(item)[-1].reason == "Their status page is red."


def test_a_resumed_request_goes_on_with_the_same_key(cast, retrying, provider):
    act(cast, operate.hold, retrying, reason="Wait.")
    act(cast, operate.resume, retrying)
    provider.sends = Done("re_1")
    assert cast.run(retrying, at=cast.now + timedelta(hours=1)) == "done"
    assert len({effect.key for effect in provider.sent}) == 1


def test_resuming_asks_for_the_job_that_makes_it_go_on(cast, retrying):
    act(cast, operate.hold, retrying, reason="Wait.")
    before = jobs()
    act(cast, operate.resume, retrying)
    assert jobs() == before + 1


def test_what_is_in_doubt_is_asked_about_also_when_held_but_not_sent_again(
    cast, doubtful, provider
):
    act(cast, operate.hold, doubtful, reason="Wait.")
    provider.finds = Absent("No trace.")
    assert cast.run(doubtful, at=cast.now + timedelta(minutes=5)) == "postponed"
    assert cast.run(doubtful, at=cast.now + timedelta(minutes=6)) == "nothing"
    assert len(provider.sent) == 1


def test_a_hold_needs_a_reason(cast, approved):
    with pytest.raises(Invalid):
        act(cast, operate.hold, approved, reason="  ")


def test_a_second_hold_is_refused(cast, approved):
    act(cast, operate.hold, approved, reason="Wait.")
    refusal = refused_on(NotAllowed, approved, operate.hold, **tried(cast, reason="Me too."))
    assert refusal.facts["rule"] == "already-held"


def test_what_is_not_held_cannot_be_resumed(cast, approved):
    refusal = refused_on(NotAllowed, approved, operate.resume, **tried(cast))
    assert refusal.facts["rule"] == "not-held"


@pytest.mark.parametrize("who", ["requester", "approver", "auditor"])
@pytest.mark.parametrize("verb", ["hold", "resume", "ask_provider"])
def test_only_operations_can(cast, doubtful, verb, who):
    body = {"reason": "x"} if verb == "hold" else {}
    person = getattr(cast, who)
    refusal = refused_on(
        NotAllowed, doubtful, getattr(operate, verb), **tried(cast, person, **body)
    )
    assert refusal.sentence.startswith("Only operations")


@pytest.mark.parametrize("who", ["requester", "approver", "auditor"])
def test_only_operations_can_have_it_tried_again(cast, retrying, who):
    """T3.5: the button needs permission."""
    refused_on(NotAllowed, retrying, operate.try_again, **tried(cast, getattr(cast, who)))


def test_a_stranger_learns_nothing(cast, retrying):
    refused_on(NotFound, retrying, operate.try_again, **tried(cast, cast.stranger))


@pytest.mark.parametrize("verb", ["hold", "try_again", "ask_provider"])
def test_a_pending_request_has_none_of_these(cast, verb):
    item = cast.ask()
    body = {"reason": "x"} if verb == "hold" else {}
    refused_on(TransitionNotAllowed, item, getattr(operate, verb), **tried(cast, **body))


def test_taking_back_an_approval_ends_the_hold(cast, approved):
    act(cast, operate.hold, approved, reason="Wait.")
    decide.take_back(ref=approved.ref, by=cast.approver, at=cast.now, key=cast.key())
    assert cast.get(approved.ref).held_at is None


def test_a_held_request_is_stuck_in_the_list_and_on_its_page(cast, approved):
    act(cast, operate.hold, approved, reason="Wait.")
    item = cast.get(approved.ref)
    found = queries.requests().filter(stuck.is_stuck(cast.now))
    assert item in found
    assert stuck.why_stuck(item, cast.now, has_deciders=True) == "It is held."


# --- Try again -------------------------------------------------------------------------------------


def test_a_retry_can_be_made_now(cast, retrying, provider):
    act(cast, operate.try_again, retrying)
    provider.sends = Done("re_1")
    assert cast.run(retrying, at=cast.now) == "done"
    assert len({effect.key for effect in provider.sent}) == 1


def test_the_shown_time_is_the_stored_one(cast, retrying):
    """Check 12 of the pages: after "try again" the stored time changes, and an event names who."""
    before = retrying.effect.next_attempt_at
    act(cast, operate.try_again, retrying)
    item = cast.get(retrying.ref)
    assert before > cast.now == item.effect.next_attempt_at
    last = events_of(item)[-1]
    assert (last.action, last.actor_id) == ("request.try_again", str(cast.operator.pk))


def test_after_the_last_try_one_more_is_given(cast, needs_person, provider):
    act(cast, operate.try_again, needs_person)
    item = cast.get(needs_person.ref)
    assert (item.state, item.effect.max_attempts >= item.effect.attempts + 1) == (
        State.RETRYING,
        True,
    )
    provider.sends = Done("re_1")
    assert cast.run(item, at=cast.now + LATER) == "done"


def test_after_eight_tries_the_ninth_is_the_last(cast, approved, provider):
    provider.sends = FOR_NOW
    for hours in range(1, 12):
        cast.run(approved, at=cast.now + timedelta(hours=2 * hours))
    item = cast.get(approved.ref)
    assert (item.state, item.effect.attempts) == (State.NEEDS_PERSON, 8)
    act(cast, operate.try_again, item)
    assert cast.run(item, at=cast.now + timedelta(days=2)) == "needs a person"
    assert cast.get(item.ref).effect.attempts == 9


def test_what_may_have_been_done_is_not_tried_again(cast, doubtful):
    """Check 13 of the pages: no resend in doubt, neither as a button nor by POST."""
    refused_on(TransitionNotAllowed, doubtful, operate.try_again, **tried(cast))
    assert not offers("try_again", doubtful)


def test_what_was_sent_and_given_up_is_not_tried_again(cast, approved, provider):
    provider.sends = Refused("key-mismatch", permanent=True)
    cast.run(approved)
    item = cast.get(approved.ref)
    assert (item.state, item.effect.sent_at is None) == (State.NEEDS_PERSON, False)
    refusal = refused_on(TransitionNotAllowed, item, operate.try_again, **tried(cast))
    assert "may have been done" in refusal.sentence
    assert not offers("try_again", item)
    assert not offers("withdraw", item)


@pytest.mark.parametrize("code", [c.code for c in CAUSES.values() if not c.can_try_again])
def test_what_cannot_help_is_not_offered(cast, approved, provider, code):
    provider.sends = Refused(code, permanent=True)
    cast.run(approved)
    item = cast.get(approved.ref)
    refused_on(TransitionNotAllowed, item, operate.try_again, **tried(cast))
    assert not offers("try_again", item)


def test_what_is_held_is_resumed_first(cast, retrying):
    act(cast, operate.hold, retrying, reason="Wait.")
    refusal = refused_on(NotAllowed, retrying, operate.try_again, **tried(cast))
    assert refusal.facts["rule"] == "held"


def test_trying_again_asks_first_whether_it_happened_after_all(cast, needs_person, provider):
    """Two people, or we, may be wrong about absence: the provider has the last word."""
    act(cast, operate.try_again, needs_person)
    provider.finds = Done("re_found")
    assert cast.run(needs_person, at=cast.now + LATER) == "done"
    assert len(provider.sent) == 1  # the first, which was refused
    assert cast.get(needs_person.ref).effect.provider_reference == "re_found"


def test_what_two_people_settled_as_not_done_is_asked_about_before_it_is_sent(
    cast, doubtful, provider
):
    for command, who in ((settle.settle, "operator"), (settle.confirm_settlement, "approver")):
        body = {"happened": False} if command is settle.settle else {}
        command(
            ref=doubtful.ref,
            by=getattr(cast, who),
            at=cast.now + 2 * LATER,
            key=cast.key(),
            revision=1,
            reason="Not on their pages.",
            **body,
        )
    act(cast, operate.try_again, doubtful)
    provider.finds = Done("re_1")
    assert cast.run(doubtful, at=cast.now + LATER) == "done"
    assert len(provider.sent) == 1


def test_a_worker_that_asks_while_it_is_tried_again_comes_too_late(cast, needs_person, provider):
    act(cast, operate.ask_provider, needs_person)

    def meddle(kind, effect):
        act(cast, operate.try_again, needs_person)
        return Absent("No trace.")

    provider.look_up = meddle
    assert cast.run(needs_person) == "too late"
    assert cast.get(needs_person.ref).state == State.RETRYING


# --- Ask the provider --------------------------------------------------------------------------


def test_asking_makes_one_call_that_only_reads(cast, doubtful, provider):
    act(cast, operate.ask_provider, doubtful)
    provider.finds = Done("re_1")
    assert cast.run(doubtful, at=cast.now) == "done"
    assert (len(provider.sent), len(provider.asked)) == (1, 1)


def test_the_provider_s_word_that_it_is_done_ends_what_needed_a_person(cast, approved, provider):
    provider.sends = Refused("key-mismatch", permanent=True)
    cast.run(approved)
    act(cast, operate.ask_provider, approved)
    provider.finds = Done("re_1")
    assert cast.run(approved) == "done"
    assert cast.get(approved.ref).state == State.DONE


def test_absence_that_the_provider_confirms_frees_it(cast, approved, provider):
    provider.sends = Refused("key-mismatch", permanent=True)
    cast.run(approved)
    act(cast, operate.ask_provider, approved)
    assert cast.run(approved, at=cast.now + timedelta(minutes=5)) == "heard"
    item = cast.get(approved.ref)
    assert item.effect.is_proven_absent
    assert offers("withdraw", item)
    assert events_of(item)[-1].facts["answer"] == "it has no trace of it"


def test_absence_seen_too_early_frees_nothing(cast, approved, provider):
    at = cast.now + LATER
    provider.sends = Refused("key-mismatch", permanent=True)
    cast.run(approved, at=at)
    act(cast, operate.ask_provider, approved, at=at)
    assert cast.run(approved, at=at + timedelta(seconds=5)) == "nothing new"
    assert not cast.get(approved.ref).effect.is_proven_absent


def test_a_question_without_a_clear_answer_is_recorded_and_changes_nothing(
    cast, approved, provider
):
    provider.sends = Refused("key-mismatch", permanent=True)
    cast.run(approved)
    act(cast, operate.ask_provider, approved)
    provider.finds = NO_ANSWER
    assert cast.run(approved) == "heard"
    item = cast.get(approved.ref)
    assert (item.state, item.cause) == (State.NEEDS_PERSON, "key-mismatch")
    assert "no answer in time" in events_of(item)[-1].facts["answer"]


def test_a_task_by_hand_has_nobody_to_ask(cast):
    answer = submit.submit(
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        kind="manual",
        payload={"title": "Post it", "instructions": "Print and post."},
        customer="A. Silva",
        reason="Asked.",
    )
    item = cast.approve(cast.get(answer.ref), by=cast.operator)
    cast.run(item)
    item = cast.get(item.ref)
    assert item.cause == "by-hand"
    refused_on(TransitionNotAllowed, item, operate.ask_provider, **tried(cast))
    assert not offers("ask_provider", item)
