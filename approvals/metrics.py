"""How the work stands, asked from the database when Prometheus asks: right on every process.

Few questions over what is open, each bounded in time. Never by request or person: a label may hold
only what there are few of.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Count, Min
from prometheus_client.core import GaugeMetricFamily

from approvals import quarantine, queries, stuck
from approvals.clock import database_time
from approvals.in_time import NoAnswer, Question
from approvals.models import OPEN, ApprovalRequest, State, System

ANSWER_S = 5
STATEMENT_TIMEOUT = "2s"
VIEWS = ("stuck", "people", "systems", "all")  # those of the queue that are nobody's own


@dataclass(frozen=True)
class Standing:
    """What one scrape has found; ages in seconds."""

    at: datetime
    by_state: list[tuple[str, str, int]]
    by_view: dict[str, tuple[int, float]]
    systems: list[System]
    in_flight: int
    jobs: list[tuple[str, str, int]]
    oldest_runnable_job_s: float
    workers: int
    heartbeat_s: float
    events: int
    newest_event_s: float
    is_quarantined: bool


def gauges() -> list[GaugeMetricFamily]:
    """All of them; only that it is down, while the database gives no answer."""
    try:
        return list(_told(_question.answer()))
    except NoAnswer:
        return [_up(False)]


def ask() -> Standing:
    """Eight questions, each of at most two seconds."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [STATEMENT_TIMEOUT])
        at = database_time()
        in_flight, runnable_s, workers, heartbeat_s, events, newest_s = _engine()
        return Standing(
            at=at,
            by_state=_by_state(),
            by_view=_by_view(at),
            systems=list(System.objects.all()),
            in_flight=in_flight,
            jobs=_jobs(),
            oldest_runnable_job_s=runnable_s or 0.0,
            workers=workers,
            heartbeat_s=math.inf if heartbeat_s is None else heartbeat_s,
            events=max(int(events), 0),
            newest_event_s=math.inf if newest_s is None else newest_s,
            is_quarantined=quarantine.is_on(),
        )


# --- The questions -------------------------------------------------------------------------------


def _by_state() -> list[tuple[str, str, int]]:
    found = ApprovalRequest.objects.filter(state__in=OPEN).values_list("queue__slug", "state")
    return list(found.annotate(count=Count("pk")).order_by("queue__slug", "state"))


def _by_view(at: datetime) -> dict[str, tuple[int, float]]:
    """How many there are, and for how many seconds the oldest has been waiting."""
    conditions = {"stuck": stuck.is_stuck(at)}
    conditions |= {view: queries.in_shared_view(view) for view in VIEWS if view != "stuck"}
    wanted = {}
    for view, condition in conditions.items():
        wanted[f"{view}_count"] = Count("pk", filter=condition)
        wanted[f"{view}_since"] = Min("waiting_since", filter=condition)
    found = ApprovalRequest.objects.filter(state__in=OPEN).aggregate(**wanted)
    return {view: (found[f"{view}_count"], _age(found[f"{view}_since"], at)) for view in conditions}


def _age(since: datetime | None, at: datetime) -> float:
    return max((at - since).total_seconds(), 0.0) if since else 0.0


def _jobs() -> list[tuple[str, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT queue_name, status::text, count(*) FROM procrastinate_jobs"
            " GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return cursor.fetchall()


def _engine() -> tuple[int, float | None, int, float | None, float, float | None]:
    with connection.cursor() as cursor:
        cursor.execute(ENGINE)
        return cursor.fetchone()


# A job's age counts from when it was asked for, or from when it was to run if that is later.
ENGINE = """
SELECT
  (SELECT count(*) FROM approvals_effect WHERE lease_until > clock_timestamp()),
  (SELECT extract(epoch FROM clock_timestamp() - min(coalesce(j.scheduled_at, e.at)))::float
     FROM procrastinate_jobs j
     LEFT JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred'
    WHERE j.status = 'todo'
      AND (j.scheduled_at IS NULL OR j.scheduled_at <= clock_timestamp())),
  (SELECT count(*) FROM procrastinate_workers
    WHERE last_heartbeat > clock_timestamp() - interval '60 seconds'),
  (SELECT extract(epoch FROM clock_timestamp() - max(last_heartbeat))::float
     FROM procrastinate_workers),
  (SELECT reltuples FROM pg_class WHERE oid = 'audit_event'::regclass),
  (SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float
     FROM audit_event ORDER BY id DESC LIMIT 1)
"""


# --- What is told --------------------------------------------------------------------------------


def _told(found: Standing) -> Iterator[GaugeMetricFamily]:
    yield _up(True)
    yield from _of_requests(found)
    yield from _of_systems(found.systems)
    yield from _of_work(found)
    yield _gauge("quarantine", "1: nothing is sent after a restore.", int(found.is_quarantined))
    yield _gauge("events", "Events in the record, as PostgreSQL estimates it.", found.events)
    yield _gauge(
        "newest_event_age_seconds", "Since the newest event was recorded.", found.newest_event_s
    )


def _of_requests(found: Standing) -> Iterator[GaugeMetricFamily]:
    counts: dict[str, int] = {}
    for _, state, count in found.by_state:
        counts[state] = counts.get(state, 0) + count
    yield _by_labels("requests", "Open requests.", ("queue", "state"), found.by_state)
    yield _by_labels(
        "oldest_waiting_seconds",
        "For how long the oldest request of a view of the queue has been waiting.",
        ("view",),
        [(view, seconds) for view, (_, seconds) in found.by_view.items()],
    )
    yield _gauge("stuck", "Requests that nobody should leave alone.", found.by_view["stuck"][0])
    yield _gauge("in_doubt", "Sent, outcome unknown.", counts.get(State.IN_DOUBT, 0))
    yield _gauge("needs_person", "Waiting for a person.", counts.get(State.NEEDS_PERSON, 0))


def _of_systems(systems: Iterable[System]) -> Iterator[GaugeMetricFamily]:
    held = [(system.slug, int(system.held_at is not None)) for system in systems]
    paused = [(system.slug, int(system.paused_at is not None)) for system in systems]
    yield _by_labels("system_held", "1: a person has switched it off.", ("system",), held)
    yield _by_labels("system_paused", "1: its breaker has paused it.", ("system",), paused)


def _of_work(found: Standing) -> Iterator[GaugeMetricFamily]:
    yield _gauge("effects_in_flight", "Calls that a worker makes now.", found.in_flight)
    yield _by_labels("jobs", "Jobs in the queue.", ("queue", "status"), found.jobs)
    yield _gauge(
        "oldest_runnable_job_age_seconds",
        "For how long the oldest job that could run has been waiting.",
        found.oldest_runnable_job_s,
    )
    yield _gauge("workers", "Workers heard of within 60 s.", found.workers)
    yield _gauge(
        "worker_heartbeat_age_seconds",
        "Since a worker was last heard of; +Inf when none ever was.",
        found.heartbeat_s,
    )


def _up(is_up: bool) -> GaugeMetricFamily:
    return _gauge("database_up", "1: the database has answered this scrape.", int(is_up))


def _gauge(name: str, meaning: str, amount: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"approvals_{name}", meaning, value=amount)


def _by_labels(
    name: str, meaning: str, labels: tuple[str, ...], rows: Iterable[tuple]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"approvals_{name}", meaning, labels=labels)
    for *of, amount in rows:
        family.add_metric([str(one) for one in of], amount)
    return family


_question = Question(ask, seconds=ANSWER_S)
