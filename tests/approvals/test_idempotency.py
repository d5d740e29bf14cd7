"""One key, one effect, one answer (mechanisms §1); `test_at_once.py` asks the same of twenty threads."""

from datetime import timedelta

import pytest

from accounts import grants
from accounts.models import Membership, Team
from approvals import sweeping
from approvals.commands import decide, frame, operate, submit
from approvals.models import (
    ApprovalRequest,
    Decision,
    Effect,
    IdempotencyRecord,
    State,
)
from approvals.refusals import (
    DuplicateRequest,
    KeyMalformed,
    KeyReused,
    NotAllowed,
    NotFound,
    StepClosed,
    TransitionNotAllowed,
    VersionMismatch,
)
from tests.approvals.common import approve, denied, events_of, jobs, refused


def claim(cast, item, *, by=None, key="K", **changes):
    return operate.claim(ref=item.ref, by=by or cast.operator, at=cast.now, key=key, **changes)


# --- The same again -------------------------------------------------------------------------------


def test_the_same_command_twice_has_the_same_answer(cast):
    """T1.2."""
    item = cast.ask()
    first, second = approve(cast, item), approve(cast, item)
    assert (second.ref, second.verb, second.version, second.at, second.sentence) == (
        first.ref,
        first.verb,
        first.version,
        first.at,
        first.sentence,
    )


def test_the_second_answer_says_that_it_is_a_replay(cast):
    """T1.2."""
    item = cast.ask()
    assert (approve(cast, item).is_replay, approve(cast, item).is_replay) == (False, True)


def test_the_same_command_twice_has_one_decision_one_event_and_one_job(cast):
    """T1.2, I6."""
    item = cast.ask()
    approve(cast, item)
    before = (jobs(), Decision.objects.count(), len(events_of(item)))
    approve(cast, item)
    assert (jobs(), Decision.objects.count(), len(events_of(item))) == before


def test_a_replay_is_no_refused_attempt(cast):
    item = cast.ask()
    approve(cast, item)
    approve(cast, item)
    assert denied(cast.approver) == []


def test_asking_twice_with_one_key_makes_one_request(cast):
    """T1.2."""
    body = cast.refund_arguments()
    answers = [submit.submit(by=cast.requester, at=cast.now, key="K", **body) for _ in range(2)]
    assert (answers[0].ref, ApprovalRequest.objects.count()) == (answers[1].ref, 1)


def test_asking_again_does_not_ask_the_outside_system_again(cast, monkeypatch):
    from approvals.kinds.refund import Refund

    asked = []
    monkeypatch.setattr(Refund, "examine_again", lambda self, payload, key: asked.append(1) or [])
    body = cast.refund_arguments()
    for _ in range(2):
        submit.submit(by=cast.requester, at=cast.now, key="K", **body)
    assert len(asked) == 1


def test_two_spellings_of_one_letter_are_the_same_command(cast):
    item = cast.ask()
    approve(cast, item, reason="Jos\u00e9")
    assert approve(cast, item, reason="Jose\u0301").is_replay


def test_a_replay_answers_after_the_request_moved_on(cast, provider):
    item = cast.ask()
    approve(cast, item)
    cast.run(item)
    assert approve(cast, item).version == 2


def test_bare_and_quoted_are_one_key(cast):
    """T1.7."""
    item = cast.ask()
    approve(cast, item, key="K")
    assert approve(cast, item, key='"K"').is_replay


# --- The same key for something else --------------------------------------------------------------


def test_a_key_with_another_body_is_refused(cast):
    """T1.3."""
    item = cast.ask()
    approve(cast, item)
    assert refused(KeyReused, approve, cast=cast, item=item, reason="Also.").status == 422


def test_a_key_with_another_verb_is_refused(cast):
    """T1.3."""
    item = cast.ask(payload={"amount": 150_000})
    approve(cast, item)
    refused(
        KeyReused,
        decide.reject,
        ref=item.ref,
        by=cast.approver,
        at=cast.now,
        key="K",
        revision=1,
        step=1,
        reason="",
    )


def test_a_key_on_another_request_is_refused(cast):
    """T1.3."""
    first, second = cast.ask(), cast.ask()
    approve(cast, first)
    refused(KeyReused, approve, cast=cast, item=second)


def test_a_reused_key_does_nothing(cast):
    """T1.3."""
    first, second = cast.ask(), cast.ask()
    approve(cast, first)
    before = jobs()
    refused(KeyReused, approve, cast=cast, item=second)
    assert (cast.get(second.ref).version, jobs()) == (1, before)


def test_asking_for_something_else_with_a_used_key_is_refused(cast):
    """T1.3."""
    submit.submit(by=cast.requester, at=cast.now, key="K", **cast.refund_arguments())
    refused(
        KeyReused,
        submit.submit,
        by=cast.requester,
        at=cast.now,
        key="K",
        **cast.refund_arguments(),
    )


