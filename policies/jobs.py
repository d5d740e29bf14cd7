"""The jobs of policies. As everywhere, a job is only a wake-up."""

from typing import Any

from procrastinate.contrib.django import app

from approvals.clock import database_time
from approvals.jobs import FIRST, enqueue
from policies import trying


@app.task(name="policies.try", queue="verification", pass_context=True)
def run_trial(context: Any, *, trial_id: int, **_: Any) -> None:
    trying.run(trial_id, must_stop=context.should_abort)


def wake(trial_id: int) -> None:
    """Try it; asked twice, it is done once."""
    enqueue(run_trial, once=f"trial/{trial_id}", trial_id=trial_id)


@app.periodic(cron="* * * * * */30")
@app.task(name="policies.sweep_trials", queue="upkeep", priority=FIRST)
def sweep_trials(timestamp: int, **_: Any) -> None:
    at = database_time()
    trying.give_up_on_lost(at=at)
    for trial_id in trying.waiting(at):
        wake(trial_id)


@app.periodic(cron="37 4 * * *")
@app.task(name="policies.tidy", queue="upkeep")
def tidy(timestamp: int, **_: Any) -> None:
    trying.forget_old(at=database_time())
