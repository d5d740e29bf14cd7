"""What a promotion lost: rows that only the old primary has, compared with what the standby had got."""

import time
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.crash.harness.checker import DOUBLED, Case, Finding
from tests.hosts.servers import Server, wait_for

KEYS = "SELECT principal || ' ' || key, key, extract(epoch FROM created_at)::float FROM approvals_idempotencyrecord"
EVENTS = "SELECT stream, seq FROM audit_event"
EFFECTS = "SELECT key FROM approvals_effect"
SENT = "SELECT e.key, count(*) FROM approvals_attempt a JOIN approvals_effect e ON e.id = a.effect_id WHERE a.purpose = 'send' GROUP BY e.key"
STANDS_STILL_S = 2


@dataclass
class Had:
    """Commands (principal and key: key and time), events (stream and number), effects, tries."""

    commands: dict[str, tuple[str, float]] = field(default_factory=dict)
    events: set[tuple[str, int]] = field(default_factory=set)
    effects: set[str] = field(default_factory=set)
    sent: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: psycopg.Connection) -> "Had":
        return cls(
            {name: (key, at) for name, key, at in connection.execute(KEYS)},
            set(connection.execute(EVENTS).fetchall()),
            {key for (key,) in connection.execute(EFFECTS)},
            dict(connection.execute(SENT).fetchall()),
        )


@dataclass
class Loss:
    """Of one promotion. `subjects` are the keys and references that it touches."""

    commands: int = 0
    events: int = 0
    sent: int = 0
    seconds: float = 0.0
    subjects: set[str] = field(default_factory=set)

    @classmethod
    def between(cls, old: Had, got: Had, died_at: float) -> "Loss":
        lost = [old.commands[name] for name in old.commands.keys() - got.commands.keys()]
        events = old.events - got.events
        sent = {key for key, tries in old.sent.items() if tries > got.sent.get(key, 0)}
        touched = {key for key, _ in lost} | (old.effects - got.effects) | sent
        touched |= {stream.rpartition("/")[2] for stream, _ in events} | {
            stream for stream, _ in events
        }
        first = min((at for _, at in lost), default=died_at)
        return cls(len(lost), len(events), len(sent), round(died_at - first, 2), touched)


def what_was_received(standby: Server, database: str) -> Had:
    """All that came from the primary before it went, once it is applied.

    What was received may end within a record, which is never applied: it is all there when nothing more
    of it is.
    """
    wait_for(lambda: _stands_still(standby), "The standby goes on applying what it received.")
    with standby.embedded.connect("postgres", database) as connection:
        return Had.read(connection)


def _stands_still(standby: Server) -> bool:
    before = _applied(standby)
    time.sleep(STANDS_STILL_S)
    return _applied(standby) == before != ""


def _applied(standby: Server) -> str:
    """How far; "" while it is busy with more."""
    [(place,)] = standby.ask(
        "SELECT CASE WHEN wait_event IN ('RecoveryRetrieveRetryInterval', 'RecoveryWalStream')"
        " THEN pg_last_wal_replay_lsn()::text END FROM pg_stat_activity"
        " WHERE backend_type = 'startup'"
    )
    return place or ""


class Explained:
    """Sorts findings: what a stated loss explains is counted apart. A doubled effect never is."""

    def __init__(self) -> None:
        self.subjects: set[str] = set()
        self.findings: list[Finding] = []
        self.case: Case | None = None

    def __call__(self, case: Case, finding: Finding) -> bool:
        self.case = case
        if finding.kind == DOUBLED:
            return False
        if _is_of_the_quarantine(case, finding.subject):
            return True
        if not self._is_touched(case, finding.subject):
            return False
        self.findings.append(finding)
        return True

    def asked_anew(self) -> int:
        """Targets that were paid for a request that is lost, and again for the one that its asker,
        who was told that it is recorded, sent again."""
        return len(paid_twice(self.case)) if self.case else 0

    def _is_touched(self, case: Case, subject: str) -> bool:
        if subject in self.subjects:
            return True
        item = case.request_of.get(subject)
        effect = case.effect_of.get(item["id"]) if item else None
        return effect is not None and effect["key"] in self.subjects


def _is_of_the_quarantine(case: Case, subject: str) -> bool:
    """Commands of administrators, who aren't of the load; and questions about what was never sent."""
    administrators = {
        key
        for principal, key in case.records
        if int(principal.rpartition(":")[2]) not in case.person_of
    }
    asked = {row["effect_id"] for row in case.books.attempts if row["purpose"] == "look_up"}
    questions = {
        f"job for {item}" for item, effect in case.effect_of.items() if effect["id"] in asked
    }
    return subject in administrators | questions


def paid_twice(case: Case) -> list[Any]:
    """Targets of which the provider has several standing effects of the same kind and content."""
    seen: dict[tuple, set[str]] = {}
    for row in case.books.ledger:
        if row["status"] != "failed":
            what = (row["kind"], row["target"], row["amount"], str(row["body"].get("to")))
            seen.setdefault(what, set()).add(row["effect_id"])
    return [what for what, effects in seen.items() if len(effects) > 1]
