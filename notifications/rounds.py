"""What no event says, because nothing happens: requests that get stuck, and causes that grow."""

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import access
from approvals import failures, queries, stuck
from approvals.causes import cause as cause_of
from approvals.models import OPEN, ApprovalRequest, CauseWatch, Queue, State
from notifications.models import StuckTold, Topic
from notifications.notices import tell
from notifications.telling import Telling, leads_of_operations

AT_ONCE = 200
LOOKED_AT_BY_SOMEBODY = (State.IN_DOUBT, State.NEEDS_PERSON)
TRIES_BEFORE_IT_IS_NEWS = 3


# --- Stuck ----------------------------------------------------------------------------------------


def tell_of_stuck(*, at: datetime) -> int:
    """Tell each stuck request's people, once for each time that it waits; how many requests it was.

    They are its owner and whoever asked; when nobody owns what a person must look at, the leads of
    operations.
    """
    with transaction.atomic():
        items = list(_stuck_and_untold(at)[:AT_ONCE])
        explained = queries.explained(items, at)
        tell(
            [one for item in items for one in _tellings(item, explained[item.pk].stuck)],
            at=at,
        )
        StuckTold.objects.bulk_create(
            [_told(item) for item in items],
            update_conflicts=True,
            unique_fields=["item"],
            update_fields=["state", "waiting_since"],
        )
    return len(items)


def _stuck_and_untold(at: datetime) -> QuerySet[ApprovalRequest]:
    """Retrying is one wait, however many tries it has; the first two are no news."""
    told = StuckTold.objects.filter(
        Q(state=State.RETRYING) | Q(waiting_since=OuterRef("waiting_since")),
        item=OuterRef("pk"),
        state=OuterRef("state"),
    )
    early = Q(state=State.RETRYING, effect__attempts__lt=TRIES_BEFORE_IT_IS_NEWS)
    return (
        queries.requests()
        .filter(stuck.is_stuck(at), ~Exists(told), state__in=OPEN)
        .exclude(early)
        .order_by("waiting_since", "pk")
    )


def _told(item: ApprovalRequest) -> StuckTold:
    return StuckTold(item=item, state=item.state, waiting_since=item.waiting_since)


def _tellings(item: ApprovalRequest, why: str) -> list[Telling]:
    since = item.waiting_since.astimezone(UTC)
    return [
        Telling(
            user_id=pk,
            topic=Topic.MINE,
            mark=f"stuck/{item.ref}/{item.state}/{since:%Y%m%dT%H%M%S%f}",
            sentence=f"{item.ref} is stuck. {why}",
            url=f"/requests/{item.ref}/",
            item=item,
            is_urgent=item.state == State.IN_DOUBT,
        )
        for pk in _people_of(item)
    ]


def _people_of(item: ApprovalRequest) -> set[int]:
    people = {item.owner_id, item.requested_by_id} - {None}
    if item.owner_id is None and item.state in LOOKED_AT_BY_SOMEBODY:
        people |= set(leads_of_operations(item))
    return people


# --- Causes ---------------------------------------------------------------------------------------


def tell_of_grown_causes(*, at: datetime) -> None:
    """Tell who asked for it that a cause has grown past their number; once for each number set."""
    for watch in CauseWatch.objects.select_related("user").filter(user__is_active=True):
        count = failures.with_cause(access.of(watch.user, Queue), watch.cause).count()
        if count > watch.above:
            tell([_grown(watch, count)], at=at)


def _grown(watch: CauseWatch, count: int) -> Telling:
    plain = cause_of(watch.cause).plain.rstrip(".")
    return Telling(
        user_id=watch.user_id,
        topic=Topic.CAUSES,
        mark=f"cause/{watch.cause}/{watch.above}/{watch.set_at.astimezone(UTC):%Y%m%dT%H%M%S}",
        sentence=f"“{plain}” has grown to {count} requests; you wanted to know above {watch.above}.",
        url=f"/failures/{watch.cause}/",
    )
