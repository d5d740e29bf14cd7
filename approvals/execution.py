"""Carrying out: claim → call → settle. The only place that knows leases, retries and doubt.

1. `_claim`, one transaction under the request's lock: is there anything to do now, is the approval
   proven (I2), whose turn is it (lease and epoch), and a row for the attempt before anything leaves.
2. The call, with no transaction open.
3. `_settle`, one transaction: what was seen becomes a transition, an event and the next wake-up.
   A worker whose lease was taken over in between writes nothing but that it came too late.

Jobs only wake this up; run twice or late it finds nothing to do.
"""

import os
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from approvals import kinds, proof, timing
from approvals.causes import cause as cause_of
from approvals.events import Action
from approvals.kinds import base
from approvals.kinds.evidence import masked
from approvals.models import ApprovalRequest, Attempt, Effect, Purpose, State
from approvals.transitions import commit
from audit.correlation import correlated
from audit.models import Outcome
from audit.recorder import Actor, Target, record

Wake = Callable[[int, datetime], None]
Clock = Callable[[], datetime]
Result = base.Done | base.Refused | base.Absent | base.Unknown


@dataclass(frozen=True)
class Call:
    """One attempt that is about to be made, and everything needed to settle it."""

    item_id: int
    attempt_id: int
    epoch: int
    lease_until: datetime
    purpose: str
    kind: base.Kind
    effect: base.Effect


_TURN_IS_OVER = base.Unknown("worker-died", "Its turn was over before it could send.")


def worker_name() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{threading.get_ident() % 10_000}"


def run(item_id: int, *, wake: Wake, clock: Clock = timezone.now) -> str:
    """Do what is due for this request now, if anything; the outcome's name, or "nothing"."""
    worker = worker_name()
    with correlated(worker=worker):
        call = _claim(item_id, worker=worker, at=clock(), wake=wake)
        if call is None:
            return "nothing"
        # A worker that stood still since its claim (a paused machine, a slow COMMIT) sends nothing.
        result = _perform(call) if clock() < call.lease_until else _TURN_IS_OVER
        return _settle(call, result, worker=worker, at=clock(), wake=wake)


def _perform(call: Call) -> Result:
    """The only line that leaves the house. Whatever is raised may have happened after sending."""
    ask = call.kind.send if call.purpose == Purpose.SEND else call.kind.look_up
    try:
        return ask(call.effect)
    except Exception as error:
        return base.Unknown("unrecognised", masked(f"{type(error).__name__}: {error}"))


# --- Claim ---------------------------------------------------------------------------------------


def _claim(item_id: int, *, worker: str, at: datetime, wake: Wake) -> Call | None:
    with transaction.atomic():
        item = ApprovalRequest.objects.select_for_update().filter(pk=item_id).first()
        effect = Effect.objects.select_for_update().filter(item_id=item_id).first()
        if item is None or effect is None or _is_leased(effect, at):
            return None
        if item.state == State.EXECUTING:
            _lose_track_of_dead_worker(item, effect, worker=worker, at=at, wake=wake)
            return None
        if _is_due_to_send(item, effect, at):
            return _claim_send(item, effect, worker=worker, at=at)
        if item.state == State.IN_DOUBT and _is_past(effect.next_question_at, at):
            return _begin(item, effect, Purpose.LOOK_UP, worker=worker, at=at)
        return None


def _is_leased(effect: Effect, at: datetime) -> bool:
    return effect.lease_until is not None and effect.lease_until > at


def _is_due_to_send(item: ApprovalRequest, effect: Effect, at: datetime) -> bool:
    if item.held_at is not None:
        return False
    if item.state == State.APPROVED:
        return _is_past(item.starts_at, at)
    return item.state == State.RETRYING and _is_past(effect.next_attempt_at, at)


def _is_past(due: datetime | None, at: datetime) -> bool:
    return due is not None and due <= at


def _claim_send(item: ApprovalRequest, effect: Effect, *, worker: str, at: datetime) -> Call | None:
    verdict = proof.is_approved(item, effect)
    if not verdict:
        item.give_up()
        _note_cause(item, effect, verdict.code)
        _commit_outcome(item, effect, Action.GIVE_UP, worker=worker, at=at, outcome=Outcome.DENIED)
        return None
    item.start()
    effect.attempts += 1
    effect.sent_at = at
    effect.first_sent_at = effect.first_sent_at or at
    effect.next_attempt_at = None
    call = _begin(item, effect, Purpose.SEND, worker=worker, at=at)
    commit(
        item,
        Action.START,
        actor=_actor(worker),
        at=at,
        facts={"attempt": effect.attempts, "max_attempts": effect.max_attempts},
        starts_at=None,
        waiting_since=at,
        due_at=None,
        warn_at=None,
    )
    return call


