"""One command for many requests: each is a command of its own, with its key, event and answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from approvals.commands.frame import Command
from approvals.refusals import Invalid, Refusal

MOST = 200


@dataclass(frozen=True)
class Frozen:
    """A request as it was when the list was made: changed since, it is left alone."""

    ref: str
    version: int


@dataclass(frozen=True)
class Told:
    """What became of one request of the list."""

    ref: str
    is_done: bool
    sentence: str


def each(
    command: Command, rows: Iterable[Frozen], *, by: User, at: datetime, key: str, **body: Any
) -> list[Told]:
    """Carry `command` out for each row; the same key again gives the same answers.

    A refusal ends only its own row. Raises `Invalid` for a body that no row could take.
    """
    return [_one(command, row, by=by, at=at, key=f"{key}/{row.ref}", **body) for row in rows]


def _one(command: Command, row: Frozen, *, by: User, at: datetime, key: str, **body: Any) -> Told:
    try:
        answer = command(ref=row.ref, by=by, at=at, key=key, version=row.version, **body)
    except Invalid:
        raise
    except Refusal as refusal:
        return Told(row.ref, is_done=False, sentence=refusal.sentence)
    return Told(row.ref, is_done=True, sentence=answer.sentence)
