"""Looking after what nobody woke up: safe to run on any number of workers at once.

Finds requests whose time has passed (a worker died, a job was lost, a database was restored) and
expires those that nobody decided. `execution` checks each again under lock.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from approvals.events import Action
from approvals.models import ApprovalRequest, IdempotencyRecord, ProviderEvent, State
from approvals.transitions import commit
from audit.recorder import Actor

GRACE = timedelta(seconds=15)  # the ordinary job comes first
AT_ONCE = 200
PROVIDER_EVENTS_KEPT = timedelta(days=30)  # Stripe repeats a webhook for three days
CLOCK = Actor(type="clock", id="clock", label="Approval Queue")


def sweep(*, at: datetime) -> list[int]:
    """Expire what is over its time; return the ids of requests to look at again."""
    for item_id in _overdue_to_expire(at):
        expire(item_id, at=at)
    late = at - GRACE
    forgotten = (
        Q(state=State.APPROVED, starts_at__lt=late, held_at=None)
        | Q(state=State.RETRYING, effect__next_attempt_at__lt=late, held_at=None)
        | Q(state=State.IN_DOUBT, effect__next_question_at__lt=late)
        | Q(state=State.EXECUTING)
    )
    free = Q(effect__lease_until=None) | Q(effect__lease_until__lt=at)
    found = ApprovalRequest.objects.filter(forgotten, free).order_by("id")
    return list(found.values_list("pk", flat=True)[:AT_ONCE])


def expire(item_id: int, *, at: datetime) -> bool:
    """Whether it was still open and past its time."""
    with transaction.atomic():
        item = (
            ApprovalRequest.objects.select_for_update(skip_locked=True)
            .filter(pk=item_id, state__in=[State.PENDING, State.SENT_BACK], expires_at__lte=at)
            .first()
        )
        if item is None:
            return False
        item.expire()
        commit(
            item,
            Action.EXPIRE,
            actor=CLOCK,
            at=at,
            step=None,
            waiting_team=None,
            waiting_since=at,
            due_at=None,
            warn_at=None,
        )
    return True


def forget_old_keys(*, at: datetime, at_once: int = 1000) -> int:
    """Remove stored answers past their time, in bounded batches; how many went."""
    return _remove(IdempotencyRecord.objects.filter(expires_at__lte=at), at_once)


def forget_old_provider_events(*, at: datetime, at_once: int = 1000) -> int:
    """Remove webhooks that no provider repeats any more, in bounded batches; how many went."""
    old = ProviderEvent.objects.filter(received_at__lte=at - PROVIDER_EVENTS_KEPT)
    return _remove(old, at_once)


def _remove(rows: QuerySet, at_once: int) -> int:
    gone = 0
    while some := list(rows.values_list("pk", flat=True)[:at_once]):
        gone += rows.model.objects.filter(pk__in=some).delete()[0]
    return gone


def _overdue_to_expire(at: datetime) -> list[int]:
    waiting = ApprovalRequest.objects.filter(
        state__in=[State.PENDING, State.SENT_BACK], expires_at__lte=at
    )
    return list(waiting.order_by("id").values_list("pk", flat=True)[:AT_ONCE])