@pytest.mark.parametrize(
    "key",
    [
        "",
        '""',
        "x" * 256,
        '"' + "x" * 256 + '"',
        "a b",
        "a\nb",
        "a\x00b",
        "\x7f",
        "schl\u00fcssel",
        "\ud83d",
        " ",
    ],
    ids=repr,
)
def test_what_cannot_be_a_key_is_refused(cast, key):
    """T1.6."""
    item = cast.ask()
    assert refused(KeyMalformed, approve, cast=cast, item=item, key=key).status == 400


@pytest.mark.parametrize("key", ["x", "x" * 255, '"' + "x" * 255 + '"', "!~", '"', 'a"b'])
def test_every_visible_ascii_key_up_to_255_characters_is_taken(cast, key):
    item = cast.ask()
    assert not approve(cast, item, key=key).is_replay


def test_a_malformed_key_leaves_no_trace(cast):
    """T1.6."""
    item = cast.ask()
    refused(KeyMalformed, approve, cast=cast, item=item, key="")
    assert (cast.get(item.ref).version, denied(cast.approver)) == (1, [])


def test_asking_with_a_malformed_key_makes_nothing(cast):
    """T1.6."""
    refused(
        KeyMalformed,
        submit.submit,
        by=cast.requester,
        at=cast.now,
        key="",
        **cast.refund_arguments(),
    )
    assert ApprovalRequest.objects.count() == 0


# --- Whose key ------------------------------------------------------------------------------------


def test_the_same_key_of_another_person_is_another_key(cast):
    """T1.5."""
    item = cast.ask(payload={"amount": 150_000})
    approve(cast, item, by=cast.approver)
    assert not approve(cast, item, by=cast.second_approver).is_replay


def test_after_losing_sight_of_it_the_stored_answer_is_not_shown(cast):
    """T1.12."""
    item = cast.ask()
    approve(cast, item)
    Membership.objects.filter(user=cast.approver).delete()
    refused(NotFound, approve, cast=cast, item=item)


# --- Refusals under a key -------------------------------------------------------------------------


def test_a_final_refusal_is_replayed(cast):
    """T1.10."""
    item = cast.approve(cast.ask())
    first = refused(StepClosed, approve, cast=cast, item=item, by=cast.second_approver)
    again = refused(StepClosed, approve, cast=cast, item=item, by=cast.second_approver)
    assert (again.sentence, dict(again.facts), again.is_replay) == (
        first.sentence,
        dict(first.facts),
        True,
    )


def test_a_replayed_refusal_is_recorded_once(cast):
    """T1.10."""
    item = cast.approve(cast.ask())
    for _ in range(3):
        refused(StepClosed, approve, cast=cast, item=item, by=cast.second_approver)
    assert len(denied(cast.second_approver)) == 1


def test_a_final_refusal_stays_when_the_reason_for_it_is_gone(cast):
    """T1.10."""
    item = cast.approve(cast.ask())
    refused(StepClosed, approve, cast=cast, item=item, by=cast.second_approver)
    decide.take_back(ref=item.ref, by=cast.approver, at=cast.now, key=cast.key())
    refused(StepClosed, approve, cast=cast, item=item, by=cast.second_approver)


def test_a_new_key_is_judged_afresh(cast):
    """T1.10."""
    item = cast.approve(cast.ask())
    refused(StepClosed, approve, cast=cast, item=item, by=cast.second_approver)
    decide.take_back(ref=item.ref, by=cast.approver, at=cast.now, key=cast.key())
    approve(cast, item, by=cast.second_approver, key="L")
    assert cast.get(item.ref).state == State.APPROVED


@pytest.mark.parametrize("kind", [StepClosed, TransitionNotAllowed])
def test_a_replayed_refusal_is_of_the_same_kind(cast, kind):
    item = cast.ask()
    if kind is StepClosed:
        cast.approve(item)
    else:
        submit.withdraw(ref=item.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="No.")
    for _ in range(2):
        refused(kind, approve, cast=cast, item=item, by=cast.second_approver)


def test_a_refused_duplicate_is_replayed_with_the_open_one(cast):
    item = cast.ask()
    body = cast.refund_arguments(payload={"payment": item.payload["payment"]})
    for _ in range(2):
        refusal = refused(
            DuplicateRequest, submit.submit, by=cast.requester, at=cast.now, key="K", **body
        )
        assert refusal.facts["ref"] == item.ref


def test_a_final_refusal_undoes_what_was_done_before_it(cast):
    """T1.10."""

    @frame.command("approve", from_states=[State.PENDING])
    def writes_and_refuses(running) -> None:
        running.item.notes.create(author=running.by, text="Left?", written_at=running.at)
        raise StepClosed("Somebody was faster.")

    item = cast.ask()
    for _ in range(2):
        refused(
            StepClosed, writes_and_refuses, ref=item.ref, by=cast.approver, at=cast.now, key="K"
        )
    assert not item.notes.exists()
    assert len(denied(cast.approver)) == 1


