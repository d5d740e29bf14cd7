"""When a webhook is tried next, and when an endpoint is left alone. Pure: randomness is handed in.

The waits are those that the Standard Webhooks specification proposes. `speed` divides every wait,
for demonstrations (1 in production).
"""

from datetime import datetime, timedelta

WAITS_S = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)  # before each try
MOST_TRIES = len(WAITS_S)
JITTER = 0.2
FAILURES_BEFORE_QUIET = 5
FIRST_QUIET_S = 30
LONGEST_QUIET_S = 3600
THROTTLED_S = 60  # when it asks for less and does not say until when
LONGEST_THROTTLE_S = 24 * 3600
GIVEN_UP_AFTER = timedelta(days=5)
OVERLAP = timedelta(hours=24)
LEASE = timedelta(seconds=60)


def next_try(at: datetime, *, tries: int, draw: float, speed: int = 1) -> datetime | None:
    """After `tries` failed tries at `at`; None when that was the last. `draw` in [0, 1)."""
    if tries >= MOST_TRIES:
        return None
    return at + _spread(WAITS_S[tries], draw, speed)


def quiet_until(
    at: datetime,
    *,
    failures: int,
    draw: float,
    speed: int = 1,
    is_throttled: bool = False,
    asked_s: float | None = None,
) -> datetime | None:
    """Until when an endpoint is left alone after so many failures in a row; None: not at all.

    From the fifth on it doubles from 30 s to an hour. One that asks for less is left alone at once,
    for as long as it asks (at most a day).
    """
    waits = []
    if failures >= FAILURES_BEFORE_QUIET:
        doubled = FIRST_QUIET_S * 2 ** min(failures - FAILURES_BEFORE_QUIET, 10)
        waits.append(min(doubled, LONGEST_QUIET_S))
    if is_throttled:
        waits.append(THROTTLED_S if asked_s is None else min(asked_s, LONGEST_THROTTLE_S))
    return at + _spread(max(waits), draw, speed) if waits else None


def is_given_up(failing_since: datetime, at: datetime, *, speed: int = 1) -> bool:
    """Nothing but failures for so long that nobody seems to be there any more."""
    return at - failing_since >= GIVEN_UP_AFTER / speed


def old_secret_until(at: datetime) -> datetime:
    """How long an endpoint's old secret signs beside the new one."""
    return at + OVERLAP


def _spread(seconds: float, draw: float, speed: int) -> timedelta:
    return timedelta(seconds=seconds * (1 + JITTER * draw) / speed)
