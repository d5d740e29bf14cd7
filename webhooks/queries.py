"""The reads of the webhook pages: endpoints with their figures, and the log in pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core import signing
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from webhooks.models import Delivery, DeliveryState, Endpoint

PAGE = 50


class BadCursor(ValueError):
    """The message is a sentence for whoever made the address."""


@dataclass(frozen=True)
class Page:
    """`next_cursor` is "" on the last page."""

    items: Sequence[Delivery]
    next_cursor: str


def endpoints() -> QuerySet[Endpoint]:
    """All of them, each with how many deliveries wait and how many failed."""
    return Endpoint.objects.annotate(
        waiting=_count(DeliveryState.WAITING), failed=_count(DeliveryState.FAILED)
    )


def _count(state: DeliveryState) -> Coalesce:
    """Counted by itself, so that the many that were delivered are not read."""
    some = Delivery.objects.filter(endpoint=OuterRef("pk"), state=state).order_by()
    return Coalesce(Subquery(some.values("endpoint").annotate(n=Count("pk")).values("n")), 0)


def counts(endpoint: Endpoint) -> dict[str, int]:
    """By state, how many deliveries it has."""
    return dict(endpoint.deliveries.values_list("state").annotate(Count("pk")).order_by())


def log_page(endpoint: Endpoint, *, state: str = "", cursor: str = "") -> Page:
    """Newest first. Raise `BadCursor` for a cursor we didn't make."""
    found = endpoint.deliveries.select_related("event").order_by("-pk")
    if state:
        found = found.filter(state=state)
    if cursor:
        found = found.filter(pk__lt=_read_cursor(cursor))
    items = list(found[: PAGE + 1])
    has_more = len(items) > PAGE
    return Page(items[:PAGE], _write_cursor(items[PAGE - 1]) if has_more else "")


def _write_cursor(delivery: Delivery) -> str:
    return signing.dumps(delivery.pk, salt="webhooks")


def _read_cursor(cursor: str) -> int:
    try:
        return int(signing.loads(cursor, salt="webhooks"))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadCursor("This page address is not one of ours.") from error
