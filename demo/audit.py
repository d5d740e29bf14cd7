"""What the auditor did: readings, which are events, and a check of the whole record with its result."""

from datetime import datetime, timedelta

from accounts import access
from accounts.models import User
from approvals.models import Queue
from audit.models import Event
from auditing import checking
from auditing.commands.reading import record_reading
from auditing.commands.verifying import ask_for_check

TOOK = timedelta(seconds=0.4)


def read_list(by: User, filters: dict[str, str], *, at: datetime) -> None:
    record_reading(person=access.of(by, Queue), what={"filters": filters}, at=at)


def read_event(by: User, event: Event, *, at: datetime) -> None:
    what = {"event": f"{event.stream}#{event.seq}"}
    record_reading(person=access.of(by, Queue), what=what, at=at)


def check(by: User, *, at: datetime, key: str) -> None:
    """Asked for, and carried out as a worker would, a moment later."""
    asked = ask_for_check(by=by, at=at, key=key)
    moments = iter([at + timedelta(seconds=1)])
    checking.run(int(asked.ref), clock=lambda: next(moments, at + timedelta(seconds=1) + TOOK))
