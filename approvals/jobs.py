"""The jobs, one line each, and the one way to ask for one.

A job is only a wake-up: it names a request, and `execution` finds out under lock what, if anything,
is to be done. So a lost, late, doubled or zombie job does no harm (mechanisms §0, traps 1 to 6).
"""

import functools
import logging
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection, transaction
from django.utils import timezone
from procrastinate import jobs as procrastinate_jobs
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.manager import JobManager
from procrastinate.tasks import Task

from accounts import limits
from approvals import archiving, execution, kinds, quarantine, sweeping
from approvals.clock import database_time
from approvals.outcomes import worker_actor
from audit import correlation, months, origins, outside, sealing

log = logging.getLogger("approvals.jobs")

FIRST = 10  # before the effects: who looks after the forgotten must not wait behind the rest
EFFECTS = "effects"
LONGEST_QUEUE = 40  # its name is part of the name of a channel, which holds 63 bytes


def enqueue(
    task: Task,
    *,
    at: datetime | None = None,
    once: str | None = None,
    queue: str = "",
    trace: str = "",
    **arguments: Any,
) -> None:
    """Ask for a job in the caller's transaction: it exists if and only if that commits.

    `trace` joins it to what caused it; without one, that is the interaction that asks. `queue`: another
    than the task's own.

    Goes through Django's connection in every process, also inside a worker, where a bare
    `.defer()` would not (trap 1). While a job with the same `once` waits, another is not added;
    that is no error and leaves the caller's transaction whole (trap 7). A database that is lost or
    locked meanwhile raises Django's own errors, as everywhere else in a command.
    """
    if trace := trace or correlation.carried():
        arguments["trace"] = trace
    job = procrastinate_jobs.Job(
        id=None,
        queue=queue or task.queue,
        lock=None,
        queueing_lock=once,
        priority=task.priority,
        task_name=task.name,
        task_kwargs=arguments,
        scheduled_at=at if at and at > timezone.now() else None,
    )
    try:
        with transaction.atomic(savepoint=once is not None):
            JobManager(DjangoConnector()).defer_job(job)
    except AlreadyEnqueued:
        return
    except ConnectorException as error:
        if not isinstance(error.__cause__, psycopg.Error):
            raise
        with connection.wrap_database_errors:
            raise error.__cause__ from None


@app.task(name="approvals.execute", queue=EFFECTS, pass_context=True)
def execute(context: Any, *, item_id: int, **_: Any) -> None:
    execution.run(item_id, wake=functools.partial(_wake_in, context.job.queue))


def wake(item_id: int, at: datetime, kind: str) -> None:
    """Look at this request of this kind again at `at`."""
    _wake_in(queue_of(kind), item_id, at)


def _wake_in(queue: str, item_id: int, at: datetime) -> None:
    enqueue(execute, queue=queue, at=at, item_id=item_id)


def queue_of(kind: str) -> str:
    """Each outside system has a queue of its own, with slots of its own in each worker: one that is slow
    holds up nobody else's effects."""
    known = kinds.all_kinds().get(kind)
    return _queue(known.system_slug) if known and known.is_outside else EFFECTS


def queues_of_systems() -> list[str]:
    return sorted({_queue(slug) for slug in kinds.systems()})


def _queue(system: str) -> str:
    return f"{EFFECTS}-{system}"[:LONGEST_QUEUE]


# --- The sweepers: what nobody woke up -----------------------------------------------------------


@app.periodic(cron="* * * * * */5")
@app.task(name="approvals.sweep_approved", queue="upkeep", priority=FIRST)
def sweep_approved(timestamp: int, **_: Any) -> None:
    _wake_all(sweeping.approved_not_started(database_time()))


@app.periodic(cron="* * * * * */5")
@app.task(name="approvals.sweep_leases", queue="upkeep", priority=FIRST)
def sweep_leases(timestamp: int, **_: Any) -> None:
    _wake_all(sweeping.dead_leases(database_time()))


@app.periodic(cron="* * * * * */5")
@app.task(name="approvals.sweep_retries", queue="upkeep", priority=FIRST)
def sweep_retries(timestamp: int, **_: Any) -> None:
    _wake_all(sweeping.overdue_retries(database_time()))


@app.periodic(cron="* * * * * */5")
@app.task(name="approvals.sweep_doubts", queue="upkeep", priority=FIRST)
def sweep_doubts(timestamp: int, **_: Any) -> None:
    _wake_all(sweeping.unasked_doubts(database_time()))


@app.periodic(cron="* * * * * */10")
@app.task(name="approvals.sweep_expired", queue="upkeep", priority=FIRST)
def sweep_expired(timestamp: int, **_: Any) -> None:
    sweeping.expired(database_time())


@app.periodic(cron="* * * * * */10")
@app.task(name="approvals.sweep_escalations", queue="upkeep", priority=FIRST)
def sweep_escalations(timestamp: int, **_: Any) -> None:
    sweeping.escalated(database_time())
    sweeping.glass_closed(database_time())


@app.periodic(cron="* * * * * */30")
@app.task(name="approvals.sweep_stranded", queue="upkeep", priority=FIRST)
def sweep_stranded(timestamp: int, **_: Any) -> None:
    sweeping.stranded(database_time())


@app.periodic(cron="* * * * * */5")
@app.task(name="approvals.look_around", queue="upkeep", priority=FIRST)
def look_around(timestamp: int, **_: Any) -> None:
    """A worker may outlive its database: is this still the one that was seen last?"""
    actor = worker_actor(execution.worker_name())
    found = quarantine.notice(actor=actor, at=database_time())
    if found is not None:
        log.error("Quarantine: %s", found.reason)


def _wake_all(found: list[int]) -> None:
    """Each joins on to what last happened to its request, not to the sweep that found it."""
    if not found:
        return
    known = sweeping.known_of(found)
    traces = origins.of_streams(stream for _, stream, _ in known)
    for item_id, stream, kind in known:
        enqueue(
            execute,
            once=f"swept/{item_id}",
            queue=queue_of(kind),
            trace=traces.get(stream, ""),
            item_id=item_id,
        )


@app.periodic(cron="* * * * *")
@app.task(name="approvals.seal", queue="upkeep")
def seal(timestamp: int, **_: Any) -> None:
    """What was recorded comes under a signed checkpoint, and that to the places outside."""
    at = database_time()
    sealing.seal_all(at=at, most=20)  # the rest in a minute: others wait for this worker
    for sentence in outside.publish(at=at):
        log.warning("A checkpoint could not be copied: %s", sentence)


@app.periodic(cron="17 * * * *")
@app.task(name="approvals.tidy", queue="upkeep")
def tidy(timestamp: int, **_: Any) -> None:
    sweeping.forget_old_keys(at=database_time())
    sweeping.forget_old_provider_events(at=database_time())
    sweeping.forget_ended_jobs(at=database_time())
    limits.forget_full(at=database_time())


@app.periodic(cron="7 4 * * *")
@app.task(name="approvals.months", queue="upkeep")
def make_months(timestamp: int, **_: Any) -> None:
    """Events and attempts have a part for each of the months to come."""
    for table in archiving.KEY_OF:
        months.make_ahead(table, at=database_time())


@app.periodic(cron="* * * * * */10")
@app.task(name="approvals.rescue", queue="upkeep", priority=FIRST, pass_context=True)
async def rescue(context: Any, timestamp: int, **_: Any) -> None:
    """Jobs of workers that died: wake them up again; `execution` fences their late finish."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=90):
        await manager.retry_job(job)
