"""The tree against the definition of RFC 6962, written down a second time, and against known roots."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import merkle

# From the test data of Certificate Transparency: eight leaves, and the roots of their beginnings.
LEAVES = [
    bytes.fromhex(text)
    for text in [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
sizes = st.integers(1, 70)


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of §2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return merkle.leaf_hash(leaves[0])
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return merkle.node_hash(by_definition(leaves[:half]), by_definition(leaves[half:]))


def some(size: int) -> list[bytes]:
    return [b"%d" % number for number in range(size)]


def root_of(size: int):
    leaves = some(size)
    return lambda begin, end: by_definition(leaves[begin:end])


@pytest.mark.parametrize("size", range(1, 9))
def test_known_roots(size):
    tree = merkle.GrowingTree()
    for data in LEAVES[:size]:
        tree.add(merkle.leaf_hash(data))
    assert tree.root.hex() == ROOTS[size - 1]


def test_no_leaves():
    assert merkle.GrowingTree().root == by_definition([])


@given(size=sizes, known=st.integers(0, 70))
def test_a_tree_that_goes_on_from_its_peaks_is_the_whole_tree(size, known):
    known = min(known, size)
    kept: dict[tuple[int, int], bytes] = {}
    first = merkle.GrowingTree(
        keep=lambda level, number, found: kept.update({(level, number): found})
    )
    for data in some(size)[:known]:
        first.add(merkle.leaf_hash(data))
    leaves = {(0, n): merkle.leaf_hash(data) for n, data in enumerate(some(size))}
    peaks = [(leaves | kept)[place] for place in merkle.peaks_of(known)]
    tree = merkle.GrowingTree(known, peaks)
    for data in some(size)[known:]:
        tree.add(merkle.leaf_hash(data))
    assert tree.root == by_definition(some(size))


@given(size=sizes, data=st.data())
def test_each_leaf_is_proven_to_be_in_it(size, data):
    index = data.draw(st.integers(0, size - 1))
    leaf, root = merkle.leaf_hash(b"%d" % index), by_definition(some(size))
    path = merkle.inclusion(index, size, root_of(size))
    assert merkle.root_from_inclusion(leaf, index, size, path) == root
    assert merkle.root_from_inclusion(merkle.leaf_hash(b"x"), index, size, path) != root
    assert merkle.root_from_inclusion(leaf, index, size, [*path, root]) != root
    if path:
        assert merkle.root_from_inclusion(leaf, index, size, path[:-1]) != root
        other = bytes([path[0][0] ^ 1]) + path[0][1:]
        assert merkle.root_from_inclusion(leaf, index, size, [other, *path[1:]]) != root
    for elsewhere in {(index + 1) % size, size, -1} - {index}:
        assert merkle.root_from_inclusion(leaf, elsewhere, size, path) != root


@given(size=sizes, data=st.data())
def test_a_tree_is_proven_to_have_only_grown(size, data):
    first = data.draw(st.integers(1, size))
    old, new = by_definition(some(first)), by_definition(some(size))
    proof = merkle.consistency(first, size, root_of(size))
    assert merkle.is_consistent(first, old, size, new, proof)
    if first < size:
        assert not merkle.is_consistent(first, new, size, new, proof)
        assert not merkle.is_consistent(first, old, size, old, proof)
        assert not merkle.is_consistent(first, old, size, new, proof[:-1])
        assert not merkle.is_consistent(first, old, size, new, [*proof, new])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_proof_for_a_leaf_that_is_not_there(index, size):
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion(index, size, root_of(3))
