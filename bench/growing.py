# ruff: noqa: S608 -- the names of our own tables
"""A table of millions of requests in minutes: the ended ones of `manage.py seed`, over and over.

The open requests are whole and stay as they are. Copies have their own references, orders, payments and
times, with their steps, decisions, effects, calls and events; but the hashes of their events prove
nothing, and neither triggers nor foreign keys look while they are written. Indexes are built afterwards,
as the migrations declare them.
"""

from collections.abc import Sequence
from typing import Any

STEP = 10_000_000  # between the ids, and the numbers, of one copy and the next
AT_ONCE = 100_000  # rows of requests for each statement
DAYS = 3  # each copy was asked for so much earlier than the one before
SAMPLES = "bench_samples"

# How the columns of a copy are made; those that are not named are as they were.
NUMBER = "split_part({0}, '-', 2)"
REQUEST = {
    "id": "t.id + n * {step}",
    "ref": "split_part(t.ref, '-', 1) || '-' || s.number + n * {step}",
    "stream": "'request/' || split_part(t.ref, '-', 1) || '-' || s.number + n * {step}",
    "subject": "t.subject || '/' || n",
    "ticket": "'SEED-' || s.number + n * {step}",
    "payload": "replace(t.payload::text, s.number::text, (s.number + n * {step})::text)::jsonb",
    **{
        name: f"t.{name} - n * interval '{DAYS} days'"
        for name in ("created_at", "updated_at", "waiting_since", "due_at", "expires_at")
    },
}
OF_REQUEST = {"id": "t.id + n * {step}", "item_id": "t.item_id + n * {step}"}
EFFECT = {
    **OF_REQUEST,
    "key": "t.key || '/' || n",
    "provider_reference": "t.provider_reference || '/' || n",
}
ATTEMPT = {"id": "t.id + n * {step}", "effect_id": "t.effect_id + n * {step}"}
EVENT = {
    "id": "t.id + n * {step}",
    "stream": "'request/' || split_part(s.ref, '-', 1) || '-' || s.number + n * {step}",
    "target_id": "split_part(s.ref, '-', 1) || '-' || s.number + n * {step}",
}


def grow(requests: int, *, connect: Any) -> None:
    """Up to so many requests; nothing when they are there. `connect`: as who may do anything."""
    with connect() as connection:
        have = connection.execute("SELECT count(*) FROM approvals_approvalrequest").fetchone()[0]
        if have >= requests:
            return
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET synchronous_commit = off")
        ended = _choose(connection)
        copies = range(*_still_missing(connection, have, requests, ended))
        _copy_all(connection, copies, at_once=max(1, AT_ONCE // ended))
        connection.execute(f"DROP TABLE {SAMPLES}")
        connection.execute("VACUUM (ANALYZE)")


def _choose(connection: Any) -> int:
    """The ended requests that `seed` made, with the number of each; how many."""
    connection.execute(
        f"CREATE UNLOGGED TABLE {SAMPLES} AS"
        " SELECT r.id, r.ref, r.stream, e.id AS effect_id, split_part(r.ref, '-', 2)::bigint AS number"
        " FROM approvals_approvalrequest r LEFT JOIN approvals_effect e ON e.item_id = r.id"
        f" WHERE r.state IN ('done', 'rejected', 'withdrawn', 'expired') AND r.id < {STEP}"
    )
    connection.execute(f"CREATE UNIQUE INDEX ON {SAMPLES} (id)")
    connection.execute(f"CREATE UNIQUE INDEX ON {SAMPLES} (stream)")
    connection.execute(f"ANALYZE {SAMPLES}")
    return connection.execute(f"SELECT count(*) FROM {SAMPLES}").fetchone()[0]


def _still_missing(connection: Any, have: int, requests: int, ended: int) -> tuple[int, int]:
    """The numbers of the copies to make: those after the last that there is."""
    made = connection.execute(
        f"SELECT coalesce(max(id), 0) / {STEP} FROM approvals_approvalrequest"
    ).fetchone()[0]
    return made + 1, made + 1 + -(-(requests - have) // ended)


def _copy_all(connection: Any, copies: range, *, at_once: int) -> None:
    tables = [
        ("approvals_approvalrequest", REQUEST, "s.id = t.id"),
        ("approvals_step", OF_REQUEST, "s.id = t.item_id"),
        ("approvals_decision", OF_REQUEST, "s.id = t.item_id"),
        ("approvals_effect", EFFECT, "s.id = t.item_id"),
        ("approvals_attempt", ATTEMPT, "s.effect_id = t.effect_id"),
        ("audit_event", EVENT, "s.stream = t.stream"),
    ]
    for table, made, of_sample in tables:
        triggers, indexes = _silenced(connection, table), _dropped(connection, table)
        names = _columns(connection, table)
        values = ", ".join(made.get(name, f't."{name}"').format(step=STEP) for name in names)
        listed = ", ".join(f'"{name}"' for name in names)
        for first in range(copies.start, copies.stop, at_once):
            last = min(first + at_once, copies.stop) - 1
            connection.execute(
                f"INSERT INTO {table} ({listed}) SELECT {values} FROM {table} t"
                f" JOIN {SAMPLES} s ON {of_sample}, generate_series({first}::bigint, {last}) AS n"
                f" WHERE t.id < {STEP}"
            )
        for statement in (*indexes, *triggers):
            connection.execute(statement)


def _columns(connection: Any, table: str) -> Sequence[str]:
    """What is stored of a row, and not derived."""
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        [table],
    )
    return [name for (name,) in found.fetchall()]


def _silenced(connection: Any, table: str) -> list[str]:
    """Switches its triggers off; the statements that switch on those that were."""
    found = connection.execute(
        "SELECT tgname, tgenabled = 'A' FROM pg_trigger"
        " WHERE tgrelid = %s::regclass AND tgenabled <> 'D'",
        [table],
    ).fetchall()
    connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    return [
        f'ALTER TABLE {table} ENABLE {"ALWAYS " if always else ""}TRIGGER "{name}"'
        for name, always in found
    ]


def _dropped(connection: Any, table: str) -> list[str]:
    """Drops the indexes that keep nothing unique; the statements that make them again."""
    found = connection.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = %s::regclass AND NOT indisunique",
        [table],
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    return [statement.replace(" ON ONLY ", " ON ") for _, statement in found]
