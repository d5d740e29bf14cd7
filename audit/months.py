"""Tables that grow for ever, in one part for each month, so that an old month can be taken out whole.

The parts are made by the database's function `audit_make_months` (migration 0007), which the
application may call; nothing else of them is the application's to change.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

AHEAD = timedelta(days=93)
_NAME = re.compile(r"(?P<before>_before)?_(?P<year>\d{4})_(?P<month>\d\d)")


@dataclass(frozen=True)
class Part:
    """Rows from `begins` on and before `ends`; None: no limit. Without both, what fits nowhere else."""

    table: str
    name: str  # 2026-11, before-2026-12 or default
    relation: str
    begins: datetime | None
    ends: datetime | None

    @property
    def is_default(self) -> bool:
        return self.begins is None and self.ends is None


def make(table: str, first: datetime, last: datetime) -> int:
    """The parts of `table` for the months from that of `first` to that of `last`; how many are new."""
    days = [first.astimezone(UTC).date(), last.astimezone(UTC).date()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_make_months(%s, %s, %s)", [table, *days])
        return cursor.fetchone()[0]


def make_ahead(table: str, *, at: datetime) -> int:
    return make(table, at, at + AHEAD)


def parts(table: str) -> list[Part]:
    """Of this table, oldest first, the default one last."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = to_regclass(%s)",
            [table],
        )
        found = [_part(table, name) for (name,) in cursor.fetchall()]
    return sorted(found, key=lambda part: (part.is_default, part.ends and part.ends.isoformat()))


def in_default(table: str) -> bool:
    """Whether something came for a month that had no part."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_in_default(%s)", [table])
        return cursor.fetchone()[0]


def months_before(at: datetime, count: int) -> datetime:
    """The first day of the month that was `count` months before that of `at`."""
    year, month = divmod(at.year * 12 + at.month - 1 - count, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def _part(table: str, relation: str) -> Part:
    found = _NAME.fullmatch(relation.removeprefix(table))
    if found is None:
        return Part(table, "default", relation, None, None)
    first = datetime(int(found["year"]), int(found["month"]), 1, tzinfo=UTC)
    if found["before"]:
        return Part(table, f"before-{first:%Y-%m}", relation, None, first)
    return Part(table, f"{first:%Y-%m}", relation, first, months_before(first, -1))
