"""The jobs of the audit pages. As everywhere, a job is only a wake-up."""

from typing import Any

from procrastinate.contrib.django import app

from approvals.clock import database_time
from approvals.jobs import FIRST, enqueue
from auditing import checking


@app.task(name="auditing.check", queue="verification", pass_context=True)
def check(context: Any, *, run_id: int, **_: Any) -> None:
    checking.run(run_id, must_stop=context.should_abort)


def wake(run_id: int) -> None:
    """Check the record; asked twice, it is done once."""
    enqueue(check, once=f"verification/{run_id}", run_id=run_id)


@app.periodic(cron="0 3 * * *")
@app.task(name="auditing.check_daily", queue="upkeep")
def check_daily(timestamp: int, **_: Any) -> None:
    wake(checking.begin_by_clock(at=database_time()).pk)


@app.periodic(cron="* * * * * */30")
@app.task(name="auditing.sweep_checks", queue="upkeep", priority=FIRST)
def sweep_checks(timestamp: int, **_: Any) -> None:
    at = database_time()
    checking.give_up_on_lost(at=at)
    for run_id in checking.waiting(at):
        wake(run_id)
