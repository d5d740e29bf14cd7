"""All of the record against signed roots: checkpoints here, their copies outside, and others given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef

from audit import feed, merkle, notes, outside
from audit.feed import Place
from audit.models import Checkpoint, Event, Leaf
from audit.notes import BrokenNote, PublicKey
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


@dataclass(frozen=True)
class _Wanted:
    """A root that somebody signed."""

    number: int
    root: bytes
    name: str


def compare(against: Sequence[tuple[str, str]], keys: Sequence[PublicKey]) -> Compared:
    """`against`: names and texts of further notes."""
    found = Compared()
    wanted: dict[int, list[_Wanted]] = {}
    last = _read_ours(found, wanted, keys)
    _read_outside(found, wanted, keys)
    for name, note in against:
        _read_given(found, wanted, name, note, keys)
    if last is None:
        found.remarks.append("There is no checkpoint yet.")
    found.breaks += _leaves(found, wanted)
    if last is not None:
        found.breaks += _without_a_leaf(Place(last.xid, last.event_id))
    return found


def _read_ours(
    found: Compared, wanted: dict[int, list[_Wanted]], keys: Sequence[PublicKey]
) -> Checkpoint | None:
    """Each is signed, names the one before it, and none is missing."""
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
        _want(wanted, said, f"checkpoint {number}")
        last, found.count, found.sealed = checkpoint, number, said.size
    return last


def _read_outside(
    found: Compared, wanted: dict[int, list[_Wanted]], keys: Sequence[PublicKey]
) -> None:
    """Every copy says what the checkpoint here says; one that is only there was taken away here."""
    for place in settings.AUDIT_PLACES:
        seen = 0
        try:
            for number, note in outside.notes_at(place):
                seen += 1
                if broken := _compare_copy(place, number, note, keys):
                    found.breaks.append(broken)
                    _want_if_read(wanted, note, f"the copy of checkpoint {number}", keys)
                    break
        except outside.NotWritten as error:
            found.remarks.append(f"Not compared: {error}")
            continue
        lacking = outside.behind(place)
        if lacking:
            found.remarks.append(f"{place} lacks {lacking} checkpoints.")
        elif not seen and found.count:
            sentence = f"No copy of a checkpoint stands at {place} any more."
            found.breaks.append(Break(CHECKPOINTS, 1, Kind.MISSING, sentence))


def _compare_copy(place: str, number: int, note: str, keys: Sequence[PublicKey]) -> Break | None:
    ours = Checkpoint.objects.filter(number=number).values_list("note", flat=True).first()
    if ours is None:
        sentence = f"Checkpoint {number} stands at {place}, but not here."
        return Break(CHECKPOINTS, number, Kind.TRUNCATED, sentence)
    if ours == note:
        return None
    try:
        notes.read(note, keys)
    except BrokenNote as error:
        sentence = f"The copy of checkpoint {number} at {place} was changed: {error}"
    else:
        sentence = f"Checkpoint {number} is another than its copy at {place}."
    return Break(CHECKPOINTS, number, Kind.CHANGED, sentence)


def _read_given(
    found: Compared,
    wanted: dict[int, list[_Wanted]],
    name: str,
    note: str,
    keys: Sequence[PublicKey],
) -> None:
    try:
        said = notes.read(note, keys)
    except BrokenNote as error:
        found.breaks.append(Break(CHECKPOINTS, 0, Kind.CHANGED, f"{name}: {error}"))
        return
    _want(wanted, said, name)


def _want_if_read(
    wanted: dict[int, list[_Wanted]], note: str, name: str, keys: Sequence[PublicKey]
) -> None:
    try:
        _want(wanted, notes.read(note, keys), name)
    except BrokenNote:
        return


def _want(wanted: dict[int, list[_Wanted]], said: notes.Checkpoint, name: str) -> None:
    wanted.setdefault(said.size, []).append(_Wanted(said.number, said.root, name))


# --- The leaves ----------------------------------------------------------------------------------


def _leaves(found: Compared, wanted: dict[int, list[_Wanted]]) -> Iterator[Break]:
    """Every leaf is an event with the same hash, and together they give each root that was signed."""
    tree, told = merkle.GrowingTree(), set()
    for index, stream, seq, leaf, hashed in _leaves_with_events():
        if index != tree.size:
            sentence = f"Leaf {tree.size} of the tree is missing."
            yield Break(CHECKPOINTS, _first_over(wanted, tree.size), Kind.MISSING, sentence)
            return
        tree.add(merkle.leaf_hash(leaf))
        if hashed != leaf and stream not in told and len(told) < MOST_BREAKS:
            told.add(stream)
            yield _changed_leaf(stream, seq, hashed)
        for root in wanted.pop(tree.size, ()):
            if root.root != tree.root:
                sentence = f"The events are not those under {root.name}."
                yield Break(CHECKPOINTS, root.number, Kind.CHANGED, sentence)
                return
    yield from _beyond(wanted, tree.size)


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


def _first_over(wanted: dict[int, list[_Wanted]], size: int) -> int:
    """The number of the first checkpoint that is about more leaves than these."""
    over = [root.number for at, roots in wanted.items() if at > size for root in roots]
    return min(over, default=0)


def _beyond(wanted: dict[int, list[_Wanted]], size: int) -> Iterator[Break]:
    """Roots of more events than there are; with the first that a folder outside still names."""
    if not (number := _first_over(wanted, size)):
        return
    for place in settings.AUDIT_PLACES:
        for _, stream, seq in outside.listed(place, size):
            sentence = f"Event {seq} is listed at {place}, but not here."
            yield Break(stream, seq, Kind.TRUNCATED, sentence)
            return
    sentence = f"Checkpoint {number} is about more events than the {size} that are here."
    yield Break(CHECKPOINTS, number, Kind.TRUNCATED, sentence)


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
