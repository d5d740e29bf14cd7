"""The reader's own time beside UTC: what it shows where clocks change and where a year ends."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from approvals.templatetags.wording import when

ATHENS = {"zone": ZoneInfo("Europe/Athens"), "city": "Athens"}
LONDON = {"zone": ZoneInfo("Europe/London"), "city": "London"}


def written(now: datetime, at: datetime, frame: dict) -> str:
    return str(when({"clock": {"at": now, **frame}}, at)).replace("</time>", "").split(">", 1)[1]


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (datetime(2027, 3, 28, 0, 59, tzinfo=UTC), "00:59 UTC (02:59 Athens)"),
        (datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "01:00 UTC (04:00 Athens)"),
    ],
)
def test_a_time_beyond_the_change_of_clocks_is_in_the_offset_of_its_own_moment(at, shown):
    now = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
    assert written(now, at, ATHENS).startswith(shown)


def test_a_zone_that_equals_utc_is_shown_from_the_change_of_clocks_on():
    now = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
    assert "London" not in written(now, datetime(2027, 3, 28, 0, 59, tzinfo=UTC), LONDON)
    after = written(now, datetime(2027, 3, 28, 1, 0, tzinfo=UTC), LONDON)
    assert after.startswith("01:00 UTC (02:00 London)")


def test_next_year_is_named_though_it_is_already_there_for_the_reader():
    now = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert written(now, datetime(2026, 12, 31, 23, 50, tzinfo=UTC), ATHENS).startswith(
        "23:50 UTC (Fri 01:50 Athens), "
    )
    later = written(now, datetime(2027, 1, 1, 0, 10, tzinfo=UTC), ATHENS)
    assert later.startswith("Fri 1 Jan 2027 00:10 UTC (02:10 Athens)")


def test_the_day_is_named_where_it_is_another_one_for_the_reader():
    now = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)
    denver = {"zone": ZoneInfo("America/Denver"), "city": "Denver"}
    early = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
    assert written(now, early, denver).startswith("Wed 25 Nov 02:00 UTC (Tue 19:00 Denver)")
    assert written(now, early, ATHENS).startswith("Wed 25 Nov 02:00 UTC (04:00 Athens)")
