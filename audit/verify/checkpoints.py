"""All of the record against signed roots: checkpoints here, their copies outside, and others given."""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef

from audit import feed, merkle, notes, outside
from audit.feed import Place
from audit.models import Checkpoint, Event, Leaf
from audit.notes import BrokenNote, PublicKey
from audit.verify.archives import Archived
from audit.verify.breaks import CHECKPOINTS, Break, Kind

MOST_BREAKS = 100  # of a kind; who finds more has seen enough
AT_ONCE = 5000


@dataclass
class Compared:
    """How many checkpoints there are, and how many events the last of them is about."""

    count: int = 0
    sealed: int = 0
    breaks: list[Break] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, order=True)
class _Wanted:
    """A root that somebody signed, and how many leaves it is about."""

    size: int
    number: int
    root: bytes
    name: str

    @classmethod
    def of(cls, said: notes.Checkpoint, name: str) -> "_Wanted":
        return cls(said.size, said.number, said.root, name)


def compare(against: Sequence[tuple[str, str]], keys: Sequence[PublicKey]) -> Compared:
    """`against`: names and texts of further notes."""
    found, others = Compared(), []
    last = _read_ours(found, keys)
    for place in settings.AUDIT_PLACES:
        others += _read_outside(found, place, keys)
    for name, note in against:
        others += _read_given(found, name, note, keys)
    if last is None:
        found.remarks.append("There is no checkpoint yet.")
    found.breaks += _leaves(heapq.merge(_ours(last), sorted(others)))
    if last is not None:
        found.breaks += _without_a_leaf(Place(last.xid, last.event_id))
    return found


def _read_ours(found: Compared, keys: Sequence[PublicKey]) -> Checkpoint | None:
    """Each is signed, names the one before it, and none is missing; the last for which that is so."""
    last, said = None, None
    for checkpoint in Checkpoint.objects.order_by("number").iterator(chunk_size=AT_ONCE):
        number = checkpoint.number
        before = said.digest if said else notes.NOTHING_BEFORE
        place = last.number + 1 if last else 1
        if number != place:
            sentence = f"Checkpoint {place} is missing; the next is {number}."
            found.breaks.append(Break(CHECKPOINTS, place, Kind.MISSING, sentence))
            return last
        try:
            said = notes.read(checkpoint.note, keys)
        except BrokenNote as error:
            sentence = f"Checkpoint {number}: {error}"
            found.breaks.append(Break(CHECKPOINTS, number, Kind.CHANGED, sentence))
            return last
        if (said.number, said.size, said.previous) != (number, checkpoint.size, before):
            sentence = f"Checkpoint {number} does not follow checkpoint {number - 1}."
            found.breaks.append(Break(CHECKPOINTS, number, Kind.CHANGED, sentence))
            return last
        last, found.count, found.sealed = checkpoint, number, said.size
    return last


def _ours(last: Checkpoint | None) -> Iterator[_Wanted]:
    """What was read by `_read_ours`, once more, so that memory does not grow with it."""
    good = Checkpoint.objects.filter(number__lte=last.number if last else 0).order_by("number")
    for number, note in good.values_list("number", "note").iterator(chunk_size=AT_ONCE):
        yield _Wanted.of(notes.parse(note)[0], f"checkpoint {number}")


def _read_outside(found: Compared, place: str, keys: Sequence[PublicKey]) -> list[_Wanted]:
    """Every copy says what the checkpoint here says; one that is only there was taken away here."""
    seen, others = 0, []
    try:
        for copies in _some_at_a_time(outside.notes_at(place)):
            ours = Checkpoint.objects.in_bulk(list(copies))
            seen += len(copies)
            for number, note in copies.items():
                if broken := _compare_copy(place, number, note, ours.get(number), keys):
                    found.breaks.append(broken)
                    others += _if_signed(note, f"the copy of checkpoint {number}", keys)
    except outside.NotWritten as error:
        found.remarks.append(f"Not compared: {error}")
        return others
    if lacking := outside.behind(place):
        what = "1 checkpoint" if lacking == 1 else f"{lacking:,} checkpoints"
        found.remarks.append(f"{place} lacks {what}.")
    if place.startswith("/") and seen < (written := outside.written(place)):
        sentence = f"Copies of checkpoints are gone from {place}: {written - seen:,}."
        found.breaks.append(Break(CHECKPOINTS, 1, Kind.MISSING, sentence))
    return others


def _some_at_a_time(copies: Iterator[tuple[int, str]]) -> Iterator[dict[int, str]]:
    while some := dict(itertools.islice(copies, AT_ONCE)):
        yield some


