"""The jobs of webhooks, one line each. As everywhere, a job is only a wake-up."""

from typing import Any

from procrastinate.contrib.django import app

from approvals.clock import database_time
from approvals.jobs import FIRST, enqueue
from webhooks import fan_out, sending, tidying


@app.task(name="webhooks.send", queue="webhooks")
def send(*, endpoint_id: int, **_: Any) -> None:
    sending.run(endpoint_id, wake=wake)


def wake(endpoint_id: int) -> None:
    """Send to this endpoint what is due; asked twice, it is done once."""
    enqueue(send, once=f"webhooks/{endpoint_id}", endpoint_id=endpoint_id)


@app.periodic(cron="* * * * * */2")
@app.task(name="webhooks.fan_out", queue="upkeep", priority=FIRST)
def follow(timestamp: int, **_: Any) -> None:
    fan_out.run(at=database_time(), wake=wake)


@app.periodic(cron="* * * * * */2")
@app.task(name="webhooks.sweep_due", queue="upkeep", priority=FIRST)
def sweep_due(timestamp: int, **_: Any) -> None:
    for endpoint_id in sending.endpoints_with_something_due(database_time()):
        wake(endpoint_id)


@app.periodic(cron="27 * * * *")
@app.task(name="webhooks.tidy", queue="upkeep")
def tidy(timestamp: int, **_: Any) -> None:
    tidying.forget_old(at=database_time())
    tidying.forget_old_secrets(at=database_time())