def _begin(
    item: ApprovalRequest, effect: Effect, purpose: Purpose, *, worker: str, at: datetime
) -> Call:
    _close_abandoned_attempts(effect, at)
    effect.epoch += 1
    effect.lease_until = at + timing.LEASE
    effect.leased_by = worker
    effect.save()
    attempt = Attempt.objects.create(
        effect=effect,
        number=effect.tries.count() + 1,
        epoch=effect.epoch,
        purpose=purpose,
        worker=worker,
        started_at=at,
    )
    return Call(
        item_id=item.pk,
        attempt_id=attempt.pk,
        epoch=effect.epoch,
        lease_until=effect.lease_until,
        purpose=purpose,
        kind=kinds.kind_of(item.kind),
        effect=base.Effect(
            id=effect.key, key=effect.key, ref=item.ref, payload=item.payload, reason=item.reason
        ),
    )


def _lose_track_of_dead_worker(
    item: ApprovalRequest, effect: Effect, *, worker: str, at: datetime, wake: Wake
) -> None:
    """Its lease ran out without a word: it may have sent. The next epoch shuts it out."""
    effect.epoch += 1
    _close_abandoned_attempts(effect, at)
    item.lose_track()
    _note_cause(item, effect, "worker-died")
    effect.next_question_at = at
    _commit_outcome(item, effect, Action.LOSE_TRACK, worker=worker, at=at, outcome=Outcome.IN_DOUBT)
    wake(item.pk, at)


def _close_abandoned_attempts(effect: Effect, at: datetime) -> None:
    Attempt.objects.filter(effect=effect, finished_at=None).update(
        finished_at=at, outcome="unknown", cause="worker-died"
    )


# --- Settle --------------------------------------------------------------------------------------


def _settle(call: Call, result: Result, *, worker: str, at: datetime, wake: Wake) -> str:
    with transaction.atomic():
        item = ApprovalRequest.objects.select_for_update().get(pk=call.item_id)
        effect = Effect.objects.select_for_update().get(item_id=call.item_id)
        if effect.epoch != call.epoch or effect.settled_at is not None:
            _record_too_late(item, call, result, worker=worker, at=at)
            return "too late"
        effect.lease_until = None
        _finish_attempt(call, result, at)
        match result:
            case base.Done():
                return _succeed(item, effect, result, worker=worker, at=at)
            case base.Refused():
                return _refused(item, effect, result, worker=worker, at=at, wake=wake)
            case base.Absent():
                return _absent(item, effect, worker=worker, at=at, wake=wake)
            case _:
                return _unknown(item, effect, result, worker=worker, at=at, wake=wake)


def _succeed(
    item: ApprovalRequest, effect: Effect, result: base.Done, *, worker: str, at: datetime
) -> str:
    item.succeed()
    effect.settled_at = at
    effect.provider_reference = result.reference
    effect.last_cause = item.cause = ""
    _commit_outcome(
        item,
        effect,
        Action.SUCCEED,
        worker=worker,
        at=at,
        outcome=Outcome.SUCCESS,
        facts={"reference": result.reference},
    )
    return "done"


def _refused(
    item: ApprovalRequest,
    effect: Effect,
    result: base.Refused,
    *,
    worker: str,
    at: datetime,
    wake: Wake,
) -> str:
    """Nothing happened. Again later, while that can help and tries are left."""
    effect.sent_at = None
    _note_cause(item, effect, result.cause)
    if result.permanent or effect.attempts >= effect.max_attempts:
        return _give_up(item, effect, worker=worker, at=at)
    retry_at = timing.next_try(
        at,
        tries=effect.attempts,
        draw=random.random(),  # noqa: S311 - spreads load, guards nothing
        speed=settings.WAITING_IS_DIVIDED_BY,
        not_before_s=result.retry_after_s,
    )
    return _postpone(item, effect, retry_at, worker=worker, at=at, wake=wake)


def _absent(item: ApprovalRequest, effect: Effect, *, worker: str, at: datetime, wake: Wake) -> str:
    """The provider has no trace of it: that proves absence once nothing can still arrive."""
    counts_from = timing.absence_counts_from(
        effect.sent_at or at, speed=settings.WAITING_IS_DIVIDED_BY
    )
    if at < counts_from:
        return _ask_again(item, effect, counts_from, wake=wake)
    effect.sent_at = None
    if not timing.is_inside_key_window(effect.first_sent_at, at):
        _note_cause(item, effect, "key-window-passed")
        return _give_up(item, effect, worker=worker, at=at)
    if effect.attempts >= effect.max_attempts:
        return _give_up(item, effect, worker=worker, at=at)
    return _postpone(item, effect, at, worker=worker, at=at, wake=wake)


