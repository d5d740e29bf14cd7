"""When a try or a question comes next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import timing

AT = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)
DRAWS = st.floats(0, 1, exclude_max=True)


def wait(tries: int, draw: float = 0.0, **changes) -> float:
    return (timing.next_try(AT, tries=tries, draw=draw, **changes) - AT).total_seconds()


def question(questions: int, draw: float = 0.0, **changes) -> float:
    return (
        timing.next_question(AT, questions=questions, draw=draw, **changes) - AT
    ).total_seconds()


@pytest.mark.parametrize(
    ("tries", "seconds"), [(0, 30), (1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (50, 3600)]
)
def test_tries_wait_twice_as_long_each_time_up_to_an_hour(tries, seconds):
    assert wait(tries) == seconds


@pytest.mark.parametrize(
    ("questions", "seconds"), [(0, 5), (1, 10), (7, 640), (8, 900), (10_000, 900)]
)
def test_questions_wait_twice_as_long_each_time_up_to_a_quarter_of_an_hour(questions, seconds):
    assert question(questions) == seconds


@given(tries=st.integers(0, 10_000), draw=DRAWS)
def test_a_try_is_spread_by_at_most_a_fifth(tries, draw):
    assert wait(tries) <= wait(tries, draw) <= wait(tries) * 1.2 + 1e-6


@given(questions=st.integers(0, 10_000), draw=DRAWS)
def test_a_question_is_spread_by_at_most_a_fifth(questions, draw):
    assert question(questions) <= question(questions, draw) <= question(questions) * 1.2 + 1e-6


@given(tries=st.integers(0, 60), draw=DRAWS, asked=st.floats(0, 24 * 3600))
def test_a_try_is_never_before_what_the_provider_asked_for(tries, draw, asked):
    assert wait(tries, draw, not_before_s=asked) >= asked - 1e-6


@given(questions=st.integers(0, 60), draw=DRAWS, asked=st.floats(0, 24 * 3600))
def test_a_question_is_never_before_what_the_provider_asked_for(questions, draw, asked):
    assert question(questions, draw, not_before_s=asked) >= asked - 1e-6


@pytest.mark.parametrize("asked", [10**9, float("inf")])
def test_a_provider_can_hold_us_off_for_a_day_at_most(asked):
    assert wait(1, not_before_s=asked) == question(1, not_before_s=asked) == 24 * 3600


def test_a_short_wish_of_the_provider_does_not_make_us_hurry():
    assert wait(3, not_before_s=1) == 120


@given(tries=st.integers(0, 60), speed=st.integers(1, 100))
def test_speed_divides_every_wait(tries, speed):
    assert wait(tries, speed=speed) == pytest.approx(wait(tries) / speed, abs=1e-5)


def test_no_trace_counts_once_nothing_can_still_arrive():
    assert timing.absence_counts_from(AT) == AT + timedelta(seconds=30)


def test_the_quiet_time_is_longer_than_any_call_can_take(settings):
    """A call that is cut off at its time limit must be over before absence counts."""
    assert settings.STRIPE_TIMEOUT_S < timing.QUIET_S
    assert settings.ACCOUNT_SERVICE_TIMEOUT_S < timing.QUIET_S


def test_a_call_is_over_before_its_lease(settings):
    assert max(settings.STRIPE_TIMEOUT_S, settings.ACCOUNT_SERVICE_TIMEOUT_S) < (
        timing.LEASE.total_seconds()
    )


@pytest.mark.parametrize(
    ("age", "inside"),
    [
        (timedelta(0), True),
        (timedelta(hours=22, minutes=59), True),
        (timedelta(hours=23), False),
        (timedelta(days=9), False),
    ],
)
def test_a_key_is_good_for_less_than_the_day_it_is_kept(age, inside):
    """T2.4."""
    assert timing.is_inside_key_window(AT - age, AT) is inside


def test_a_key_that_was_never_sent_is_good():
    assert timing.is_inside_key_window(None, AT)
