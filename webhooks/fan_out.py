"""Following the feed: each endpoint gets one delivery for each event that it takes, never a gap.

An endpoint's place, its deliveries and the wish to send them commit together. Who dies in the middle
leaves the place where it was. The feed tells only events that are settled (`audit.feed`), so a slow
transaction cannot slip in behind the place.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from audit import feed
from audit.models import Event
from webhooks import payload
from webhooks.models import Delivery, Endpoint
from webhooks.payload import About

AT_ONCE = 500
MOST_BATCHES = 20  # for one endpoint in one run, so that one far behind does not hold up others

Wake = Callable[[int], None]


def run(*, at: datetime, wake: Wake) -> None:
    """Bring every endpoint that is not disabled to the end of the feed."""
    for endpoint_id in Endpoint.objects.filter(disabled_at=None).values_list("pk", flat=True):
        for _ in range(MOST_BATCHES):
            if _advance(endpoint_id, at=at, wake=wake) < AT_ONCE:
                break


def _advance(endpoint_id: int, *, at: datetime, wake: Wake) -> int:
    """One batch for one endpoint; how many events were read."""
    with transaction.atomic():
        endpoint = (
            Endpoint.objects.select_for_update(skip_locked=True)
            .filter(pk=endpoint_id, disabled_at=None)
            .first()
        )
        if endpoint is None:
            return 0
        events = list(feed.after(endpoint.place)[:AT_ONCE])
        if not events:
            return 0
        if _deliveries(endpoint, events, at):
            wake(endpoint.pk)
        endpoint.place = feed.Place.of(events[-1])
        endpoint.save(update_fields=["place_xid", "place_id"])
        return len(events)


def _deliveries(endpoint: Endpoint, events: list[Event], at: datetime) -> list[Delivery]:
    leaving = [e for e in events if payload.leaves(e) and endpoint.takes(e.action)]
    items = payload.about(leaving)
    queues = set(endpoint.queues.values_list("pk", flat=True)) if leaving else set()
    return Delivery.objects.bulk_create(
        [
            begun(endpoint, event, items.get(event.target_id), at)
            for event in leaving
            if _is_of(queues, items.get(event.target_id))
        ],
        ignore_conflicts=True,
    )


def _is_of(queues: set[int], item: About | None) -> bool:
    """What belongs to no queue, such as a system that is held, is for every endpoint."""
    return not queues or item is None or item.queue_id in queues


def begun(endpoint: Endpoint, event: Event, item: About | None, at: datetime) -> Delivery:
    """A delivery that is due now; not saved yet."""
    return Delivery(
        endpoint=endpoint,
        event=event,
        body=payload.body(event, item),
        next_at=at,
        created_at=at,
    )
