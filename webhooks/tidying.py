"""What is forgotten: deliveries of long ago, and old secrets after their overlap."""

from datetime import datetime, timedelta

from django.db.models import Q

from webhooks.models import Delivery, DeliveryState, Endpoint

DELIVERED_KEPT = timedelta(days=30)
FAILED_KEPT = timedelta(days=366)  # so that the month of their events can be archived


def forget_old(*, at: datetime, at_once: int = 1000) -> int:
    """Remove what was delivered or given up long ago, in bounded batches; how many went."""
    old = Delivery.objects.filter(
        Q(state=DeliveryState.DELIVERED, delivered_at__lte=at - DELIVERED_KEPT)
        | Q(state=DeliveryState.FAILED, created_at__lte=at - FAILED_KEPT)
    )
    gone = 0
    while some := list(old.values_list("pk", flat=True)[:at_once]):
        Delivery.objects.filter(pk__in=some).delete()
        gone += len(some)
    return gone


def forget_old_secrets(*, at: datetime) -> int:
    """An old secret that signs nothing any more is not kept."""
    over = Endpoint.objects.filter(old_secret_until__lte=at)
    return over.update(old_secret="", old_secret_until=None)
