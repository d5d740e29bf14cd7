"""Which interaction the running code belongs to, so that its events and log lines can be joined.

`request_id` names one run: a web request, or a job (`job-17`). `correlation_id` names the request
that caused it and goes along from job to job. `traceparent` and `trace_id` are its place in a trace.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

from audit import trace

CARRIED = re.compile(r"(\S{55}) ([A-Za-z0-9._-]{1,64})")

_context: ContextVar[dict[str, str] | None] = ContextVar("correlation", default=None)


@contextlib.contextmanager
def correlated(**facts: str) -> Iterator[None]:
    """Everything recorded or logged inside carries these facts (`request_id`, `source_ip`, …)."""
    token = _context.set({**(_context.get() or {}), **{k: v for k, v in facts.items() if v}})
    try:
        yield
    finally:
        _context.reset(token)


@contextlib.contextmanager
def interaction(
    request_id: str, *, within: trace.Trace | None = None, caused_by: str = "", **facts: str
) -> Iterator[str]:
    """A run of its own, with a span of its own in the trace of its caller; gives its `traceparent`.

    Facts of an interaction around it don't count inside.
    """
    here = within.next_span() if within else trace.begin()
    token = _context.set({})
    try:
        with correlated(
            request_id=request_id,
            correlation_id=caused_by or request_id,
            trace_id=here.trace_id,
            traceparent=here.header,
            **facts,
        ):
            yield here.header
    finally:
        _context.reset(token)


def current() -> dict[str, str]:
    return dict(_context.get() or {})


def current_request_id() -> str:
    return (_context.get() or {}).get("request_id", "")


# --- Carried to where no context variable reaches ------------------------------------------------


def carried(context: Mapping[str, str] | None = None) -> str:
    """The trace and the cause in one short string, for a job; "" outside of any interaction."""
    facts = current() if context is None else context
    if not facts.get("traceparent") or not facts.get("correlation_id"):
        return ""
    return f"{facts['traceparent']} {facts['correlation_id']}"


def read_carried(text: object) -> tuple[trace.Trace | None, str]:
    """What `carried` wrote. An older or spoiled job begins a trace of its own."""
    found = CARRIED.fullmatch(text) if isinstance(text, str) else None
    within = trace.read(found[1]) if found else None
    return (within, found[2]) if found and within else (None, "")


def headers_of_a_call() -> dict[str, str]:
    """What a call to another system takes along: a span of its own, and the id of the cause."""
    facts = current()
    here = trace.read(facts.get("traceparent", ""))
    if here is None:
        return {}
    return {"traceparent": here.next_span().header, "X-Request-ID": facts["correlation_id"]}
