"""Carrying out: claim → call → settle. The only place that knows leases, epochs and whose turn it is.

1. `_claim`, one transaction under the request's lock: is there anything to do now, is the approval
   proven (I2), whose turn is it (lease and epoch), and a row for the attempt before anything leaves.
2. The call, with no transaction open.
3. `_settle`, one transaction: what was seen becomes a transition (`outcomes`), an event and the
   next wake-up. A worker whose turn is over writes nothing but that it came too late.

Jobs only wake this up; run twice or late it finds nothing to do. All times are the database's, so
that a worker whose clock is wrong takes nobody's lease.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.kept_queries import Kept
from approvals import breaker, in_hand, kinds, proof, quarantine, switches, timing, whole
from approvals.clock import database_time
from approvals.events import Action
from approvals.in_hand import Beside
from approvals.kinds import base
from approvals.kinds.evidence import kept, masked
from approvals.models import (
    ApprovalRequest,
    Attempt,
    Effect,
    PolicyVersion,
    Purpose,
    Settlement,
    State,
)
from approvals.outcomes import (
    Result,
    Settling,
    Wake,
    after_question,
    after_send,
    give_up,
    lose_track,
    worker_actor,
)
from approvals.transitions import commit
from audit.correlation import correlated
from audit.models import Outcome
from audit.recorder import Target, record

log = logging.getLogger("approvals.execution")
Clock = Callable[[], datetime]
# What is asked about when a question is due; elsewhere there is nothing to learn. What was not sent
# is asked about after a restore only.
ASKED_ABOUT = (State.IN_DOUBT, State.DONE, *quarantine.BELIEVED_UNSENT)

# What a kind may answer: to a question, and to sending alone, which cannot prove absence.
ANSWERS = (
    (base.Done, base.Refused, base.Absent, base.Unknown),
    (base.Done, base.Refused, base.Unknown),
)


@dataclass(frozen=True)
class Call:
    """One attempt that is about to be made, and everything needed to settle it."""

    item_id: int
    attempt_id: int
    number: int
    epoch: int
    purpose: str
    state: str
    asks_first: bool
    kind: base.Kind
    effect: base.Effect
    began_at: datetime
    # Of a try; it changes only with the request's revision, and that not while it is carried out.
    policy_version: PolicyVersion | None = None


def worker_name() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{threading.get_ident() % 10_000}"


def run(item_id: int, *, wake: Wake, clock: Clock = database_time) -> str:
    """Do what is due for this request now, if anything; the outcome's name, or "nothing"."""
    worker = worker_name()
    with correlated(worker=worker):
        call = _claim(item_id, worker=worker, at=clock(), wake=wake)
        if call is None:
            return "nothing"
        with _numbered(call):
            result = _perform(call, clock)
            at = clock()
            outcome = _settle(call, result, worker=worker, at=at, wake=wake)
            _tell_breaker(call, result, worker=worker, at=at)
            _log(call, result, outcome)
        return outcome


def _numbered(call: Call) -> AbstractContextManager:
    return correlated(attempt=str(call.number))


def _log(call: Call, result: Result, outcome: str) -> None:
    facts = {
        "ref": call.effect.ref,
        "purpose": str(call.purpose),
        "seen": _outcome_word(result),
        "cause": getattr(result, "cause", ""),
        "outcome": outcome,
    }
    log.info("attempt", extra=facts)


def _perform(call: Call, clock: Clock) -> Result:
    """What was seen; anything but one of the results says nothing, so it may have happened."""
    result = _called(call, clock)
    if _is_answer(call, result):
        evidence = kept(result.evidence, call.kind, call.effect.payload)
        return replace(result, evidence=evidence)
    said = f"{type(call.kind).__name__} answered with {type(result).__name__}, which is no result."
    return base.Unknown("unrecognised", masked(said))


def _is_answer(call: Call, result: Result) -> bool:
    """A result of the right kind, with words in it where words belong."""
    if not isinstance(result, ANSWERS[call.purpose == Purpose.SEND and not call.asks_first]):
        return False
    said = [result.evidence, getattr(result, "cause", ""), getattr(result, "reference", "")]
    return all(isinstance(text, str) for text in said)


def _called(call: Call, clock: Clock) -> Result:
    """The only line that leaves the house. Whatever is raised may have happened after sending."""
    try:
        if call.purpose != Purpose.SEND:
            return call.kind.look_up(call.effect)
        if call.asks_first:
            seen = call.kind.look_up(call.effect)
            if not isinstance(seen, base.Absent):
                return seen
        if not timing.may_still_send(clock() - call.began_at):
            return base.Refused("not-sent-in-time", permanent=False)
        return call.kind.send(call.effect)
    except Exception as error:
        return base.Unknown("unrecognised", masked(f"{type(error).__name__}: {error}"))


def _tell_breaker(call: Call, result: Result, *, worker: str, at: datetime) -> None:
    if call.purpose == Purpose.SEND:
        breaker.after_send(call.kind, result, actor=worker_actor(worker), at=at)
    elif call.purpose == Purpose.PROBE:
        breaker.after_probe(call.kind, result, actor=worker_actor(worker), at=at)


# --- Claim ---------------------------------------------------------------------------------------


def _claim(item_id: int, *, worker: str, at: datetime, wake: Wake) -> Call | None:
    with transaction.atomic():
        item, effect = in_hand.locked(item_id)
        if item is None or effect is None or _is_leased(effect, at):
            return None
        one = Settling(item, effect, kinds.kind_of(item.kind), worker, at, wake)
        if item.state == State.EXECUTING:
            _lose_track_of_dead_worker(one)
            return None
        beside = in_hand.beside(item, effect, one.kind)
        if _is_due_to_send(item, effect, at) and not beside.stops_sending:
            return _claim_send(one, beside)
        if item.state in ASKED_ABOUT and _is_past(effect.next_question_at, at):
            return _begin(one, beside, Purpose.LOOK_UP)
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