def _unknown(
    item: ApprovalRequest,
    effect: Effect,
    result: base.Unknown,
    *,
    worker: str,
    at: datetime,
    wake: Wake,
) -> str:
    """It may have happened: from here on only questions, until an answer settles it."""
    questions = effect.tries.filter(purpose=Purpose.LOOK_UP).count()
    ask_at = timing.next_question(
        at,
        questions=questions,
        draw=random.random(),  # noqa: S311 - spreads load, guards nothing
        speed=settings.WAITING_IS_DIVIDED_BY,
    )
    if item.state == State.IN_DOUBT:
        return _ask_again(item, effect, ask_at, wake=wake)
    item.lose_track()
    _note_cause(item, effect, result.cause)
    effect.next_question_at = ask_at
    _commit_outcome(item, effect, Action.LOSE_TRACK, worker=worker, at=at, outcome=Outcome.IN_DOUBT)
    wake(item.pk, ask_at)
    return "in doubt"


def _ask_again(item: ApprovalRequest, effect: Effect, ask_at: datetime, *, wake: Wake) -> str:
    """No answer settles it yet. The request doesn't change, so there is no event, only an attempt."""
    effect.next_question_at = ask_at
    effect.save()
    wake(item.pk, ask_at)
    return "still in doubt"


def _postpone(
    item: ApprovalRequest,
    effect: Effect,
    retry_at: datetime,
    *,
    worker: str,
    at: datetime,
    wake: Wake,
) -> str:
    item.postpone()
    effect.next_attempt_at = retry_at
    _commit_outcome(
        item,
        effect,
        Action.POSTPONE,
        worker=worker,
        at=at,
        outcome=Outcome.FAILED,
        next_at=retry_at,
    )
    wake(item.pk, retry_at)
    return "postponed"


def _give_up(item: ApprovalRequest, effect: Effect, *, worker: str, at: datetime) -> str:
    item.give_up()
    _commit_outcome(item, effect, Action.GIVE_UP, worker=worker, at=at, outcome=Outcome.FAILED)
    return "needs a person"


def _note_cause(item: ApprovalRequest, effect: Effect, code: str) -> None:
    item.cause = effect.last_cause = code


def _commit_outcome(
    item: ApprovalRequest,
    effect: Effect,
    action: Action,
    *,
    worker: str,
    at: datetime,
    outcome: Outcome,
    facts: dict | None = None,
    next_at: datetime | None = None,
) -> None:
    if item.state != State.IN_DOUBT:
        effect.next_question_at = None
    effect.lease_until = None
    effect.save()
    said = {
        "system": kinds.kind_of(item.kind).system,
        "attempt": effect.attempts,
        "max_attempts": effect.max_attempts,
        **(facts or {}),
    }
    if item.cause:
        said["cause"] = cause_of(item.cause).plain
    commit(
        item,
        action,
        actor=_actor(worker),
        at=at,
        outcome=outcome,
        reason_code=item.cause,
        facts=said,
        waiting_since=at,
        due_at=None,
        warn_at=None,
    )


def _finish_attempt(call: Call, result: Result, at: datetime) -> None:
    attempt = Attempt.objects.get(pk=call.attempt_id)
    attempt.finished_at = at
    attempt.outcome = _outcome_word(result)
    attempt.cause = getattr(result, "cause", "")
    attempt.provider_reference = getattr(result, "reference", "")
    attempt.evidence = result.evidence
    attempt.save()


def _outcome_word(result: Result) -> str:
    if isinstance(result, base.Refused):
        return "refused for good" if result.permanent else "refused"
    return type(result).__name__.lower()


def _record_too_late(
    item: ApprovalRequest, call: Call, result: Result, *, worker: str, at: datetime
) -> None:
    """Its turn was over. What it saw is kept as evidence; it changes nothing (fencing)."""
    record(
        stream=f"late/{call.effect.key}",
        action="attempt.too_late",
        actor=_actor(worker),
        target=Target(type="request", id=item.ref),
        at=at,
        outcome=Outcome.DENIED,
        reason_code="stale-epoch",
        facts={
            "epoch": call.epoch,
            "seen": _outcome_word(result),
            "reference": getattr(result, "reference", ""),
        },
    )


def _actor(worker: str) -> Actor:
    return Actor(type="worker", id=worker[:100], label="Approval Queue")
