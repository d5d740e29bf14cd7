"""Named places at which a process of the product dies, stops or loses its database.

The killer arms a point by writing its file into a directory; the first process that comes by takes
the file, so that each arming strikes once. The names are those of the plan of the crash test.
"""

import contextlib
import functools
import http.client
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

COMMAND_POINTS = (
    "after_idem",
    "after_lock",
    "after_vote",
    "after_audit",
    "after_defer",
    "before_commit",
    "after_commit",
    "before_response",
    "webhook.in",
)
WORKER_POINTS = (
    "claim.after",
    "call.before",
    "call.sent",
    "call.after",
    "settle.before",
    "settle.after",
    "sweeper.mid",
)
# Of the eighteen names, these have no place in the product yet, or a test of their own.
ELSEWHERE = {
    "webhook.sent": "The product sends no webhooks yet.",
    "anchor.mid": "The product writes no anchors yet.",
    "migrate.mid": "tests/crash/test_migrate.py",
}
SWEEPERS = ("approved_not_started", "overdue_retries", "dead_leases", "unasked_doubts")
ACTIONS = ("kill", "stop", "drop")
HITS = "hits"

_directory: Path | None = None


def hit(name: str) -> None:
    """Do what the killer wants done here; nothing when the point isn't armed."""
    if _directory is None:
        return
    taken = _directory / HITS / f"{name},{os.getpid()},{time.monotonic_ns()}"
    try:
        os.rename(_directory / name, taken)
    except FileNotFoundError:
        return
    _ACTIONS[taken.read_text().strip()]()


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _drop() -> None:
    """The connection to the database is gone, as after a failed switch or a firewall's timeout."""
    from django.db import connection

    raw = connection.connection
    if raw is not None and not raw.closed:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(raw.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


_ACTIONS: dict[str, Callable[[], None]] = {"kill": _kill, "stop": _stop, "drop": _drop}


class BeforeResponse:
    """A middleware around everything: the command has committed, its answer is not yet sent."""

    def __init__(self, get_response: Callable) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        if request.method == "POST":
            hit("before_response")
        return response


def install(directory: Path) -> None:
    """Wrap the places; from then on `directory` says what happens there."""
    global _directory
    _directory = directory
    from django.db.backends.base.base import BaseDatabaseWrapper

    from approvals import execution, jobs, sweeping, transitions
    from approvals.commands import decide, frame, hear, idempotency

    _wrap(idempotency, "claim", after="after_idem")
    _wrap(frame, "locked", after="after_lock")
    _wrap(decide, "_decide", after="after_vote")
    _wrap(transitions, "record", after="after_audit")
    _wrap(hear, "_take", after="webhook.in")
    _wrap(jobs, "enqueue", after="after_defer")
    _wrap(BaseDatabaseWrapper, "_commit", before="before_commit", after="after_commit")
    _wrap(execution, "_claim", after="claim.after", only_with_a_result=True)
    _wrap(execution, "_perform", before="call.before", after="call.after")
    _wrap(execution, "_settle", before="settle.before", after="settle.after")
    for sweeper in SWEEPERS:
        _wrap(sweeping, sweeper, after="sweeper.mid")
    _wrap(http.client.HTTPConnection, "getresponse", before="call.sent")
    _wrap_httpcore()


def _wrap_httpcore() -> None:
    """httpx (the account service) reads its answers here; http.client (Stripe) reads its own."""
    from httpcore._sync.http11 import HTTP11Connection

    _wrap(HTTP11Connection, "_receive_response_headers", before="call.sent")


def _wrap(
    place: Any, name: str, *, before: str = "", after: str = "", only_with_a_result: bool = False
) -> None:
    inner = getattr(place, name)

    @functools.wraps(inner)
    def outer(*arguments: Any, **named: Any) -> Any:
        if before:
            hit(before)
        result = inner(*arguments, **named)
        if after and not (only_with_a_result and result is None):
            hit(after)
        return result

    setattr(place, name, outer)
