"""Reading events in the order in which they happened."""

from django.db.models import QuerySet

from audit.models import Event


def of_stream(stream: str) -> QuerySet[Event]:
    """The events of one stream, newest first."""
    return Event.objects.filter(stream=stream).order_by("-seq")


def of_target(target_type: str, target_id: str) -> QuerySet[Event]:
    """Also attempts that were refused: they stand in the stream of the person who tried."""
    return Event.objects.filter(target_type=target_type, target_id=target_id).order_by("-id")
