"""How much one caller may ask in a while, counted in PostgreSQL so that all web processes agree.

The generic cell rate algorithm: one row for each caller holds the moment at which its allowance is
full again. Taking one moves that moment on; a caller whose moment lies too far ahead is refused.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from accounts.models import Bucket
from audit.prepared import kept_cursor


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
    """Take one of `caller`'s allowance; refused leaves it as it was."""
    return take_each([(limit, caller)], at=at)[0]


def take_each(wanted: Sequence[tuple[Limit, str]], *, at: datetime) -> list[Allowance]:
    """Take one of each, in this order, in one statement. One that is refused does not keep the others.

    The limits' names differ. What a crash of the database forgets of the last second is a few calls
    more for somebody, so a statement by itself does not wait for the disk.
    """
    params: dict[str, Any] = {"at": at}
    for number, (limit, caller) in enumerate(wanted):
        params[f"name{number}"] = _name(limit, caller)
        params[f"each{number}"], params[f"per{number}"] = limit.each, limit.per
    cursor = kept_cursor()
    cursor.execute(_taking(len(wanted), alone=connection.get_autocommit()), params)
    taken = cursor.fetchone()
    return [
        _allowance(limit, full_at, at) if full_at else _refused(limit, caller, at)
        for (limit, caller), full_at in zip(wanted, taken, strict=False)
    ]


_TAKEN = """taken{0} AS (
    INSERT INTO accounts_bucket AS b (name, full_at) VALUES (%(name{0})s, %(at)s + %(each{0})s)
    ON CONFLICT (name) DO UPDATE SET full_at = GREATEST(b.full_at, %(at)s) + %(each{0})s
    WHERE GREATEST(b.full_at, %(at)s) + %(each{0})s <= %(at)s + %(per{0})s
    RETURNING full_at
)"""
_WITHOUT_THE_DISK = "set_config('synchronous_commit', 'off', true)"  # for its own transaction


@functools.cache
def _taking(count: int, *, alone: bool) -> str:
    """Moments at which the allowances are full again, in their order; null for what is refused."""
    taken = ", ".join(_TAKEN.format(number) for number in range(count))
    moments = [f"(SELECT full_at FROM taken{number})" for number in range(count)]  # noqa: S608
    told = [*moments, _WITHOUT_THE_DISK] if alone else moments
    return f"WITH {taken} SELECT {', '.join(told)}"


def _name(limit: Limit, caller: str) -> str:
    return f"{limit.name}/{caller}"[:80]


def _refused(limit: Limit, caller: str, at: datetime) -> Allowance:
    name = _name(limit, caller)
    full_at = Bucket.objects.values_list("full_at", flat=True).get(pk=name)
    free_at = full_at + limit.each - limit.per
    wait = max(1, math.ceil((free_at - at).total_seconds()))
    return _allowance(limit, full_at, at, retry_after_s=wait)


def forget_full(*, at: datetime, most: int = 5000) -> int:
    """Remove rows of callers whose allowance is full again; how many."""
    is_full = Bucket.objects.filter(full_at__lt=at - timedelta(hours=1))
    free = is_full.select_for_update(skip_locked=True)  # who takes two holds two, in another order
    with transaction.atomic():
        old = free.values_list("pk", flat=True)[:most]
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
