"""How much one caller may ask in a while, counted in PostgreSQL so that all web processes agree.

The generic cell rate algorithm: one row for each caller holds the moment at which its allowance is
full again. Taking one moves that moment on; a caller whose moment lies too far ahead is refused.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from accounts.models import Bucket


@dataclass(frozen=True)
class Limit:
    """At most `amount` in `per`, all at once if so wished."""

    name: str
    amount: int
    per: timedelta

    @classmethod
    def of(cls, name: str, rate: tuple[int, int]) -> "Limit":
        """`rate` as the environment gives it: an amount and its time in seconds."""
        return cls(name, rate[0], timedelta(seconds=rate[1]))

    @property
    def each(self) -> timedelta:
        return self.per / self.amount


@dataclass(frozen=True)
class Allowance:
    """What is left of a limit. `retry_after_s` is 0 when one was taken."""

    limit: Limit
    left: int
    full_in_s: int
    retry_after_s: int = 0

    @property
    def is_refused(self) -> bool:
        return self.retry_after_s > 0


def take(limit: Limit, caller: str, *, at: datetime) -> Allowance:
    """Take one of `caller`'s allowance; refused leaves it as it was. One statement, one row."""
    name = f"{limit.name}/{caller}"[:80]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_bucket AS b (name, full_at) VALUES (%(name)s, %(at)s + %(each)s)"
            " ON CONFLICT (name) DO UPDATE SET full_at = GREATEST(b.full_at, %(at)s) + %(each)s"
            " WHERE GREATEST(b.full_at, %(at)s) + %(each)s <= %(at)s + %(per)s"
            " RETURNING full_at",
            {"name": name, "at": at, "each": limit.each, "per": limit.per},
        )
        row = cursor.fetchone()
    if row is not None:
        return _allowance(limit, row[0], at)
    full_at = Bucket.objects.values_list("full_at", flat=True).get(pk=name)
    free_at = full_at + limit.each - limit.per
    wait = max(1, math.ceil((free_at - at).total_seconds()))
    return _allowance(limit, full_at, at, retry_after_s=wait)


def forget_full(*, at: datetime, most: int = 5000) -> int:
    """Remove rows of callers whose allowance is full again; how many."""
    is_full = Bucket.objects.filter(full_at__lt=at - timedelta(hours=1))
    old = is_full.values_list("pk", flat=True)[:most]
    return Bucket.objects.filter(pk__in=list(old)).delete()[0]


def _allowance(
    limit: Limit, full_at: datetime, at: datetime, *, retry_after_s: int = 0
) -> Allowance:
    taken = math.ceil((full_at - at) / limit.each - 1e-6)
    return Allowance(
        limit=limit,
        left=max(0, limit.amount - taken) if not retry_after_s else 0,
        full_in_s=max(0, math.ceil((full_at - at).total_seconds())),
        retry_after_s=retry_after_s,
    )
