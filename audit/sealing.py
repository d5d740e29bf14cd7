"""Checkpoints: every event that nothing older can still precede, under one signed root.

An event is a leaf of the tree by its own hash, which covers everything that it says and the events before
it in its stream. Each is under exactly one new checkpoint, and under all that follow (T4.7).
"""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from audit import feed, merkle, notes, tree
from audit.feed import Place
from audit.models import Checkpoint, Leaf, Node
from audit.notes import SigningKey

AT_ONCE = 5000
LOCK = 0x6175646974  # “audit”: one process at a time makes a checkpoint


def seal(*, at: datetime, keys: Sequence[SigningKey] | None = None) -> Checkpoint | None:
    """Make the next checkpoint, of at most `AT_ONCE` new events; None when there is nothing new.

    `keys` sign it, by default those of the settings; without any there are no checkpoints.
    """
    keys = settings.AUDIT_SIGNING_KEYS if keys is None else keys
    if not keys:
        return None
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        last = Checkpoint.objects.order_by("-number").first()
        place = Place(last.xid, last.event_id) if last else feed.BEGINNING
        rows = feed.after(place).values_list("xid", "pk", "stream", "seq", "hash")[:AT_ONCE]
        found = list(rows)
        return _sealed(last, found, at, keys) if found else None


def seal_all(*, at: datetime, most: int = 1_000_000) -> int:
    """Until nothing is new, or `most` were made; how many checkpoints that is."""
    made = 0
    while made < most and seal(at=at) is not None:
        made += 1
    return made


def _sealed(
    last: Checkpoint | None, found: list[tuple], at: datetime, keys: Sequence[SigningKey]
) -> Checkpoint:
    size = last.size if last else 0
    root = _grown(size, [(stream, seq, bytes(hashed)) for _, _, stream, seq, hashed in found])
    xid, event_id = found[-1][:2]
    said = notes.Checkpoint(
        origin=settings.AUDIT_ORIGIN,
        size=size + len(found),
        root=root,
        number=last.number + 1 if last else 1,
        at=at,
        previous=notes.parse(last.note)[0].digest if last else notes.NOTHING_BEFORE,
    )
    return Checkpoint.objects.create(
        number=said.number,
        size=said.size,
        note=notes.signed(said, keys),
        made_at=at,
        xid=xid,
        event_id=event_id,
    )


def _grown(size: int, events: Sequence[tuple[str, int, bytes]]) -> bytes:
    """Add these to the tree; its new root."""
    nodes: list[Node] = []

    def keep(level: int, number: int, found: bytes) -> None:
        if tree.is_kept(level):
            nodes.append(Node(level=level, number=number, hash=found))

    growing = tree.StoredTree().growing(size, keep)
    leaves = []
    for index, (stream, seq, hashed) in enumerate(events, start=size):
        leaves.append(Leaf(index=index, stream=stream, seq=seq, hash=hashed))
        growing.add(merkle.leaf_hash(hashed))
    Leaf.objects.bulk_create(leaves)
    Node.objects.bulk_create(nodes)
    return growing.root
