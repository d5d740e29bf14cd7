"""The hash chain: each event's hash covers its canonical bytes and the hash before it.

What an event's schema covers is said by `COVERED`. Schema 1 covers reason and changes as they are;
schema 2 covers commitments to them (`audit.commitments`), and the row that the event leaves.

Canonical bytes are RFC 8785 (JSON Canonicalization Scheme); times are RFC 3339 in UTC with
microseconds, so the bytes can be rebuilt from what the database gives back.
"""

import hashlib
from datetime import UTC, datetime

from audit.canonical import canonical as canonical_json
from audit.models import Event

FIRST = bytes(32)  # what the first event of a stream follows

# The order doesn't matter: the canonical form sorts. Leaving a field out would leave it unprotected.
ALWAYS = [
    "stream",
    "seq",
    "occurred_at",
    "recorded_at",
    "actor_type",
    "actor_id",
    "actor_label",
    "on_behalf_of",
    "auth_method",
    "action",
    "target_type",
    "target_id",
    "version_before",
    "version_after",
    "outcome",
    "reason_code",
    "policy",
    "facts",
    "context",
    "key_hash",
    "schema_version",
]
COVERED = {1: [*ALWAYS, "reason", "changes"], 2: [*ALWAYS, "row", "commitments"]}


def canonical(event: Event) -> bytes:
    """The bytes that are hashed. Raises `KeyError` for a schema that this version doesn't know."""
    return canonical_json(covered(event))


def covered(event: Event) -> dict[str, object]:
    """By name, what the hash covers, in plain JSON."""
    return {name: _plain(getattr(event, name)) for name in COVERED[event.schema_version]}


def around_seq(event: Event) -> tuple[bytes, bytes]:
    """The same bytes before and behind the event's number, for whoever gives the number."""
    said = covered(event)
    before = canonical_json({name: said[name] for name in said if name < "seq"})
    behind = canonical_json({name: said[name] for name in said if name > "seq"})
    return before[:-1] + b',"seq":', b"," + behind[1:]


def link(previous: bytes, event: Event) -> bytes:
    """The hash of `event`, 32 bytes, when it follows an event with hash `previous`."""
    return hashlib.sha256(bytes(previous) + canonical(event)).digest()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    return value
