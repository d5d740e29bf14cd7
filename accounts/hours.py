"""When a team works. Pure: time zones, daylight saving and week ends, no clock of its own."""

from datetime import datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Hours(Protocol):
    zone: ZoneInfo
    opens_at: time
    closes_at: time
    work_days: str


def closes(team: Hours, at: datetime) -> datetime | None:
    """When the team stops work if it works at `at`, else None."""
    local = at.astimezone(team.zone)
    opening, closing = _shift(team, local)
    if str(local.weekday()) in team.work_days and opening <= local < closing:
        return closing
    return None


def opens_next(team: Hours, at: datetime) -> datetime | None:
    """The next time the team starts work after `at`; None for a team without work days."""
    local = at.astimezone(team.zone)
    for days in range(8):
        opening, _ = _shift(team, local + timedelta(days=days))
        if str(opening.weekday()) in team.work_days and opening > local:
            return opening
    return None


def _shift(team: Hours, local: datetime) -> tuple[datetime, datetime]:
    day = local.date()
    return (
        datetime.combine(day, team.opens_at, tzinfo=team.zone),
        datetime.combine(day, team.closes_at, tzinfo=team.zone),
    )
