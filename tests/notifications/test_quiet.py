"""Quiet hours and mornings, where the person lives."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from notifications.quiet import digest_day, next_allowed

ATHENS, BERLIN = ZoneInfo("Europe/Athens"), ZoneInfo("Europe/Berlin")
NIGHT = time(18), time(8)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_without_quiet_hours_nothing_waits():
    assert next_allowed(utc(2026, 11, 24, 23), ATHENS, None, None) == utc(2026, 11, 24, 23)


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        (utc(2026, 11, 24, 9, 12), utc(2026, 11, 24, 9, 12)),  # 11:12 in Athens
        (utc(2026, 11, 24, 16), utc(2026, 11, 25, 6)),  # 18:00 begins the quiet
        (utc(2026, 11, 24, 15, 59), utc(2026, 11, 24, 15, 59)),
        (utc(2026, 11, 24, 3), utc(2026, 11, 24, 6)),  # 05:00, after midnight
        (utc(2026, 11, 24, 6), utc(2026, 11, 24, 6)),  # 08:00 ends it
    ],
)
def test_a_quiet_night_goes_over_midnight(at, allowed):
    assert next_allowed(at, ATHENS, *NIGHT) == allowed


def test_a_quiet_noon_does_not():
    noon = time(12), time(13)
    assert next_allowed(utc(2026, 11, 24, 11, 30), BERLIN, *noon) == utc(2026, 11, 24, 12)
    assert next_allowed(utc(2026, 11, 24, 12), BERLIN, *noon) == utc(2026, 11, 24, 12)


def test_the_end_of_a_quiet_night_follows_daylight_saving():
    """On 28 March 2027 clocks go forward: 08:00 in Berlin is 06:00 UTC and not 07:00."""
    assert next_allowed(utc(2027, 3, 27, 22), BERLIN, *NIGHT) == utc(2027, 3, 28, 6)
    assert next_allowed(utc(2027, 3, 26, 22), BERLIN, *NIGHT) == utc(2027, 3, 27, 7)


def test_a_summary_is_of_the_local_morning():
    assert digest_day(utc(2026, 11, 24, 5, 59), ATHENS) is None
    assert digest_day(utc(2026, 11, 24, 6), ATHENS) == date(2026, 11, 24)
    assert digest_day(utc(2026, 11, 24, 10), ATHENS) is None  # noon there: too late for a morning
    assert digest_day(utc(2026, 11, 23, 19, 30), ZoneInfo("Asia/Tokyo")) is None
    assert digest_day(utc(2026, 11, 23, 23, 30), ZoneInfo("Asia/Tokyo")) == date(2026, 11, 24)
