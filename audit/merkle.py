"""The Merkle tree of RFC 6962 (§2.1): roots, proofs that a leaf is in it, proofs that it only grew.

Pure. A leaf's hash is SHA-256(0x00 ‖ data), a node's SHA-256(0x01 ‖ left ‖ right), 32 bytes each; the
left part of a tree is the largest that is complete. Where hashes come from is up to `Range`.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()
# The root of the leaves from `begin` on and before `end`.
Range = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class GrowingTree:
    """The root of all leaves so far, in the memory of one hash for each bit of their number.

    `keep(level, number, hash)` is told of every complete subtree: it has 2**level leaves, and `number`
    such subtrees stand before it.
    """

    def __init__(
        self,
        size: int = 0,
        peaks: Iterable[bytes] = (),
        keep: Callable[[int, int, bytes], None] | None = None,
    ) -> None:
        self.size, self.peaks, self._keep = size, list(peaks), keep

    def add(self, leaf: bytes) -> None:
        level, number, found = 0, self.size, leaf
        while number % 2:
            found = node_hash(self.peaks.pop(), found)
            level, number = level + 1, number // 2
            if self._keep is not None:
                self._keep(level, number, found)
        self.peaks.append(found)
        self.size += 1

    @property
    def root(self) -> bytes:
        return joined(self.peaks)


def joined(peaks: Sequence[bytes]) -> bytes:
    """The root of complete trees that stand beside each other, the largest first."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def peaks_of(size: int) -> list[tuple[int, int]]:
    """The complete trees of `size` leaves, the largest first: level and number of each."""
    found, begin = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            found.append((level, begin >> level))
            begin += 1 << level
    return found


def split(begin: int, end: int) -> int:
    """Where the left part of the tree of these leaves ends; there are at least two."""
    return begin + (1 << (end - begin - 1).bit_length() - 1)


def inclusion(index: int, size: int, root_of: Range) -> list[bytes]:
    """PATH of §2.1.1: what leads from leaf `index` to the root of `size` leaves, the nearest first."""
    if not 0 <= index < size:
        raise ValueError(f"There is no leaf {index} among {size}.")
    path, begin, end = [], 0, size
    while end - begin > 1:
        middle = split(begin, end)
        if index < middle:
            path.append(root_of(middle, end))
            end = middle
        else:
            path.append(root_of(begin, middle))
            begin = middle
    return path[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that leaf and path give; None when the path does not fit (§2.1.3.2 of RFC 9162)."""
    if not 0 <= index < size:
        return None
    number, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if number % 2 or number == last:
            found = node_hash(step, found)
            while not number % 2 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, step)
        number, last = number >> 1, last >> 1
    return found if last == 0 else None


def consistency(first: int, second: int, root_of: Range) -> list[bytes]:
    """PROOF of §2.1.2: that the tree of `first` leaves is the beginning of that of `second`."""
    if not 0 < first <= second:
        raise ValueError(f"{first} leaves cannot be the beginning of {second}.")
    proof, begin, end, is_whole = [], 0, second, True
    while end != first:
        middle = split(begin, end)
        if first <= middle:
            proof.append(root_of(middle, end))
            end = middle
        else:
            proof.append(root_of(begin, middle))
            begin, is_whole = middle, False
    if not is_whole:
        proof.append(root_of(begin, end))
    return proof[::-1]


def is_consistent(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof leads to both roots (§2.1.4.2 of RFC 9162)."""
    if first == second:
        return not proof and first_root == second_root
    if not 0 < first < second or not proof:
        return False
    steps = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    number, last = first - 1, second - 1
    while number % 2:
        number, last = number >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if number % 2 or number == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not number % 2 and number:
                number, last = number >> 1, last >> 1
        else:
            new = node_hash(new, step)
        number, last = number >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root
