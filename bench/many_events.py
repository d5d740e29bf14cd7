"""A record of millions of events over two years, spread as in real life, in a minute for each million.

Nothing in it is proven: chains are not valid, and the database's triggers are off while it is written.
Its indexes are built afterwards, as the migrations declare them. All of it is one transaction: it
stands whole or not at all.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

STATEMENT = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
DAYS = 730
AT_ONCE = 250_000
REQUESTS = 10  # events for each request, other things included


def fill(events: int, *, at: datetime) -> None:
    """So many events up to `at`, and the requests that they tell of; nothing if they are there."""
    from audit import months
    from audit.models import Event
    from bench import simulation

    if Event.objects.count() >= events:
        return
    simulation.fill(events // REQUESTS)
    months.make("audit_event", at - timedelta(days=DAYS), at)
    _write(events, at)


def _write(events: int, at: datetime) -> None:
    from django.db import connections, transaction

    with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        indexes = _dropped(cursor)
        for first in range(1, events + 1, AT_ONCE):
            last = min(first + AT_ONCE - 1, events)
            said = {"first": first, "last": last, "events": events, "days": DAYS, "ends": at}
            cursor.execute(STATEMENT, said)
        for statement in indexes:
            cursor.execute(statement)
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _dropped(cursor: Any) -> list[str]:
    """Drops the indexes of the whole table, but for its key; the statements that make them again."""
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = 'audit_event'::regclass AND NOT indisprimary"
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    return [statement.replace(" ON ONLY ", " ON ") for _, statement in found]
