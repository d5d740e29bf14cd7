"""Which interaction the running code belongs to, so that its events and log lines can be joined."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_context: ContextVar[dict[str, str] | None] = ContextVar("correlation", default=None)


@contextlib.contextmanager
def correlated(**facts: str) -> Iterator[None]:
    """Everything recorded or logged inside carries these facts (`request_id`, `source_ip`, …)."""
    token = _context.set({**(_context.get() or {}), **{k: v for k, v in facts.items() if v}})
    try:
        yield
    finally:
        _context.reset(token)


def current() -> dict[str, str]:
    return dict(_context.get() or {})


def current_request_id() -> str:
    return (_context.get() or {}).get("request_id", "")
