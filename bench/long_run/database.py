"""What PostgreSQL says of its connections, tables and indexes."""

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

CONNECTIONS = """
SELECT coalesce(nullif(application_name, ''), backend_type) AS name, count(*) AS number
FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
GROUP BY 1
"""
# A table in parts is one here; bytes are of the disk, with what is free inside.
TABLES = """
SELECT coalesce(parent.relname, c.relname) AS name,
       sum(pg_table_size(c.oid))::bigint AS heap, sum(pg_indexes_size(c.oid))::bigint AS indexes,
       sum(s.n_live_tup)::bigint AS live, sum(s.n_dead_tup)::bigint AS dead,
       sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::bigint AS changes,
       sum(s.n_tup_upd)::bigint AS updates, sum(s.n_tup_hot_upd)::bigint AS hot,
       sum(s.autovacuum_count)::bigint AS vacuums
FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
WHERE c.relkind = 'r' AND c.relname NOT IN ('crash_outbox', 'bench_floor')
GROUP BY 1
"""


def connections(connection: psycopg.Connection) -> dict[str, int]:
    return dict(connection.execute(CONNECTIONS).fetchall())


def tables(connection: psycopg.Connection) -> dict[str, dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return {row.pop("name"): row for row in cursor.execute(TABLES).fetchall()}


def contents(connection: psycopg.Connection, names: list[str]) -> dict[str, tuple[int, int]]:
    """Rows that are there, counted, and their bytes. Reads all of each table."""
    found = {}
    for name in names:
        query = sql.SQL("SELECT count(*), coalesce(sum(pg_column_size(t)), 0)::bigint FROM {} t")
        found[name] = connection.execute(query.format(sql.Identifier(name))).fetchone()
    return found


def size(connection: psycopg.Connection) -> dict[str, int]:
    [whole] = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    [wal] = connection.execute("SELECT sum(size)::bigint FROM pg_ls_waldir()").fetchone()
    return {"database": whole, "wal": wal}
