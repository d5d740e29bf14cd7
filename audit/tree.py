"""The tree of all events as the database keeps it: leaves, and the roots of every complete 16 of them,
of 256, 4,096 and so on. What lies between is hashed when it is asked for.
"""

from audit import merkle
from audit.models import Leaf, Node

STEP = 4  # levels between two that are kept
WIDTH = 1 << STEP


def is_kept(level: int) -> bool:
    return level > 0 and level % STEP == 0


class StoredTree:
    """Reads each hash once; of a tree that grows meanwhile only what was complete is asked for."""

    def __init__(self) -> None:
        self._read: dict[tuple[int, int], bytes] = {}

    def root_of(self, begin: int, end: int) -> bytes:
        """The root of the leaves from `begin` on and before `end`. Raises `KeyError` where one lacks."""
        size = end - begin
        if size & (size - 1) == 0 and begin % size == 0:
            level = size.bit_length() - 1
            return self._complete(level, begin >> level)
        middle = merkle.split(begin, end)
        return merkle.node_hash(self.root_of(begin, middle), self.root_of(middle, end))

    def growing(self, size: int, keep: object = None) -> merkle.GrowingTree:
        """A tree that goes on from the first `size` leaves."""
        peaks = [self._complete(level, number) for level, number in merkle.peaks_of(size)]
        return merkle.GrowingTree(size, peaks, keep)

    def _complete(self, level: int, number: int) -> bytes:
        if level % STEP:
            return merkle.node_hash(
                self._complete(level - 1, 2 * number), self._complete(level - 1, 2 * number + 1)
            )
        if (level, number) not in self._read:
            self._read_around(level, number)
        return self._read[level, number]

    def _read_around(self, level: int, number: int) -> None:
        """With its neighbours under the same parent: a proof needs them, too."""
        first = number - number % WIDTH
        if level:
            found = Node.objects.filter(level=level, number__range=(first, first + WIDTH - 1))
            rows = found.values_list("number", "hash")
            self._read |= {(level, at): bytes(node) for at, node in rows}
        else:
            rows = Leaf.objects.filter(index__range=(first, first + WIDTH - 1))
            leaves = rows.values_list("index", "hash")
            self._read |= {(0, at): merkle.leaf_hash(bytes(leaf)) for at, leaf in leaves}
