"""What was archived: which events need not be here, and whether the record itself says so."""

import hashlib
import itertools
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.db.models import Exists, OuterRef, Q

from audit import archive, commitments
from audit.archive import ACTION, SAID, STREAM, NotArchived
from audit.canonical import canonical
from audit.models import Archive, Event, Leaf
from audit.verify.breaks import Break, Kind

AT_ONCE = 5000


class Archived:
    """The leaves whose events stand in files, and what was seen of them on a walk along the tree."""

    def __init__(self) -> None:
        self.all = list(Archive.objects.exclude(ranges=[]).order_by("pk"))
        self._runs = sorted(
            (first, end, n) for n, a in enumerate(self.all) for first, end in a.ranges
        )
        self._starts = [first for first, _, _ in self._runs]
        self._hashes = [hashlib.sha256() for _ in self.all]
        self._counts = [0 for _ in self.all]

    def number_of(self, index: int) -> int | None:
        """Which archive holds the event of this leaf."""
        at = bisect_right(self._starts, index) - 1
        if at < 0 or index >= self._runs[at][1]:
            return None
        return self._runs[at][2]

    def saw(self, number: int, leaf: bytes) -> None:
        """The leaves of an archive are told in their order."""
        self._hashes[number].update(leaf)
        self._counts[number] += 1

    def leaves(self) -> Q:
        """The condition of a leaf that is in one of them."""
        return _between(_merged(self._runs))

    def breaks(self) -> Iterator[Break]:
        """After the walk: each archive is what the record says of it, and all of its leaves are here."""
        for number, one in enumerate(self.all):
            if (self._counts[number], self._hashes[number].hexdigest()) != (one.rows, one.root):
                sentence = f"The archive {one.part} is not of the events that it says it is of."
                yield Break(STREAM, 0, Kind.CHANGED, sentence)


def unsaid() -> Iterator[Break]:
    """Archives that no event tells of: what is missing here was not taken out by the product."""
    for one in Archive.objects.order_by("pk"):
        said = {f"facts__{name}": getattr(one, name) for name in SAID}
        if not Event.objects.filter(stream=STREAM, action=ACTION, **said).exists():
            sentence = f"No event says that {one.part} of {one.table} was archived."
            yield Break(STREAM, 0, Kind.CHANGED, sentence)


def before(event: Event, archived: Archived) -> Leaf | None:
    """The archived event that this one, the first of its stream that is here, comes after."""
    if event.seq == 1 or not archived.all:
        return None
    return Leaf.objects.filter(archived.leaves(), stream=event.stream, seq=event.seq - 1).first()


def holds_the_last(archived: Archived) -> Exists:
    """The condition of a stream's head: the event that it names is in one of the archives."""
    named = {name: OuterRef(name) for name in ("stream", "seq", "hash")}
    return Exists(Leaf.objects.filter(archived.leaves(), **named))


def file_breaks(paths: Iterable[Path]) -> Iterator[Break]:
    """Each file against the tree: every event is what its leaf says, and none is missing."""
    for path in paths:
        try:
            yield from _of_file(path)
        except (NotArchived, KeyError, TypeError, ValueError, AttributeError) as error:
            yield Break(STREAM, 0, Kind.CHANGED, f"{path.name}: {error}")


def _of_file(path: Path) -> Iterator[Break]:
    rows = archive.read(path)
    head = next(rows, {})
    if head.get("form") != archive.FORM:
        raise NotArchived("It is no archive of this product.")
    one = Archive.objects.filter(table=head["table"], part=head["part"]).first()
    if one is None:
        raise NotArchived(f"Nothing here tells of {head['part']} of {head['table']}.")
    if not one.ranges:
        if archive.digest(path) != one.sha256:
            yield Break(STREAM, 0, Kind.CHANGED, f"{path.name} is another file than was written.")
        return
    yield from itertools.islice(_compared(path.name, rows, one), 1)


def _compared(name: str, rows: Iterable[dict], one: Archive) -> Iterator[Break]:
    """The first place where the rows of a file are not the leaves of its archive."""
    wanted = Leaf.objects.filter(_between(one.ranges)).order_by("index")
    leaves = wanted.iterator(chunk_size=AT_ONCE)
    for row in rows:
        leaf, covered = next(leaves, None), row["covered"]
        stream, seq = covered["stream"], covered["seq"]
        if leaf is None:
            yield Break(stream, seq, Kind.INSERTED, f"{name}: event {seq} was put in.")
            return
        if (row["index"], stream, seq) != (leaf.index, leaf.stream, leaf.seq):
            sentence = f"{name}: event {leaf.seq} is missing, or not in its place."
            yield Break(leaf.stream, leaf.seq, Kind.MISSING, sentence)
        if not _is_itself(row, bytes(leaf.hash)):
            yield Break(stream, seq, Kind.CHANGED, f"{name}: event {seq} was changed.")
    if (leaf := next(leaves, None)) is not None:
        yield Break(leaf.stream, leaf.seq, Kind.TRUNCATED, f"{name}: the end is cut off.")


def _is_itself(row: dict, leaf: bytes) -> bool:
    """Whether a row's hash is that of the leaf, and what may be personal is what was committed to."""
    covered, private = row["covered"], dict(row.get("private", {}))
    hashed = hashlib.sha256(bytes.fromhex(row["prev_hash"]) + canonical(covered)).digest()
    salt = bytes.fromhex(private.pop("salt", ""))
    committed = covered.get("commitments", {})
    return hashed == leaf and all(
        committed.get(name) == commitments.commitment(salt, name, value)
        for name, value in private.items()
    )


def _between(ranges: Iterable[Sequence[int]]) -> Q:
    """The condition of a leaf that is in one of these."""
    found = Q(pk__in=())
    for first, end in ranges:
        found |= Q(index__gte=first, index__lt=end)
    return found


def _merged(runs: Iterable[tuple[int, int, int]]) -> list[list[int]]:
    """Runs in order, those that touch as one."""
    found: list[list[int]] = []
    for first, end, _ in runs:
        if found and found[-1][1] == first:
            found[-1][1] = end
        else:
            found.append([first, end])
    return found
