"""What is forgotten: deliveries that arrived long ago, and old secrets after their overlap."""

from datetime import datetime, timedelta

from webhooks.models import Delivery, DeliveryState, Endpoint

DELIVERED_KEPT = timedelta(days=30)


def forget_delivered(*, at: datetime, at_once: int = 1000) -> int:
    """Remove what was delivered long ago, in bounded batches; how many went."""
    old = Delivery.objects.filter(
        state=DeliveryState.DELIVERED, delivered_at__lte=at - DELIVERED_KEPT
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
