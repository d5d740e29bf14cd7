"""Each stream by itself: is every event there, in its place, and what it was when its hash was made?"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from django.db.models import Exists, OuterRef

from audit import chain, commitments
from audit.models import Event, Stream
from audit.verify import archives
from audit.verify.archives import Archived
from audit.verify.breaks import Break, Kind, Progress

AT_ONCE = 2000
FORGET = "request.forget"


@dataclass
class Walked:
    events: int = 0
    breaks: list[Break] = field(default_factory=list)


@dataclass(frozen=True)
class _End:
    """Where a walk along one stream ended: its last event, and its first break."""

    stream: str
    last: Event
    broken: Break | None


def walk(stream: str | None, progress: Progress | None = None) -> Walked:
    """Along one stream, or all of them; the first break of each."""
    found, archived = Walked(), Archived()
    events = Event.objects.order_by("stream", "seq")
    if stream is not None:
        events = events.filter(stream=stream)
    ends: list[_End] = []
    for name, chained in groupby(events.iterator(chunk_size=AT_ONCE), lambda e: e.stream):
        end, count = _follow(name, chained, archived)
        ends.append(end)
        found.events += count
        if len(ends) == AT_ONCE:
            found.breaks += _compared_with_heads(ends)
            ends.clear()
        if progress is not None:
            progress(found.events)
    found.breaks += _compared_with_heads(ends)
    found.breaks += _without_events(stream, archived)
    return found


def _follow(name: str, events: Iterator[Event], archived: Archived) -> tuple[_End, int]:
    """Walk one chain to its end; the first break is what counts, the rest is only counted."""
    first = next(events)
    gone = archives.before(first, archived)
    before, last, broken, count = bytes(gone.hash) if gone else chain.FIRST, None, None, 0
    forgotten, said_so = 0, 0
    for event in itertools.chain([first], events):
        count += 1
        if broken is None:
            place = last.seq + 1 if last else gone.seq + 1 if gone else 1
            broken = _check(name, place, before, last, event)
        if not forgotten and commitments.is_forgotten(event):
            forgotten = event.seq
        if event.action == FORGET:
            said_so = event.seq
        before, last = bytes(event.hash), event
    if broken is None and forgotten and said_so <= forgotten:
        sentence = f"What event {forgotten} held is gone, and no event says that it was forgotten."
        broken = Break(name, forgotten, Kind.MISSING, sentence)
    return _End(name, last, broken), count


def _check(name: str, place: int, before: bytes, last: Event | None, event: Event) -> Break | None:
    if event.seq != place:
        if _follows_elsewhere(event, before):
            return _reordered(name, place)
        sentence = f"Event {place} is missing; the next is {event.seq}."
        return Break(name, place, Kind.MISSING, sentence)
    if bytes(event.prev_hash) != before:
        return _does_not_follow(name, before, last, event)
    if event.schema_version not in chain.COVERED:
        sentence = f"Event {place} has a schema that is not known here."
        return Break(name, place, Kind.CHANGED, sentence)
    if bytes(event.hash) != chain.link(before, event):
        return Break(name, place, Kind.CHANGED, f"Event {place} does not match its hash.")
    if wrong := list(commitments.broken(event)):
        sentence = f"Event {place}: {', '.join(wrong)} was changed."
        return Break(name, place, Kind.CHANGED, sentence)
    return None


def _does_not_follow(name: str, before: bytes, last: Event | None, event: Event) -> Break:
    """Why it names another event before it: one came in, one is gone, or they changed places."""
    place = event.seq
    twin = Event.objects.filter(stream=name, hash=event.hash).exclude(pk=event.pk).first()
    if twin is not None:
        sentence = f"Event {place} was put in: it is event {twin.seq} once more."
        return Break(name, place, Kind.INSERTED, sentence)
    if last is not None and bytes(event.prev_hash) == bytes(last.prev_hash):
        sentence = f"Event {last.seq} was put in: event {place} follows the one before it."
        return Break(name, last.seq, Kind.INSERTED, sentence)
    if _follows_elsewhere(event, before):
        return _reordered(name, place)
    sentence = f"Event {place} does not follow event {place - 1}."
    if _is_itself(event):
        return Break(name, place, Kind.MISSING, f"{sentence} One between them is missing.")
    return Break(name, place, Kind.CHANGED, sentence)


def _follows_elsewhere(event: Event, before: bytes) -> bool:
    """Whether the event that follows here stands somewhere else in this stream."""
    others = Event.objects.filter(stream=event.stream, prev_hash=before)
    return others.exclude(pk=event.pk).exists()


def _reordered(name: str, place: int) -> Break:
    sentence = f"Event {place} is another than it was: events of this stream changed places."
    return Break(name, place, Kind.REORDERED, sentence)


def _is_itself(event: Event) -> bool:
    """Whether its hash fits what it says, with the number that it had before one was taken out."""
    if event.schema_version not in chain.COVERED:
        return False
    for seq in (event.seq, event.seq + 1):
        copy = Event(**{field.attname: getattr(event, field.attname) for field in _FIELDS})
        copy.seq = seq
        if bytes(event.hash) == chain.link(bytes(event.prev_hash), copy):
            return True
    return False


_FIELDS = [field for field in Event._meta.concrete_fields if field.name != "xid"]


# --- The heads -----------------------------------------------------------------------------------


def _compared_with_heads(ends: Iterable[_End]) -> Iterator[Break]:
    heads = Stream.objects.in_bulk([end.stream for end in ends])
    for end in ends:
        broken = end.broken or _compare_with_head(end.stream, end.last, heads.get(end.stream))
        if broken:
            yield broken


def _compare_with_head(name: str, last: Event, head: Stream | None) -> Break | None:
    if head is None:
        return Break(name, 1, Kind.MISSING, "The stream has events but no head.")
    if head.seq > last.seq:
        sentence = f"The head says {head.seq} events; {last.seq} are here. The end is cut off."
        return Break(name, last.seq + 1, Kind.TRUNCATED, sentence)
    if head.seq < last.seq:
        sentence = f"The head says {head.seq} events; {last.seq} are here."
        return Break(name, head.seq + 1, Kind.INSERTED, sentence)
    if bytes(head.hash) != bytes(last.hash):
        sentence = "The head's hash is not that of the newest event."
        return Break(name, last.seq, Kind.CHANGED, sentence)
    return None


def _without_events(stream: str | None, archived: Archived) -> Iterator[Break]:
    empty = Stream.objects.filter(
        ~Exists(Event.objects.filter(stream=OuterRef("stream"))), seq__gt=0
    )
    if archived.all:
        empty = empty.filter(~archives.holds_the_last(archived))
    if stream is not None:
        empty = empty.filter(stream=stream)
    for head in empty.order_by("stream").iterator():
        yield Break(head.stream, 1, Kind.TRUNCATED, "Every event of this stream is missing.")
