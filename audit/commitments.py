"""What may be forgotten: values that an event's hash covers only by a salted commitment.

The commitment is SHA-256 over the event's 32 random bytes of salt and the RFC 8785 bytes of
`[name, value]`. While salt and value are there, anybody can see that the value is what was recorded;
once both are gone, nobody can find out by guessing what it was, and the chain holds all the same.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from audit.canonical import canonical

NAMES = ("reason", "changes", "private_row")
SALT_BYTES = 32


class Committed(Protocol):
    """An event, or what a receipt says of one."""

    salt: bytes | None
    commitments: Mapping[str, str]


def commitment(salt: bytes, name: str, value: object) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(bytes(salt) + canonical([name, value])).hexdigest()


def seal(event: Any) -> None:
    """Give `event` its salt and the commitments to what it holds; nothing to hold, no salt."""
    values = {name: getattr(event, name) for name in NAMES if getattr(event, name)}
    if values:
        event.salt = secrets.token_bytes(SALT_BYTES)
        event.commitments = {
            name: commitment(event.salt, name, value) for name, value in values.items()
        }


def is_forgotten(event: Committed) -> bool:
    return bool(event.commitments) and event.salt is None


def broken(event: Any) -> Iterator[str]:
    """Names of values that are not those that were committed to."""
    if is_forgotten(event):
        yield from (name for name in NAMES if getattr(event, name))
        return
    for name in NAMES:
        value, wanted = getattr(event, name), event.commitments.get(name)
        if value and (wanted is None or commitment(event.salt, name, value) != wanted):
            yield name
        if not value and wanted is not None:
            yield name
