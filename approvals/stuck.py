"""What nobody should leave alone: one rule, as a condition for queries and in words.

Used by the list, its counts, the page of a request and the tests that they agree.
"""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from accounts.kept_queries import Slot
from approvals import switches
from approvals.causes import ACCEPTED
from approvals.deciders import somebody_may_decide
from approvals.models import ApprovalRequest, Effect, State, System

LATE_START = timedelta(minutes=2)


def is_stuck(now: datetime) -> Q:
    """Nobody should leave it alone. The same rule as `why_stuck`, as a condition."""
    return is_stuck_by_itself(now, now - LATE_START) | _lacks_deciders()


def is_stuck_by_itself(now: datetime | Slot, late_start: datetime | Slot) -> Q:
    """The same, as far as the request itself says it. `late_start`: `LATE_START` before now."""
    accepted = Q(state=State.IN_DOUBT, cause__in=ACCEPTED, warn_at__gte=now)
    return (
        Q(state__in=[State.IN_DOUBT, State.NEEDS_PERSON, State.RETRYING]) & ~accepted
        | Q(state__in=[State.PENDING, State.SENT_BACK]) & _is_overdue(now)
        | Q(state=State.PENDING, stranded_at__isnull=False)
        | Q(state=State.APPROVED, held_at__isnull=False)
        | Q(state=State.APPROVED, starts_at__lt=late_start)
        | Q(state=State.APPROVED) & switches.waits_for_its_system()
        | Q(state=State.EXECUTING, pk__in=_left_behind(now))
    )


def is_stuck_for_want_of_people(now: datetime | Slot) -> Q:
    """Nobody can decide it, and nothing else is the matter."""
    return Q(stranded_at__isnull=True) & ~_is_overdue(now) & _lacks_deciders()


def _is_overdue(now: datetime | Slot) -> Q:
    return Q(due_at__lt=now) | Q(warn_at__lt=now)


def _lacks_deciders() -> Q:
    return Q(state=State.PENDING) & ~somebody_may_decide()


def _left_behind(now: datetime | Slot) -> QuerySet:
    """Requests whose worker's lease ran out. The few that are leased have an index of their own;
    a join would read every effect that there ever was.
    """
    return Effect.objects.filter(lease_until__lt=now).values("item")


def why_stuck(
    item: ApprovalRequest, now: datetime, *, has_deciders: bool, system: System | None = None
) -> str:
    """Why nobody should leave it alone, or "". The same rule as `is_stuck`, in words."""
    if item.state == State.IN_DOUBT:
        return _why_stuck_in_doubt(item, now)
    if item.state == State.NEEDS_PERSON:
        return "It needs a person."
    if item.state in (State.PENDING, State.SENT_BACK):
        return _why_stuck_with_people(item, now, has_deciders)
    if item.state in (State.APPROVED, State.RETRYING):
        return _why_stuck_before_sending(item, now, system)
    if item.state == State.EXECUTING and _is_left_behind(item, now):
        return "The worker that sent it stopped."
    return ""


def _why_stuck_in_doubt(item: ApprovalRequest, now: datetime) -> str:
    """What the provider has accepted and not finished is nobody's trouble for a day."""
    if item.cause in ACCEPTED and item.warn_at is not None and item.warn_at >= now:
        return ""
    return "The outcome is unknown."


def _why_stuck_before_sending(item: ApprovalRequest, now: datetime, system: System | None) -> str:
    if item.held_at is not None:
        return "It is held."
    if system is not None and system.is_stopped:
        return f"{system.name} is {'held' if system.held_at else 'paused'}."
    if item.state == State.RETRYING:
        return "It did not work yet."
    if item.starts_at and item.starts_at + LATE_START < now:
        return "It is approved and has not started."
    return ""


def _is_left_behind(item: ApprovalRequest, now: datetime) -> bool:
    """Its worker's lease ran out without a word."""
    until = item.effect.lease_until
    return until is not None and until < now


def _why_stuck_with_people(item: ApprovalRequest, now: datetime, has_deciders: bool) -> str:
    if item.state == State.PENDING and not has_deciders:
        return "Nobody can decide it."
    if item.state == State.PENDING and item.stranded_at is not None:
        return "Too few can decide it."
    if item.due_at is not None and item.due_at < now:
        return "It is overdue."
    if item.warn_at is not None and item.warn_at < now:
        return "It waits longer than usual."
    return ""


def is_late(due: datetime | None, now: datetime) -> bool:
    """Something should have happened by itself, and no worker did it."""
    return due is None or due + LATE_START < now