def before_the_refusal_is_kept(monkeypatch, does) -> None:
    """`does` runs once the refused command is rolled back, before its key is claimed again."""
    claim_key, calls = frame.Keyed.claim, []

    def claim_late(keyed):
        calls.append(keyed)
        if len(calls) == 2:
            does()
        return claim_key(keyed)

    monkeypatch.setattr(frame.Keyed, "claim", claim_late)


def test_a_refusal_gives_way_to_the_same_command_that_was_done_in_between(cast, monkeypatch):
    """T1.4: sent twice; one is refused, and before it says so, the other is carried out."""
    item = cast.ask()
    command = {"ref": item.ref, "by": cast.approver, "at": cast.now, "key": "K"}
    before_the_refusal_is_kept(
        monkeypatch, lambda: (cast.approve(item), decide.take_back(**command))
    )
    answer = decide.take_back(**command)
    assert (answer.is_replay, answer.verb) == (True, "take_back")
    assert cast.get(item.ref).state == State.PENDING
    assert denied(cast.approver) == []


def test_a_refusal_whose_key_was_used_for_something_else_in_between_is_recorded(cast, monkeypatch):
    item = cast.ask()
    command = {"ref": item.ref, "by": cast.approver, "at": cast.now, "key": "K"}
    before_the_refusal_is_kept(monkeypatch, lambda: decide.approve(**command, revision=1, step=1))
    refused(TransitionNotAllowed, decide.take_back, **command)
    assert [event.action for event in denied(cast.approver)] == ["request.take_back"]
    assert IdempotencyRecord.objects.get(key="K").operation == "approve"


def test_a_refusal_that_is_not_final_is_judged_afresh(cast):
    item = cast.ask()
    finance = Team.objects.get(name="Finance")
    grants.take("decide_request", of=finance, on=item.queue)
    refused(NotAllowed, approve, cast=cast, item=item)
    grants.give("decide_request", to=finance, on=item.queue)
    approve(cast, item)
    assert cast.get(item.ref).state == State.APPROVED


def test_each_refusal_that_is_not_final_is_recorded(cast):
    item = cast.ask()
    for _ in range(2):
        refused(NotAllowed, claim, cast=cast, item=item, by=cast.approver)
    assert len(denied(cast.approver)) == 2


def test_a_stale_version_does_not_use_up_the_key(cast):
    item = cast.ask()
    operate.note(ref=item.ref, by=cast.operator, at=cast.now, key="N", reason="Look.")
    refused(VersionMismatch, claim, cast=cast, item=item, version=1)
    assert not claim(cast, item, version=2).is_replay


def test_after_a_fault_in_the_house_the_same_key_works(cast, monkeypatch):
    """T1.9."""
    item = cast.ask()
    with monkeypatch.context() as patch:
        patch.setattr(
            "approvals.commands.steps.jobs.wake", lambda *a: (_ for _ in ()).throw(RuntimeError)
        )
        with pytest.raises(RuntimeError):
            approve(cast, item)
    assert not approve(cast, item).is_replay


def test_a_fault_in_the_house_leaves_everything_as_it_was(cast, monkeypatch):
    """T7.11, I3."""
    item = cast.ask()
    monkeypatch.setattr(
        "approvals.commands.steps.jobs.wake", lambda *a: (_ for _ in ()).throw(RuntimeError)
    )
    with pytest.raises(RuntimeError):
        approve(cast, item)
    left = (cast.get(item.ref).state, len(events_of(item)), Effect.objects.count())
    assert left == (State.PENDING, 1, 0)


# --- Forgetting -----------------------------------------------------------------------------------


def test_keys_are_kept_for_seven_days(cast):
    """T1.11."""
    approve(cast, cast.ask())
    kept = IdempotencyRecord.objects.get(key="K")
    assert kept.expires_at - kept.created_at == timedelta(days=7)


def test_keys_past_their_time_go_in_batches(cast, django_assert_num_queries):
    """T1.11."""
    for number in range(5):
        claim(cast, cast.ask(), key=f"K{number}")
    IdempotencyRecord.objects.exclude(operation="claim").delete()
    with django_assert_num_queries(7):  # three batches of a read and a delete, and one read
        gone = sweeping.forget_old_keys(at=cast.now + timedelta(days=7), at_once=2)
    assert (gone, IdempotencyRecord.objects.count()) == (5, 0)


def test_keys_within_their_time_stay(cast):
    """T1.11."""
    approve(cast, cast.ask())
    sweeping.forget_old_keys(at=cast.now + timedelta(days=7, seconds=-1))
    assert IdempotencyRecord.objects.filter(key="K").exists()


def test_a_forgotten_key_does_not_bring_a_second_effect(cast):
    """T1.11: the natural constraints still hold."""
    item = cast.ask()
    approve(cast, item)
    sweeping.forget_old_keys(at=cast.now + timedelta(days=8))
    refused(StepClosed, approve, cast=cast, item=item)
    assert Effect.objects.filter(item=item).count() == 1
