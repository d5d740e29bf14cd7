"""Which interaction last moved a stream: work that nobody woke up joins on to it."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from audit import correlation
from audit.models import Event, Stream


def of_streams(streams: Iterable[str]) -> dict[str, str]:
    """By stream, its newest event's trace and cause, as a job carries them; one query.

    A stream whose newest event knows none is left out.
    """
    head = Stream.objects.filter(stream=OuterRef("stream"), seq=OuterRef("seq"))
    newest = Event.objects.filter(Exists(head), stream__in=list(streams))
    found = newest.values_list("stream", "context")
    return {stream: text for stream, context in found if (text := correlation.carried(context))}
