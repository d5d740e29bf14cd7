"""The ways in which the provider can misbehave, each with a probability.

A fault is named `NAME`, or `NAME@TARGET` for one payment or account only. The scoped one wins.
"""

import random
import threading
from collections.abc import Iterable, Mapping

FAULTS = {
    "refuse_before": "The connection is closed without an answer; nothing was done.",
    "rate_limit": "429 with Retry-After; nothing was done.",
    "reject": "A definitive refusal; nothing was done.",
    "hang_after_effect": "The effect is booked, the answer never comes.",
    "error_after_effect": "The effect is booked, 500 is answered.",
    "slow": "The answer, also to a look-up, comes late.",
    "ignore_keys": "A repeat is not recognised and makes a second effect.",
    "fail_later": "A refund succeeds and turns failed some time later.",
    "duplicate_webhook": "Each webhook of a refund comes two or three times, in any order.",
    "pending": "A refund is pending first and succeeds some time later.",
    "requires_action": "A refund waits for the customer first and succeeds some time later.",
    "answer_of_another": "The effect is booked, the answer confirms another one.",
    "garbage": "The answer, also to a look-up, is an HTML page with status 200.",
    "huge": "The answer, also to a look-up, is 20 MB long.",
    "drip": "The answer, also to a look-up, comes one byte at a time.",
    "look_up_unavailable": "503 on every look-up.",
}


class BadFault(ValueError):
    """A fault that can't be set; the message is a sentence for whoever asked for it."""


class Faults:
    """The table in force. Safe to use from many threads."""

    def __init__(self, table: Mapping[str, float] | None = None, *, seed: int | None = None):
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._table: dict[str, float] = {}
        self.set(table or {})

    def table(self) -> dict[str, float]:
        with self._lock:
            return dict(sorted(self._table.items()))

    def set(self, table: Mapping[str, object]) -> None:
        """Adds to the table or changes it: all of it, or, with BadFault, nothing."""
        checked = {name: checked_fault(name, value) for name, value in table.items()}
        with self._lock:
            self._table.update(checked)

    def clear(self) -> None:
        with self._lock:
            self._table.clear()

    def strikes(self, name: str, *, target: str | None) -> bool:
        with self._lock:
            general = self._table.get(name, 0.0)
            probability = self._table.get(f"{name}@{target}", general) if target else general
            return probability > 0 and self._random.random() < probability

    def draw(self, names: Iterable[str], *, target: str | None) -> frozenset[str]:
        return frozenset(name for name in names if self.strikes(name, target=target))


def checked_fault(name: str, probability: object) -> float:
    """The probability as a number, or BadFault."""
    plain, at, target = name.partition("@")
    if plain not in FAULTS:
        raise BadFault(f"There is no fault {plain!r}. There are: {', '.join(sorted(FAULTS))}.")
    if at and not target:
        raise BadFault(f"{name!r} names no target after the @.")
    is_number = isinstance(probability, int | float) and not isinstance(probability, bool)
    if not is_number or not 0 <= probability <= 1:
        raise BadFault(f"The probability of {name} must be between 0 and 1, not {probability!r}.")
    return float(probability)


def parse_fault(text: str) -> tuple[str, float]:
    """`NAME=PROBABILITY` or `NAME@TARGET=PROBABILITY`, as on the command line."""
    name, equals, number = text.rpartition("=")
    if not equals:
        raise BadFault(f"{text!r} is not of the form NAME=PROBABILITY.")
    try:
        probability = float(number)
    except ValueError:
        raise BadFault(f"{number!r} is not a probability (in {text!r}).") from None
    return name, checked_fault(name, probability)
