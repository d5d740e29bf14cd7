"""The frame of commands about what is no request: a system's switch, a cover, an endpoint, a handoff.

As in `frame`: claim the key, ask whether it may be, change, keep the answer, in one transaction; a
refusal is recorded in the stream of the person who tried.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts import access
from accounts.access import Access
from accounts.models import User
from approvals.commands.frame import Answer, Keyed, answered, carried_out, replayed
from approvals.models import Queue


@dataclass(frozen=True)
class Changed:
    """What a command leaves: the name and version of what it was about, and its answer's sentence."""

    ref: str | int
    version: int
    sentence: str


def managed(
    verb: str,
    target: str | int,
    act: Callable[[Access], Changed],
    *,
    about: str,
    by: User,
    at: datetime,
    key: str,
    arguments: dict[str, Any] | None = None,
    operation: str = "",
    check: Callable[[Access], None] | None = None,
) -> Answer:
    """Run `act` once for this key. Raises a `Refusal`.

    `about` and `verb` name what is refused in events; `operation` is what the key belongs to. `check`
    is asked before a repeated command is answered, too.
    """
    operation = operation or f"{about}_{verb}"
    keyed = Keyed.of(operation, str(target), arguments or {}, by=by, at=at, key=key)

    def attempt() -> Answer:
        person = access.of(by, Queue)
        if check is not None:
            check(person)
        claimed = keyed.claim()
        if claimed.is_replay:
            return replayed(claimed)
        changed = act(person)
        return answered(
            claimed,
            ref=str(changed.ref),
            verb=operation,
            version=changed.version,
            at=at,
            sentence=changed.sentence,
        )

    return carried_out(attempt, keyed, verb=verb, target=str(target), about=about)
