"""Can this process serve? The questions to the database behind `/readyz`."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from approvals.in_time import NoAnswer, Question

ANSWER_S = 1.5  # so that the probe has its 503 within 2 s
WORKER_SILENT = timedelta(seconds=60)
GUARDS = ("approvals_request_is_guarded", "audit_event_is_append_only")


@dataclass(frozen=True)
class Readiness:
    """`status` is ok, degraded (it serves, and something is amiss) or unavailable."""

    status: str
    why: dict[str, str]

    @property
    def serves(self) -> bool:
        return self.status != "unavailable"


def readiness() -> Readiness:
    try:
        return _question.answer()
    except NoAnswer:
        return Readiness("unavailable", {"database": "no answer"})


def _ask() -> Readiness:
    has_guards, may_change_rules, workers = _look()
    if not has_guards or not _is_migrated():
        return Readiness("unavailable", {"database": "not migrated"})
    amiss = {}
    if may_change_rules:
        amiss["login"] = "it owns the tables, so the record can be changed with it"
        if settings.ENV.database is not None:  # the embedded one is for trials
            return Readiness("unavailable", amiss)
    if not workers:
        amiss["workers"] = "none heard of for 60 s"
    return Readiness("degraded" if amiss else "ok", amiss)


def _look() -> tuple[bool, bool, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT coalesce(count(DISTINCT tgname) * bool_and(tgenabled = 'A')::int, 0)"
            " FROM pg_trigger WHERE tgname = ANY(%s)),"
            " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
            " OR EXISTS (SELECT FROM pg_class WHERE relname = 'audit_event' AND relkind IN ('r', 'p')"
            " AND pg_has_role(relowner, 'USAGE'))",
            [list(GUARDS)],
        )
        guards, may_change_rules = cursor.fetchone()
        if guards < len(GUARDS):
            return False, may_change_rules, 0
        cursor.execute(
            "SELECT count(*) FROM procrastinate_workers"
            " WHERE last_heartbeat > clock_timestamp() - %s",
            [WORKER_SILENT],
        )
        return True, may_change_rules, cursor.fetchone()[0]


_is_known_to_be_migrated = False


def _is_migrated() -> bool:
    """Asked until the answer is yes: migrations are not taken back under a running process."""
    global _is_known_to_be_migrated
    if not _is_known_to_be_migrated:
        loader = MigrationLoader(connection)
        _is_known_to_be_migrated = set(loader.graph.leaf_nodes()) <= set(loader.applied_migrations)
    return _is_known_to_be_migrated


_question = Question(_ask, seconds=ANSWER_S)
