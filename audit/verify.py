"""Is the record what it was? Reads every chain and names the first place that isn't."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from django.db import connection, transaction

from audit import chain, commitments
from audit.models import Event, Stream


@dataclass(frozen=True)
class Break:
    """The first place in one stream where the record can't be trusted."""

    stream: str
    seq: int
    sentence: str


@dataclass(frozen=True)
class Report:
    streams: int
    events: int
    breaks: list[Break]

    @property
    def is_intact(self) -> bool:
        return not self.breaks


# Told now and then how many events were read so far.
Progress = Callable[[int], None]


def verify(stream: str | None = None, *, progress: Progress | None = None) -> Report:
    """Check one stream, or all of them, as they stood at one moment.

    Heads and events are read from one snapshot, so that what people do meanwhile is no break. In
    a transaction that is already open its own isolation decides.
    """
    if connection.in_atomic_block:
        return _verified(stream, progress)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return _verified(stream, progress)


def _verified(stream: str | None, progress: Progress | None) -> Report:
    heads = {head.stream: head for head in _heads(stream)}
    events = Event.objects.order_by("stream", "seq")
    if stream is not None:
        events = events.filter(stream=stream)
    breaks: list[Break] = []
    seen = 0
    for name, chained in _by_stream(events.iterator(chunk_size=2000)):
        last, count, broken = _follow(name, chained)
        seen += count
        if progress is not None:
            progress(seen)
        head = heads.pop(name, None)
        broken = broken or _compare_with_head(name, last, head)
        if broken:
            breaks.append(broken)
    for name, head in heads.items():
        if head.seq:
            breaks.append(Break(name, 1, "Every event of this stream is missing."))
    streams = Stream.objects.count() if stream is None else 1
    return Report(streams=streams, events=seen, breaks=breaks)


def _heads(stream: str | None) -> Iterator[Stream]:
    heads = Stream.objects.all() if stream is None else Stream.objects.filter(stream=stream)
    return heads.iterator(chunk_size=2000)


def _by_stream(events: Iterator[Event]) -> Iterator[tuple[str, Iterator[Event]]]:
    return groupby(events, key=lambda event: event.stream)


def _follow(name: str, events: Iterator[Event]) -> tuple[Event | None, int, Break | None]:
    """Walk one chain to its end; the first break is what counts, the rest is only counted."""
    previous, seq, count, last, broken = chain.FIRST, 0, 0, None, None
    for event in events:
        count += 1
        last = event
        if broken is None:
            broken = _check(name, seq + 1, previous, event)
        previous, seq = bytes(event.hash), event.seq
    return last, count, broken


def _check(name: str, expected: int, previous: bytes, event: Event) -> Break | None:
    if event.seq != expected:
        return Break(name, expected, f"Event {expected} is missing; the next is {event.seq}.")
    if bytes(event.prev_hash) != previous:
        return Break(name, expected, f"Event {expected} does not follow event {expected - 1}.")
    if event.schema_version not in chain.COVERED:
        return Break(name, expected, f"Event {expected} has a schema that is not known here.")
    if bytes(event.hash) != chain.link(previous, event):
        return Break(name, expected, f"Event {expected} does not match its hash.")
    if wrong := list(commitments.broken(event)):
        return Break(name, expected, f"Event {expected}: {', '.join(wrong)} was changed.")
    return None


def _compare_with_head(name: str, last: Event | None, head: Stream | None) -> Break | None:
    if head is None or last is None:
        return Break(name, 1, "The stream has events but no head.")
    if head.seq != last.seq:
        return Break(name, last.seq + 1, f"The head says {head.seq} events; {last.seq} are here.")
    if bytes(head.hash) != bytes(last.hash):
        return Break(name, last.seq, "The head's hash is not that of the newest event.")
    return None
