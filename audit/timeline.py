"""Reading events in the order in which they happened."""

from django.db.models import QuerySet

from audit.models import Event


def of_stream(stream: str) -> QuerySet[Event]:
    """The events of one stream, newest first."""
    return Event.objects.filter(stream=stream).order_by("-seq")