def _compare_copy(
    place: str, number: int, note: str, ours: Checkpoint | None, keys: Sequence[PublicKey]
) -> Break | None:
    if ours is None:
        sentence = f"Checkpoint {number} stands at {place}, but not here."
        return Break(CHECKPOINTS, number, Kind.TRUNCATED, sentence)
    if ours.note == note:
        return None
    try:
        notes.read(note, keys)
    except BrokenNote as error:
        sentence = f"The copy of checkpoint {number} at {place} was changed: {error}"
    else:
        sentence = f"Checkpoint {number} is another than its copy at {place}."
    return Break(CHECKPOINTS, number, Kind.CHANGED, sentence)


def _read_given(found: Compared, name: str, note: str, keys: Sequence[PublicKey]) -> list[_Wanted]:
    try:
        return [_Wanted.of(notes.read(note, keys), name)]
    except BrokenNote as error:
        found.breaks.append(Break(CHECKPOINTS, 0, Kind.CHANGED, f"{name}: {error}"))
        return []


def _if_signed(note: str, name: str, keys: Sequence[PublicKey]) -> list[_Wanted]:
    try:
        return [_Wanted.of(notes.read(note, keys), name)]
    except BrokenNote:
        return []


# --- The leaves ----------------------------------------------------------------------------------


def _leaves(wanted: Iterator[_Wanted]) -> Iterator[Break]:
    """Every leaf is an event with the same hash, and together they give each root that was signed."""
    tree, told, following = merkle.GrowingTree(), set(), next(wanted, None)
    archived = Archived()
    for index, stream, seq, leaf, hashed in _leaves_with_events():
        if index != tree.size:
            sentence = f"Leaf {tree.size} of the tree is missing."
            yield Break(CHECKPOINTS, following.number if following else 0, Kind.MISSING, sentence)
            return
        tree.add(merkle.leaf_hash(leaf))
        in_archive = archived.number_of(index)
        if in_archive is not None:
            archived.saw(in_archive, leaf)
        is_gone = hashed is None and in_archive is not None
        if hashed != leaf and not is_gone and stream not in told and len(told) < MOST_BREAKS:
            told.add(stream)
            yield _changed_leaf(stream, seq, hashed)
        while following is not None and following.size == tree.size:
            if following.root != tree.root:
                sentence = f"The events are not those under {following.name}."
                yield Break(CHECKPOINTS, following.number, Kind.CHANGED, sentence)
                return
            following = next(wanted, None)
    yield from archived.breaks()
    if following is not None:
        yield _beyond(following, tree.size)


def _leaves_with_events() -> Iterator[tuple[int, str, int, bytes, bytes | None]]:
    """In order: index, stream, number, hash of the leaf, and of the event if there is one."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            "SELECT l.index, l.stream, l.seq, l.hash, e.hash FROM audit_leaf l"
            " LEFT JOIN audit_event e ON e.stream = l.stream AND e.seq = l.seq ORDER BY l.index"
        )
        while rows := cursor.fetchmany(AT_ONCE):
            for index, stream, seq, leaf, hashed in rows:
                yield index, stream, seq, bytes(leaf), None if hashed is None else bytes(hashed)


def _changed_leaf(stream: str, seq: int, hashed: bytes | None) -> Break:
    if hashed is not None:
        sentence = f"Event {seq} is another than the one under the checkpoints."
        return Break(stream, seq, Kind.CHANGED, sentence)
    if Event.objects.filter(stream=stream, seq__gt=seq).exists():
        return Break(stream, seq, Kind.MISSING, f"Event {seq} is missing.")
    sentence = f"Event {seq} is under the checkpoints, but not here: the end is cut off."
    return Break(stream, seq, Kind.TRUNCATED, sentence)


def _beyond(wanted: _Wanted, size: int) -> Break:
    """A root of more events than there are; with the first that a folder outside still names."""
    for place in settings.AUDIT_PLACES:
        for _, stream, seq in outside.listed(place, size):
            sentence = f"Event {seq} is listed at {place}, but not here."
            return Break(stream, seq, Kind.TRUNCATED, sentence)
    sentence = f"{wanted.name} is about more events than the {size} that are here."
    return Break(CHECKPOINTS, wanted.number, Kind.TRUNCATED, sentence[0].upper() + sentence[1:])


def _without_a_leaf(place: Place) -> Iterator[Break]:
    """Events that stand among those under the checkpoints, and are not."""
    leaf = Leaf.objects.filter(stream=OuterRef("stream"), seq=OuterRef("seq"))
    found = Event.objects.filter(feed.until(place), ~Exists(leaf)).order_by("xid", "id")
    told = set()
    for stream, seq in found.values_list("stream", "seq")[:MOST_BREAKS]:
        if stream not in told:
            told.add(stream)
            sentence = f"Event {seq} was put in among events that a checkpoint is about."
            yield Break(stream, seq, Kind.INSERTED, sentence)
