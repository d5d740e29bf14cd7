"""What was seen at the provider becomes a transition, an event and the next wake-up.

Called by `execution` in the settling transaction, with the request and its effect locked and the
worker's turn checked. One function for each state in which somebody was asked or something sent.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from approvals import timing
from approvals.causes import ACCEPTED, NEWS
from approvals.causes import cause as cause_of
from approvals.events import Action
from approvals.kinds import base
from approvals.models import ApprovalRequest, Effect, Purpose, State
from approvals.transitions import commit
from audit.models import Outcome
from audit.recorder import Actor

log = logging.getLogger("approvals.outcomes")
FOUND_TWICE = "found-twice"  # the one thing that must never be: it is always a person's matter
Wake = Callable[[int, datetime], None]
Result = base.Done | base.Refused | base.Absent | base.Unknown


@dataclass(frozen=True)
class Settling:
    """One request under lock with its effect, and the moment at which something was seen."""

    item: ApprovalRequest
    effect: Effect
    kind: base.Kind
    worker: str
    at: datetime
    wake: Wake
    # When the call began that is settled. An answer says what was so when it was asked for.
    began_at: datetime | None = None

    @property
    def actor(self) -> Actor:
        return worker_actor(self.worker)

    def note_cause(self, code: str) -> None:
        self.item.cause = self.effect.last_cause = code

    def commit(
        self,
        action: Action,
        *,
        outcome: Outcome,
        question_at: datetime | None = None,
        warn_at: datetime | None = None,
        facts: dict | None = None,
    ) -> None:
        """Effect, request and event; the effect is free and is asked about again at `question_at`."""
        self.effect.next_question_at = question_at
        self.effect.lease_until = None
        self.save(
            action,
            outcome=outcome,
            reason_code=self.item.cause,
            facts={**self._said(), **(facts or {})},
            # News doesn't begin a new wait: it waits for the same since the same time.
            waiting_since=self.item.waiting_since if action == Action.HEAR else self.at,
            due_at=None,
            warn_at=warn_at,
        )
        if question_at is not None and self.item.state != State.DONE:
            self.wake(self.item.pk, question_at)

    def save(self, action: Action, **change: Any) -> None:
        """Both rows and the event of the request's next version."""
        self.effect.save_changes()
        commit(self.item, action, actor=self.actor, at=self.at, **change)

    def _said(self) -> dict[str, Any]:
        said = {
            "system": self.kind.system,
            "attempt": self.effect.attempts,
            "max_attempts": self.effect.max_attempts,
        }
        if self.item.cause:
            said["cause"] = cause_of(self.item.cause).plain
        return said

    def ask_again(self, question_at: datetime | None) -> str:
        """No answer settles it yet. The request doesn't change, so there is no event.

        Somebody who wanted it asked during the call is not forgotten.
        """
        wanted = self.effect.next_question_at
        if question_at and wanted and self.began_at and wanted > self.began_at:
            question_at = min(question_at, wanted)
        self.effect.next_question_at = question_at
        self.effect.save_changes()
        if question_at is not None and self.item.state != State.DONE:
            self.wake(self.item.pk, question_at)
        return "still in doubt" if self.item.state == State.IN_DOUBT else "nothing new"


def worker_actor(worker: str) -> Actor:
    return Actor(type="worker", id=worker[:100], label="Approval Queue")


# --- After a try -----------------------------------------------------------------------------------


def after_send(one: Settling, result: Result) -> str:
    """The request was being carried out."""
    match result:
        case base.Done():
            return _succeed(one, result)
        case base.Refused():
            return _refused(one, result)
        case base.Unknown():
            return lose_track(one, result, sent_at=one.at, ask_at=_next_question(one, result))
        case _:
            return after_send(one, base.Unknown("unrecognised"))


