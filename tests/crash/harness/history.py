"""What the clients asked for and what they were told: one side of the comparison."""

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

OK = "ok"  # it is recorded, says the answer
REFUSED = "refused"  # nothing was recorded, says the answer
UNKNOWN = "unknown"  # no answer, or one that promises nothing
BUSY = "busy"  # come again
BROKEN = "broken"  # an answer that the product must never give


@dataclass(frozen=True)
class Answer:
    """One answer to one sending. `said` is the sentence on the page, `place` where it leads."""

    kind: str
    status: int | None = None
    place: str = ""
    said: str = ""
    took_s: float = 0.0
    at: float = field(default_factory=time.time, compare=False)

    @property
    def is_definite(self) -> bool:
        return self.kind in (OK, REFUSED)


@dataclass
class Command:
    """One command of one account under one key, with every answer to it, in order."""

    account: int
    verb: str
    key: str
    path: str
    form: dict[str, str]
    ref: str = ""
    is_hot: bool = False
    answers: list[Answer] = field(default_factory=list)
    asked_at: float = field(default_factory=time.time)

    @property
    def acked(self) -> Answer | None:
        return next((answer for answer in self.answers if answer.kind == OK), None)

    @property
    def definite(self) -> Answer | None:
        return next((answer for answer in self.answers if answer.is_definite), None)

    @property
    def had_unknown(self) -> bool:
        return any(answer.kind in (UNKNOWN, BROKEN) for answer in self.answers)

    @property
    def ref_it_is_about(self) -> str:
        """For what was submitted, the reference that the answer gave."""
        answer = self.acked
        return self.ref or (answer.place.strip("/").rpartition("/")[2] if answer else "")


class History:
    """All commands. Safe to add to from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._commands: list[Command] = []
        self._numbers = itertools.count(1)

    def begin(self, **fields: Any) -> Command:
        command = Command(**fields)
        with self._lock:
            self._commands.append(command)
        return command

    def number(self) -> int:
        with self._lock:
            return next(self._numbers)

    def __len__(self) -> int:
        return len(self._commands)

    def __iter__(self) -> Iterator[Command]:
        with self._lock:
            return iter(list(self._commands))
