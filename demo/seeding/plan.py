"""What a run is to write, and what it has written."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from demo.seeding.contents import MOST_OF_LARGE

OPEN_PERCENT = 2
DAYS = 90


@dataclass(frozen=True)
class Plan:
    """`requests` new ones, asked for in the `days` before `now`; `open_percent` of them are open.

    The same `seed` on a database with as many requests gives the same references, contents and states.
    """

    requests: int
    seed: int
    now: datetime
    days: int = DAYS
    open_percent: float = OPEN_PERCENT

    @property
    def begins_at(self) -> datetime:
        return self.now - timedelta(days=self.days)

    @property
    def large(self) -> float:
        """The share of the customer with many requests."""
        return min(0.1, MOST_OF_LARGE / self.requests)

    def asked_at(self, number: int) -> datetime:
        """When request `number`, from 0, was asked for: evenly over the period, the last just now."""
        age = timedelta(days=self.days) * (1 - (number + 1) / self.requests)
        return self.now - age

    def chance_of_open(self, number: int) -> float:
        """The newest is open for sure, older ones less and less; together `open_percent`."""
        share = self.open_percent / 100
        age = 1 - number / self.requests
        return math.exp(-age / share) if share else 0.0


@dataclass
class Written:
    requests: int = 0
    events: int = 0
    last: str = ""

    def add(self, more: "Written") -> None:
        self.requests += more.requests
        self.events += more.events
        self.last = more.last