def _succeed(one: Settling, result: base.Done) -> str:
    one.item.succeed()
    one.effect.settled_at = one.effect.settled_at or one.at
    one.effect.undone_at = None
    one.effect.provider_reference = result.reference
    one.note_cause("")
    one.commit(
        Action.SUCCEED,
        outcome=Outcome.SUCCESS,
        facts={"reference": result.reference},
        question_at=timing.next_check(one.at, one.at) if one.kind.may_fail_later else None,
    )
    return "done"


def _refused(one: Settling, result: base.Refused) -> str:
    """This try did nothing. Again later, while that can help and tries are left."""
    why = cause_of(result.cause)
    if why.proves_nothing_moved:
        one.effect.sent_at = None
    else:
        one.effect.sent_at, one.effect.ask_first = one.at, True
    one.note_cause(result.cause)
    if result.permanent or one.effect.attempts >= one.effect.max_attempts:
        return give_up(one)
    retry_at = timing.next_try(
        one.at,
        tries=one.effect.attempts,
        draw=_draw(),
        speed=settings.WAITING_IS_DIVIDED_BY,
        not_before_s=result.retry_after_s,
    )
    return _postpone(one, retry_at)


def lose_track(one: Settling, result: base.Unknown, *, sent_at: datetime, ask_at: datetime) -> str:
    """It may have happened: from here on only questions, until an answer settles it.

    `sent_at` is the last moment at which anything can have left for the provider.
    """
    one.item.lose_track()
    one.effect.sent_at, one.effect.ask_first = sent_at, True
    one.note_cause(result.cause)
    one.commit(
        Action.LOSE_TRACK,
        outcome=Outcome.IN_DOUBT,
        question_at=ask_at,
        warn_at=_warn_at(one, result.cause),
    )
    return "in doubt"


def _warn_at(one: Settling, cause: str) -> datetime | None:
    return one.at + timing.PENDING_WARN if cause in ACCEPTED else None


# --- After a question --------------------------------------------------------------------------


def after_question(one: Settling, result: Result) -> str:
    """The provider was asked; nothing was sent."""
    return {
        State.IN_DOUBT: _answered_in_doubt,
        State.NEEDS_PERSON: _answered_needs_person,
        State.DONE: _answered_done,
        State.PENDING: _answered_before_sending,
        State.SENT_BACK: _answered_before_sending,
        State.APPROVED: _answered_before_sending,
        State.RETRYING: _answered_before_sending,
    }[State(one.item.state)](one, result)


def _answered_in_doubt(one: Settling, result: Result) -> str:
    match result:
        case base.Done():
            return _succeed(one, result)
        case base.Refused():
            return _refused(one, result)
        case base.Absent():
            return _absent(one)
        case base.Unknown(cause=cause) if cause == FOUND_TWICE:
            one.note_cause(FOUND_TWICE)
            return give_up(one)
        case base.Unknown(cause=cause) if cause in NEWS and cause != one.item.cause:
            one.note_cause(cause)
            return _hear(one, question_at=_next_question(one, result), warn_at=_warn_at(one, cause))
        case _:
            return one.ask_again(_next_question(one, result))


def _absent(one: Settling) -> str:
    """The provider has no trace of it: that proves absence once nothing can still arrive."""
    if (counts_from := _counts_from(one)) is not None:
        return one.ask_again(counts_from)
    one.effect.sent_at = None
    if not timing.is_inside_key_window(one.effect.window_began_at, one.at):
        one.note_cause("key-window-passed")
        return give_up(one)
    one.note_cause("no-trace")
    if one.effect.attempts >= one.effect.max_attempts:
        return give_up(one)
    return _postpone(one, one.at)


