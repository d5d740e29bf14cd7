"""Trace context as the W3C writes it (https://www.w3.org/TR/trace-context/): read, go on, begin.

A trace only joins what several systems write. Which of our own events belong together is said by
the correlation id, so that somebody who samples or mixes up traces breaks no audit.
"""

import re
import secrets
from dataclasses import dataclass

VERSION = "00"
SAMPLED = 0x01  # the only flag that version 00 knows; others are not passed on
OURS = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
UNREADABLE_VERSION = "ff"


@dataclass(frozen=True)
class Trace:
    """One place in a trace: the span that is running now."""

    trace_id: str
    span_id: str
    is_sampled: bool = False

    @property
    def header(self) -> str:
        flags = SAMPLED if self.is_sampled else 0
        return f"{VERSION}-{self.trace_id}-{self.span_id}-{flags:02x}"

    def next_span(self) -> "Trace":
        return Trace(self.trace_id, secrets.token_hex(8), self.is_sampled)


def begin() -> Trace:
    return Trace(secrets.token_hex(16), secrets.token_hex(8))


def read(header: str) -> Trace | None:
    """None for what is missing or invalid. A later version may add fields behind a dash (§3.2.4)."""
    found = OURS.match(header)
    if found is None:
        return None
    version, trace_id, span_id, flags = found.groups()
    rest = header[found.end() :]
    if version == UNREADABLE_VERSION or (rest and (version == VERSION or rest[0] != "-")):
        return None
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return Trace(trace_id, span_id, bool(int(flags, 16) & SAMPLED))
