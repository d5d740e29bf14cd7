"""How the provider treats a write and a look-up, whichever service it is for.

A write goes: refused at the door, or recognised as a repeat, or carried out. Effect and stored
answer are one transaction, so that a crash leaves both or none.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from .answers import Answer, error
from .call import Call
from .faults import Faults
from .ledger import Ledger
from .webhooks import Courier

FAULTS_OF_A_WRITE = (
    "reject",
    "hang_after_effect",
    "error_after_effect",
    "slow",
    "fail_later",
    "pending",
    "requires_action",
    "duplicate_webhook",
)
DISGUISES = ("garbage", "huge", "drip")


@dataclass(frozen=True, kw_only=True)
class Durations:
    hang_seconds: float = 30
    slow_seconds: float = 2
    retry_after_seconds: int = 60
    fail_later_seconds: float = 10
    pending_seconds: float = 10
    drip_seconds: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Service:
    """The answers in which two services differ."""

    name: str
    rejected: Answer
    in_progress: Answer
    key_reused: Answer
    stores_errors: bool
    """Stripe stores the answer of every call that it began, also a 400 and a 500."""
    of_another: dict[str, Any]
    """What an answer says instead when it is about another effect."""


@dataclass(frozen=True, kw_only=True)
class Write:
    service: Service
    target: str
    slot: str | None
    """What a repeat is recognised by; without it each call is a new one."""
    fingerprint: str
    book: Callable[[frozenset[str]], Answer]
    """Books the effect, given the faults drawn: 200, or an error and no effect."""
    tell: Callable[[Answer], None] = lambda answer: None
    """Webhooks about what was booked, given its true answer."""


class InFlight:
    """The slots whose first call is still running. Gone with the process, as it should be."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: set[tuple[str, str]] = set()

    @contextmanager
    def hold(self, service: str, slot: str) -> Iterator[bool]:
        """Yields whether the slot was free."""
        entry = (service, slot)
        with self._lock:
            was_free = entry not in self._slots
            self._slots.add(entry)
        try:
            yield was_free
        finally:
            if was_free:
                with self._lock:
                    self._slots.discard(entry)


@dataclass(frozen=True, kw_only=True)
class Provider:
    ledger: Ledger
    faults: Faults
    durations: Durations
    in_flight: InFlight = field(default_factory=InFlight)
    courier: Courier | None = None

    def write(self, call: Call, write: Write) -> Answer | None:
        """None: the connection is to be closed without an answer."""
        answer = self._write(call, write)
        if answer is None or answer.status != 200:
            return answer
        if self.faults.strikes("answer_of_another", target=write.target):
            answer = replace(answer, body={**answer.body, **write.service.of_another})
        return self._disguised(answer, write.target)

    def _write(self, call: Call, write: Write) -> Answer | None:
        if self.faults.strikes("refuse_before", target=write.target):
            return None
        if self.faults.strikes("rate_limit", target=write.target):
            return self._rate_limited()
        if write.slot is None:
            return self._carry_out(call, write, keys_ignored=False)
        if self.faults.strikes("ignore_keys", target=write.target):
            return self._carry_out(call, write, keys_ignored=True)
        with self.in_flight.hold(write.service.name, write.slot) as is_free:
            if not is_free:
                return write.service.in_progress
            return self._replay(write) or self._carry_out(call, write, keys_ignored=False)

    def look_up(
        self, call: Call, *, target: str | None, find: Callable[[], Answer]
    ) -> Answer | None:
        if self.faults.strikes("look_up_unavailable", target=target):
            return error(503, "unavailable", "Look-ups are unavailable.", type="api_error")
        if self.faults.strikes("slow", target=target):
            call.wait(self.durations.slow_seconds)
        return self._disguised(find(), target)

    def _disguised(self, answer: Answer, target: str | None) -> Answer:
        for name in DISGUISES:
            if self.faults.strikes(name, target=target):
                return replace(answer, status=200, disguise=name)
        return answer

    def _rate_limited(self) -> Answer:
        answer = error(429, "rate_limit", "Too many requests.")
        return answer.with_header("Retry-After", str(self.durations.retry_after_seconds))

    def _replay(self, write: Write) -> Answer | None:
        stored = self.ledger.stored_answer(write.service.name, write.slot)
        if stored is None:
            return None
        if stored.fingerprint != write.fingerprint:
            return write.service.key_reused
        return stored.answer.with_header("Idempotent-Replayed", "true")

    def _carry_out(self, call: Call, write: Write, *, keys_ignored: bool) -> Answer | None:
        drawn = self.faults.draw(FAULTS_OF_A_WRITE, target=write.target)
        if keys_ignored:
            drawn |= {"ignore_keys"}
        with self.ledger.transaction():
            answer, true_answer = self._book(write, drawn)
        is_booked = true_answer.status == 200
        if is_booked:
            write.tell(true_answer)
        if "slow" in drawn:
            call.wait(self.durations.slow_seconds)
        if is_booked and "hang_after_effect" in drawn:
            call.wait(self.durations.hang_seconds)
            return None
        return answer

    def _book(self, write: Write, drawn: frozenset[str]) -> tuple[Answer, Answer]:
        """The answer to give, and the true one: 200 when there is an effect."""
        true_answer = write.service.rejected if "reject" in drawn else write.book(drawn)
        is_booked = true_answer.status == 200
        answer = true_answer
        if is_booked and "error_after_effect" in drawn:
            answer = error(500, "internal", "Something went wrong.", type="api_error")
        if write.service.stores_errors:
            self._store(write, drawn, answer)
        elif is_booked:
            self._store(write, drawn, true_answer)
        return answer, true_answer

    def _store(self, write: Write, drawn: frozenset[str], answer: Answer) -> None:
        if write.slot and "ignore_keys" not in drawn:
            self.ledger.store_answer(write.service.name, write.slot, write.fingerprint, answer)