def _answered_needs_person(one: Settling, result: Result) -> str:
    """Somebody wanted to know. The provider's own word that it is done ends it; absence frees it."""
    match result:
        case base.Done():
            return _succeed(one, result)
        case base.Absent():
            if (counts_from := _counts_from(one)) is not None:
                return one.ask_again(counts_from)
            one.effect.sent_at = None
            return _hear(one, answer="it has no trace of it")
        case base.Refused():
            if cause_of(result.cause).proves_nothing_moved:
                one.effect.sent_at = None
            one.note_cause(result.cause)
            return _hear(one)
        case base.Unknown(cause=cause):
            if cause == FOUND_TWICE:
                one.note_cause(cause)
            return _hear(one, answer=f"no clear answer, {cause_of(cause).plain}")


def _answered_before_sending(one: Settling, result: Result) -> str:
    """After a restore. What the provider has done already, or has accepted, is found again by its try,
    which asks first."""
    if isinstance(result, base.Unknown) and result.cause not in ACCEPTED:
        return one.ask_again(_next_question(one, result))
    if isinstance(result, base.Absent):
        if (counts_from := _counts_from(one)) is not None:
            return one.ask_again(counts_from)
        one.effect.sent_at = None
    return one.ask_again(None)


def _answered_done(one: Settling, result: Result) -> str:
    """Does it still stand? What the provider took back is a person's matter, never sent again."""
    if isinstance(result, base.Refused):
        one.effect.undone_at = one.at
        one.effect.sent_at = None
        return _report(one, result.cause)
    if isinstance(result, base.Unknown) and result.cause == FOUND_TWICE:
        return _report(one, FOUND_TWICE)
    return one.ask_again(timing.next_check(one.effect.settled_at, one.at))


def _report(one: Settling, cause: str) -> str:
    """What was done is in question after all, and a person's matter from here on."""
    one.item.report_late_failure()
    one.note_cause(cause)
    _alarm(one)
    one.commit(Action.REPORT_LATE_FAILURE, outcome=Outcome.FAILED)
    return "failed later"


def _hear(
    one: Settling,
    *,
    answer: str = "",
    question_at: datetime | None = None,
    warn_at: datetime | None = None,
) -> str:
    one.commit(
        Action.HEAR,
        outcome=Outcome.IN_DOUBT if one.effect.sent_at else Outcome.SUCCESS,
        facts={"answer": answer or cause_of(one.item.cause).plain},
        question_at=question_at,
        warn_at=warn_at,
    )
    return "heard"


# --- What both end in ------------------------------------------------------------------------------


def give_up(one: Settling, *, outcome: Outcome = Outcome.FAILED) -> str:
    """Trying again by itself cannot help: from here on it needs a person."""
    one.item.give_up()
    _alarm(one)
    one.commit(Action.GIVE_UP, outcome=outcome)
    return "needs a person"


def _alarm(one: Settling) -> None:
    if cause_of(one.item.cause).is_alarm:
        log.error("%s needs an engineer: %s", one.item.ref, one.item.cause)


def _postpone(one: Settling, retry_at: datetime) -> str:
    one.item.postpone()
    one.effect.next_attempt_at = retry_at
    one.commit(Action.POSTPONE, outcome=Outcome.FAILED)
    one.wake(one.item.pk, retry_at)
    return "postponed"


def _counts_from(one: Settling) -> datetime | None:
    """From when on “no trace” counts, if the question was asked before; else None.

    It is the time of the question that matters: what arrives while the answer is on its way is not
    in the answer.
    """
    if one.effect.sent_at is None:
        return None
    counts_from = timing.absence_counts_from(
        one.effect.sent_at, speed=settings.WAITING_IS_DIVIDED_BY
    )
    return counts_from if counts_from > (one.began_at or one.at) else None


def _next_question(one: Settling, result: Result) -> datetime:
    return timing.next_question(
        one.at,
        questions=one.effect.tries.filter(purpose=Purpose.LOOK_UP).count(),
        draw=_draw(),
        speed=settings.WAITING_IS_DIVIDED_BY,
        not_before_s=getattr(result, "retry_after_s", None),
    )


def _draw() -> float:
    return random.random()  # noqa: S311 - spreads load, guards nothing
