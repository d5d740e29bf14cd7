"""Asking on a thread of its own, so that whoever asks can stop waiting.

For questions to a database that may hang: while one is under way, others wait for the same answer,
so that a hanging database costs one thread and one connection, not one for each question.
"""

import contextvars
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connection

Found = TypeVar("Found")


class NoAnswer(Exception):
    """None came in time, or the question failed; `__cause__` says why, if that is known."""


class Question(Generic[Found]):
    """`ask` runs with a database connection of its own, which is closed afterwards."""

    def __init__(self, ask: Callable[[], Found], *, seconds: float) -> None:
        self._ask, self._seconds = ask, seconds
        self._lock = threading.Lock()
        self._pending: _Pending[Found] | None = None

    def answer(self) -> Found:
        """Raise `NoAnswer` after `seconds`, or at once when the question failed."""
        with self._lock:
            if self._pending is None or self._pending.is_over.is_set():
                self._pending = _Pending(self._ask)
            pending = self._pending
        if not pending.is_over.wait(self._seconds):
            raise NoAnswer("There was no answer in time.")
        if pending.failure is not None:
            raise NoAnswer("The question failed.") from pending.failure
        return pending.found


class _Pending(Generic[Found]):
    found: Found

    def __init__(self, ask: Callable[[], Found]) -> None:
        self._ask = ask
        self.failure: Exception | None = None
        self.is_over = threading.Event()
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run,), daemon=True).start()

    def _run(self) -> None:
        try:
            self.found = self._ask()
        except Exception as error:
            self.failure = error
        finally:
            connection.close()
            self.is_over.set()
