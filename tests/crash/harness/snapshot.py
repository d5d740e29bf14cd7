"""The other sides of the comparison: the database at one moment, and the simulator's ledger."""

from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]


@dataclass
class Books:
    """Rows as they stand. `outbox` is the harness's own note of each job that was asked for."""

    requests: list[Row] = field(default_factory=list)
    effects: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    decisions: list[Row] = field(default_factory=list)
    steps: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    records: list[Row] = field(default_factory=list)
    outbox: list[Row] = field(default_factory=list)
    ledger: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)


QUERIES = {
    "requests": "SELECT id, ref, stream, kind, state, version, revision, payload, amount, currency,"
    " requested_by_id, held_at, cause, content_hash FROM approvals_approvalrequest",
    "effects": "SELECT * FROM approvals_effect",
    "attempts": "SELECT * FROM approvals_attempt ORDER BY effect_id, number",
    "decisions": "SELECT * FROM approvals_decision",
    "steps": "SELECT * FROM approvals_step",
    "events": "SELECT stream, seq, action, actor_type, actor_id, outcome, key_hash, target_id,"
    " facts->>'state' AS state, xid::text AS xid FROM audit_event ORDER BY stream, seq",
    "records": "SELECT principal, key, operation, status, answer FROM approvals_idempotencyrecord",
    "outbox": "SELECT xid::text AS xid, item_id, is_swept FROM crash_outbox",
}

# Each job's transaction, noted beside the job itself: a finished job is deleted.
OUTBOX = """
CREATE TABLE crash_outbox (xid xid8 NOT NULL, item_id bigint NOT NULL, is_swept boolean NOT NULL);
ALTER TABLE crash_outbox OWNER TO approval_queue_owner;
CREATE FUNCTION crash_note_job() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO crash_outbox VALUES (pg_current_xact_id(), (NEW.args->>'item_id')::bigint,
        coalesce(NEW.queueing_lock, '') LIKE 'swept/%');
    RETURN NEW;
END $$;
CREATE TRIGGER crash_job_is_noted AFTER INSERT ON procrastinate_jobs
    FOR EACH ROW WHEN (NEW.task_name = 'approvals.execute') EXECUTE FUNCTION crash_note_job();
"""


def read(connection: psycopg.Connection, ledger: dict[str, list[Row]]) -> Books:
    """Everything from one REPEATABLE READ snapshot, and the ledger beside it."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = {name: cursor.execute(query).fetchall() for name, query in QUERIES.items()}
    return Books(**found, ledger=ledger["effects"], calls=ledger.get("calls", []))
