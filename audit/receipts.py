"""A receipt: one file that proves the history of one stream to somebody who trusts only a public key.

It holds the events of the stream in full, for each the way from its hash to the root of a checkpoint, and
that checkpoint with its signature. `verify_receipt.py` checks it without this product. Events that are
under no checkpoint yet are in it, and said to be proven by their chain only.
"""

import json
from datetime import UTC, datetime
from typing import Any

from audit import chain, commitments, merkle
from audit.models import Checkpoint, Event, Leaf
from audit.notes import PublicKey
from audit.tree import StoredTree

FORM = "approval-queue receipt 1"


class NoReceipt(Exception):
    """The message is a sentence that says why there is none."""


def receipt(stream: str, *, at: datetime, key: PublicKey | None, with_private: bool = True) -> dict:
    """Of a stream, as plain JSON. Raises `NoReceipt` where nothing is signed, or nothing happened.

    `with_private`: with what may be personal, and the salt that ties it to its event; without, only
    the commitments to it.
    """
    if key is None:
        raise NoReceipt("Checkpoints are not signed here: AUDIT_SIGNING_KEY is not set.")
    events = list(Event.objects.filter(stream=stream).order_by("seq"))
    if not events:
        raise NoReceipt("Nothing is recorded of this.")
    if gone := events[0].seq - 1:
        what = "event is" if gone == 1 else f"{gone:,} events are"
        raise NoReceipt(f"Its first {what} archived and no longer here.")
    checkpoint = Checkpoint.objects.order_by("-number").first()
    return {
        "form": FORM,
        "stream": stream,
        "made_at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "public_key": str(key),
        "checkpoint": checkpoint.note if checkpoint else None,
        "events": [told(event, with_private=with_private) for event in events],
        "proofs": _proofs(stream, checkpoint.size) if checkpoint else [],
    }


def as_file(found: dict) -> str:
    """As it is saved and sent: JSON with one event a line, in UTF-8."""
    lines = [
        f'"{name}": {_json(value)}' if not isinstance(value, list) else _lines(name, value)
        for name, value in found.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(name: str, values: list) -> str:
    inside = ",\n".join(f"  {_json(value)}" for value in values)
    return f'"{name}": [\n{inside}\n]' if values else f'"{name}": []'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def told(event: Event, *, with_private: bool) -> dict[str, Any]:
    """All that its hash covers, as plain JSON; `with_private`: and what it only commits to."""
    found = {
        "covered": chain.covered(event),
        "prev_hash": bytes(event.prev_hash).hex(),
        "hash": bytes(event.hash).hex(),
    }
    if with_private and event.commitments and event.salt is not None:
        found["private"] = {
            "salt": bytes(event.salt).hex(),
            **{name: getattr(event, name) for name in commitments.NAMES if getattr(event, name)},
        }
    return found


def _proofs(stream: str, size: int) -> list[dict[str, Any]]:
    tree = StoredTree()
    leaves = Leaf.objects.filter(stream=stream, index__lt=size).order_by("seq")
    return [
        {
            "seq": seq,
            "index": index,
            "path": [step.hex() for step in merkle.inclusion(index, size, tree.root_of)],
        }
        for seq, index in leaves.values_list("seq", "index")
    ]
