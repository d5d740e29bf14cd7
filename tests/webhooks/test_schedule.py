"""When a webhook is tried next, as a table."""

from datetime import timedelta

import pytest

from webhooks import schedule

WAITS = ["0s", "5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h"]
SECONDS = {"s": 1, "m": 60, "h": 3600}


@pytest.mark.parametrize(("tries", "wait"), list(enumerate(WAITS)))
@pytest.mark.parametrize("draw", [0, 0.5, 0.999])
def test_waits_are_those_of_the_specification_and_up_to_a_fifth_longer(now, tries, wait, draw):
    seconds = int(wait[:-1]) * SECONDS[wait[-1]]
    found = (schedule.next_try(now, tries=tries, draw=draw) - now).total_seconds()
    assert seconds * 1 <= found <= seconds * 1.2
    assert (found > seconds) == (draw > 0 and seconds > 0)


def test_after_ten_tries_there_is_none(now):
    assert schedule.next_try(now, tries=10, draw=0) is None


def test_speed_divides_every_wait(now):
    assert schedule.next_try(now, tries=2, draw=0, speed=50) == now + timedelta(seconds=6)
    assert schedule.quiet_until(now, failures=5, draw=0, speed=30) == now + timedelta(seconds=1)
    assert schedule.is_given_up(now, now + timedelta(days=1), speed=5)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(4, None), (5, 30), (6, 60), (7, 120), (12, 3600), (5000, 3600)]
)
def test_many_failures_in_a_row_leave_an_endpoint_alone(now, failures, seconds):
    until = schedule.quiet_until(now, failures=failures, draw=0)
    assert until == (now + timedelta(seconds=seconds) if seconds else None)


@pytest.mark.parametrize(
    ("asked", "seconds"), [(None, 60), (0, 0), (7, 7), (90_000, 86_400), (1e9, 86_400)]
)
def test_who_asks_for_less_is_left_alone_at_once(now, asked, seconds):
    until = schedule.quiet_until(now, failures=1, draw=0, is_throttled=True, asked_s=asked)
    assert until == now + timedelta(seconds=seconds)


def test_five_days_of_failures_are_enough(now):
    assert not schedule.is_given_up(now, now + timedelta(days=4, hours=23))
    assert schedule.is_given_up(now, now + timedelta(days=5))
