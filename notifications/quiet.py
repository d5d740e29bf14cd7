"""When a person may be written to. Pure: zones, daylight saving, no clock of its own."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DIGEST_AT = time(8)
DIGEST_UNTIL = time(12)  # a summary of the morning that could not be written by noon is not written


def next_allowed(
    at: datetime, zone: ZoneInfo, quiet_from: time | None, quiet_until: time | None
) -> datetime:
    """`at`, or the end of the quiet hours that it falls into. Hours are local to `zone`.

    From 18:00 until 08:00 goes over midnight; from 12:00 until 13:00 does not.
    """
    if quiet_from is None or quiet_until is None:
        return at
    local = at.astimezone(zone)
    if not _is_between(local.time(), quiet_from, quiet_until):
        return at
    ends = datetime.combine(local.date(), quiet_until, tzinfo=zone)
    if local.time() >= quiet_until:
        ends = datetime.combine(local.date() + timedelta(days=1), quiet_until, tzinfo=zone)
    return ends


def _is_between(moment: time, begins: time, ends: time) -> bool:
    if begins < ends:
        return begins <= moment < ends
    return moment >= begins or moment < ends


def digest_day(at: datetime, zone: ZoneInfo) -> date | None:
    """The day whose summary is to be written at `at`; None before 08:00 and after 12:00 there."""
    local = at.astimezone(zone)
    return local.date() if DIGEST_AT <= local.time() < DIGEST_UNTIL else None
