"""The job of handoffs. As everywhere, a job is only a wake-up."""

from typing import Any

from procrastinate.contrib.django import app

from approvals.clock import database_time
from approvals.jobs import FIRST
from handoffs import lateness


@app.periodic(cron="* * * * *")
@app.task(name="handoffs.mark_late", queue="upkeep", priority=FIRST)
def mark_late(timestamp: int, **_: Any) -> None:
    lateness.mark_late(at=database_time())
