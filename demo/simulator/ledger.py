"""What the provider did, on disk: a crash of anybody loses nothing that was booked."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .answers import Answer

SCHEMA = """
CREATE TABLE IF NOT EXISTS effects (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('refund', 'account_change')),
    target TEXT NOT NULL,
    key TEXT,
    effect_id TEXT,
    reference TEXT NOT NULL UNIQUE,
    amount INTEGER,
    currency TEXT,
    status TEXT NOT NULL,
    fails_at REAL,
    succeeds_at REAL,
    faults TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS effects_by_target ON effects (kind, target);
-- slot: what a repeat is recognised by. Refunds: the key. Account changes: the address.
CREATE TABLE IF NOT EXISTS keys (
    service TEXT NOT NULL,
    slot TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (service, slot)
);
-- answered: the HTTP status, 'closed' (no answer was given), or NULL (the process died first).
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    key TEXT,
    answered TEXT,
    received_at REAL NOT NULL,
    traceparent TEXT,
    request_id TEXT
);
"""
COLUMNS_ADDED_LATER = (
    ("effects", "succeeds_at", "REAL"),
    ("calls", "traceparent", "TEXT"),
    ("calls", "request_id", "TEXT"),
)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Something that the provider did. `body` is what it was asked for."""

    kind: str
    target: str
    key: str | None
    effect_id: str | None
    reference: str
    amount: int | None = None
    currency: str | None = None
    status: str
    fails_at: float | None = None
    succeeds_at: float | None = None
    faults: list[str]
    body: dict[str, Any]
    created_at: float
    id: int | None = None

    @property
    def status_now(self) -> str:
        return self.status_at(time.time())

    def status_at(self, moment: float) -> str:
        if self.fails_at is not None and self.fails_at <= moment:
            return "failed"
        if self.succeeds_at is not None and self.succeeds_at <= moment:
            return "succeeded"
        return self.status


@dataclass(frozen=True, kw_only=True)
class StoredAnswer:
    fingerprint: str
    answer: Answer


class Ledger:
    """One connection behind one lock: calls are few, and order matters more than speed."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)
        self._add_columns_that_older_ledgers_lack()

    def _add_columns_that_older_ledgers_lack(self) -> None:
        for table, column, kind in COLUMNS_ADDED_LATER:
            names = {row["name"] for row in self._db.execute(f"PRAGMA table_info({table})")}
            if column not in names:
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def book(self, effect: Effect) -> None:
        self._execute(
            "INSERT INTO effects (kind, target, key, effect_id, reference, amount, currency,"
            " status, fails_at, succeeds_at, faults, body, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            effect.kind,
            effect.target,
            effect.key,
            effect.effect_id,
            effect.reference,
            effect.amount,
            effect.currency,
            effect.status,
            effect.fails_at,
            effect.succeeds_at,
            json.dumps(effect.faults),
            json.dumps(effect.body),
            effect.created_at,
        )

    def effects(self, *, kind: str | None = None, target: str | None = None) -> list[Effect]:
        """In the order in which they were booked."""
        rows = self._execute(
            "SELECT * FROM effects WHERE (?1 IS NULL OR kind = ?1)"
            " AND (?2 IS NULL OR target = ?2) ORDER BY id",
            kind,
            target,
        )
        return [_effect(row) for row in rows]

    def effect_by_reference(self, reference: str) -> Effect | None:
        rows = self._execute("SELECT * FROM effects WHERE reference = ?", reference)
        return _effect(rows[0]) if rows else None

    def stored_answer(self, service: str, slot: str) -> StoredAnswer | None:
        rows = self._execute("SELECT * FROM keys WHERE service = ? AND slot = ?", service, slot)
        if not rows:
            return None
        answer = Answer(status=rows[0]["status"], body=json.loads(rows[0]["body"]))
        return StoredAnswer(fingerprint=rows[0]["fingerprint"], answer=answer)

    def store_answer(self, service: str, slot: str, fingerprint: str, answer: Answer) -> None:
        self._execute(
            "INSERT INTO keys (service, slot, fingerprint, status, body, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            service,
            slot,
            fingerprint,
            answer.status,
            json.dumps(answer.body),
            time.time(),
        )

    def record_call(
        self,
        *,
        method: str,
        path: str,
        key: str | None,
        traceparent: str | None = None,
        request_id: str | None = None,
    ) -> int:
        rows = self._execute(
            "INSERT INTO calls (method, path, key, received_at, traceparent, request_id)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            method,
            path,
            key,
            time.time(),
            traceparent,
            request_id,
        )
        return rows[0]["id"]

    def record_answered(self, call_id: int, answered: str) -> None:
        self._execute("UPDATE calls SET answered = ? WHERE id = ?", answered, call_id)

    def calls_count(self) -> int:
        return self._execute("SELECT count(*) FROM calls")[0][0]

    def calls(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self._execute("SELECT * FROM calls ORDER BY id")]

    def _execute(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, parameters).fetchall()


def _effect(row: sqlite3.Row) -> Effect:
    columns = dict(row)
    columns["faults"] = json.loads(columns["faults"])
    columns["body"] = json.loads(columns["body"])
    return Effect(**columns)
