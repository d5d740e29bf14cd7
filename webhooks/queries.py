"""The reads of the webhook pages: endpoints with their figures, and the log in pages."""

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from approvals.paging import Page, page_of, place_in
from webhooks.models import Delivery, DeliveryState, Endpoint

PAGE = 50


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


def log_page(endpoint: Endpoint, *, state: str = "", cursor: str = "") -> Page[Delivery]:
    """Newest first. Raise `BadCursor` for a cursor we didn't make."""
    found = endpoint.deliveries.select_related("event").order_by("-pk")
    if state:
        found = found.filter(state=state)
    if cursor:
        found = found.filter(pk__lt=place_in(cursor, of="webhooks")[0])
    return page_of(found, size=PAGE, of="webhooks", place=lambda delivery: [delivery.pk])
