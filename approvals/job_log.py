"""Each job runs as an interaction of its own, joined to what caused it, and leaves one line.

A middleware of the worker. What a task raises passes through it: swallowed here, a job that failed
would count as done.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from audit.correlation import interaction, read_carried

QUIET_QUEUE = "upkeep"  # every few seconds, and mostly nothing to do
log = logging.getLogger("approvals.jobs")


def request_id_of(job_id: object) -> str:
    return f"job-{job_id}"


async def joined(call_next: Callable[[], Awaitable[Any]], context: Any, worker: Any) -> Any:
    """Bind the job's ids around its task; context variables follow into its thread."""
    job = context.job
    within, caused_by = read_carried(job.task_kwargs.get("trace"))
    with interaction(request_id_of(job.id), within=within, caused_by=caused_by, job_id=str(job.id)):
        began = time.perf_counter()
        try:
            result = await call_next()
        except BaseException as error:
            _tell(logging.WARNING, job, began, outcome=type(error).__name__)
            raise
        _tell(logging.DEBUG if job.queue == QUIET_QUEUE else logging.INFO, job, began, outcome="ok")
        return result


def _tell(level: int, job: Any, began: float, *, outcome: str) -> None:
    facts = {
        "task": job.task_name,
        "queue": job.queue,
        "item_id": job.task_kwargs.get("item_id"),
        "outcome": outcome,
        "duration_ms": round((time.perf_counter() - began) * 1000),
    }
    log.log(level, "job", extra=facts)
