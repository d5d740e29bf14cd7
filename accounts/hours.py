"""When a team works. Pure: time zones, daylight saving and week ends, no clock of its own."""

from datetime import UTC, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

MOST_SHIFTS = 2000  # looked at; a wait of years


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


def after(team: Hours, at: datetime, working: timedelta) -> datetime | None:
    """When so much of the team's time has passed since `at`; None where they hardly work at all.

    Counted in real time: a shift across a change of clocks is an hour longer or shorter.
    """
    now = at.astimezone(UTC)
    for _ in range(MOST_SHIFTS):
        until = closes(team, now)
        if until is None:
            opening = opens_next(team, now)
            if opening is None:
                return None
            now = opening.astimezone(UTC)
            continue
        left = until.astimezone(UTC) - now
        if working <= left:
            return now + working
        working -= left
        now += left
    return None


def _shift(team: Hours, local: datetime) -> tuple[datetime, datetime]:
    day = local.date()
    return (
        datetime.combine(day, team.opens_at, tzinfo=team.zone),
        datetime.combine(day, team.closes_at, tzinfo=team.zone),
    )