def _claim_send(one: Settling, beside: Beside) -> Call | None:
    system = switches.system_of(one.kind) if beside.is_stopped else None
    if system is not None and system.is_stopped:
        may_probe = system.is_probed_at(one.at) and breaker.take_probe(system, one.at)
        return _begin(one, beside, Purpose.PROBE) if may_probe else None
    item, effect = one.item, one.effect
    [item.policy_version] = _POLICY(pk=item.policy_version_id)
    whole.read_steps(item)
    verdict = proof.is_approved(item, effect)
    if not verdict:
        one.note_cause(verdict.code)
        give_up(one, outcome=Outcome.DENIED)
        return None
    if beside.is_settling:  # what somebody found out is about the tries before this one
        Settlement.objects.filter(item=item, confirmed_at=None).update(is_dropped=True)
    if beside.was_restored and one.kind.is_outside and effect.first_sent_at is None:
        effect.ask_first = True
    item.start()
    count_try(effect, one.at)
    call = _begin(one, beside, Purpose.SEND)
    with _numbered(call):
        commit(
            item,
            Action.START,
            actor=one.actor,
            at=one.at,
            facts={"attempt": effect.attempts, "max_attempts": effect.max_attempts},
            starts_at=None,
            waiting_since=one.at,
            due_at=None,
            warn_at=None,
        )
    return call


_POLICY = Kept(lambda pk: PolicyVersion.objects.select_related("policy").filter(pk=pk), "pk")


def _begin(one: Settling, beside: Beside, purpose: Purpose) -> Call:
    item, effect = one.item, one.effect
    if beside.is_abandoned:
        _close_abandoned_attempts(effect, one.at)
    lease(effect, one.worker, one.at)
    effect.save_changes()
    attempt = Attempt.add(
        effect=effect,
        number=beside.calls + 1,
        epoch=effect.epoch,
        purpose=purpose,
        worker=one.worker,
        started_at=one.at,
    )
    return Call(
        item_id=item.pk,
        attempt_id=attempt.pk,
        number=attempt.number,
        epoch=effect.epoch,
        purpose=purpose,
        state=item.state,
        asks_first=effect.ask_first,
        kind=one.kind,
        effect=base.Effect(
            id=effect.key, key=effect.key, ref=item.ref, payload=item.payload, reason=item.reason
        ),
        began_at=one.at,
        policy_version=item.policy_version if purpose == Purpose.SEND else None,
    )


def count_try(effect: Effect, at: datetime) -> None:
    """From `at` on it may have reached the provider. Not saved."""
    effect.attempts += 1
    effect.sent_at = at
    effect.first_sent_at = effect.first_sent_at or at
    effect.window_began_at = effect.window_began_at or at
    effect.next_attempt_at = None


def lease(effect: Effect, worker: str, at: datetime) -> None:
    """It is this worker's turn; whoever had it before is shut out. Not saved."""
    effect.epoch += 1
    effect.lease_until = at + timing.LEASE
    effect.leased_by = worker


def _lose_track_of_dead_worker(one: Settling) -> None:
    """Its lease ran out without a word: it may have sent. The next epoch shuts it out."""
    one.effect.epoch += 1
    _close_abandoned_attempts(one.effect, one.at)
    last_sent_at = timing.latest_sending(one.effect.lease_until or one.at)
    lose_track(one, base.Unknown("worker-died"), sent_at=last_sent_at, ask_at=one.at)


def _close_abandoned_attempts(effect: Effect, at: datetime) -> None:
    Attempt.objects.filter(effect=effect, finished_at=None).update(
        finished_at=at, outcome="unknown", cause="worker-died"
    )


# --- Settle --------------------------------------------------------------------------------------


def _settle(call: Call, result: Result, *, worker: str, at: datetime, wake: Wake) -> str:
    with transaction.atomic():
        item, effect = in_hand.locked(call.item_id)
        if effect.epoch != call.epoch or item.state != call.state:
            _record_too_late(item, call, result, worker=worker, at=at)
            return "too late"
        effect.lease_until = None
        if call.policy_version is not None:
            item.policy_version = call.policy_version
        _finish_attempt(call, result, at)
        one = Settling(item, effect, call.kind, worker, at, wake, began_at=call.began_at)
        if call.purpose == Purpose.PROBE:
            return _after_probe(one)
        return (after_send if call.purpose == Purpose.SEND else after_question)(one, result)


def _after_probe(one: Settling) -> str:
    """Only the system's switch learns from it; the request is looked at again at once."""
    one.effect.save_changes()
    one.wake(one.item.pk, one.at)
    return "probed"


def _finish_attempt(call: Call, result: Result, at: datetime) -> None:
    # The time of its beginning says in which part of the table it stands.
    Attempt.write(_end(result, at), id=call.attempt_id, started_at=call.began_at)


def finish(attempt: Attempt, result: Result, at: datetime) -> None:
    """What came of it. Not saved."""
    for name, value in _end(result, at).items():
        setattr(attempt, name, value)


def _end(result: Result, at: datetime) -> dict[str, Any]:
    return {
        "finished_at": at,
        "outcome": _outcome_word(result),
        "cause": getattr(result, "cause", ""),
        "provider_reference": getattr(result, "reference", ""),
        "evidence": masked(result.evidence),
    }


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
        actor=worker_actor(worker),
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
