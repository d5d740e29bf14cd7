"""When a try or a question comes next. Pure: no clock, no database; randomness is handed in.

Waits are in seconds. `speed` divides every wait, for demonstrations (1 in production).
"""

from datetime import datetime, timedelta

FIRST_WAIT_S = 30
LONGEST_WAIT_S = 3600
FIRST_QUESTION_S = 5
LONGEST_QUESTION_S = 900
LONGEST_HOLD_OFF_S = 24 * 3600  # that a provider can ask for
# A question that finds nothing proves absence only when no answer can still be on its way.
QUIET_S = 30
# Stripe keeps idempotency keys for at least 24 h; after that the same key executes again.
KEY_WINDOW = timedelta(hours=23)
LEASE = timedelta(seconds=60)
JITTER = 0.2
# Some providers fail later what they confirmed: when it is looked at again after it was done.
CHECKS_AFTER = (timedelta(hours=1), *(timedelta(days=days) for days in (1, 3, 7, 14)))
# What is accepted and not finished is nobody's trouble for a day.
PENDING_WARN = timedelta(days=1)
FIRST_PAUSE_S = 30
LONGEST_PAUSE_S = 900


def next_try(
    at: datetime, *, tries: int, draw: float, speed: int = 1, not_before_s: float | None = None
) -> datetime:
    """After `tries` failed tries at `at`. `draw` in [0, 1) spreads tries of one outage apart.

    Doubles from 30 s to an hour, up to 20 % longer; never before the provider's own Retry-After.
    """
    wait = min(FIRST_WAIT_S * 2 ** max(tries - 1, 0), LONGEST_WAIT_S) * (1 + JITTER * draw)
    if not_before_s is not None:
        wait = max(wait, min(not_before_s, LONGEST_HOLD_OFF_S) * (1 + JITTER * draw))
    return at + timedelta(seconds=wait / speed)


def next_question(
    at: datetime, *, questions: int, draw: float, speed: int = 1, not_before_s: float | None = None
) -> datetime:
    """After `questions` questions without an answer that settles it.

    Doubles from 5 s to a quarter of an hour, up to 20 % longer; never before the provider's own
    Retry-After.
    """
    wait = min(FIRST_QUESTION_S * 2**questions, LONGEST_QUESTION_S) * (1 + JITTER * draw)
    if not_before_s is not None:
        wait = max(wait, min(not_before_s, LONGEST_HOLD_OFF_S) * (1 + JITTER * draw))
    return at + timedelta(seconds=wait / speed)


def absence_counts_from(sent_at: datetime, *, speed: int = 1) -> datetime:
    """From when on “no trace” means that nothing happened and nothing still will."""
    return sent_at + timedelta(seconds=QUIET_S / speed)


def is_inside_key_window(first_sent_at: datetime | None, at: datetime) -> bool:
    """Whether the provider still recognises a repeat by its key."""
    return first_sent_at is None or at - first_sent_at < KEY_WINDOW


def may_still_send(since_claim: timedelta) -> bool:
    """Whether a worker may still make its call so long after its claim: a paused machine or a slow
    COMMIT may have held it up. A call takes less than half of the lease, and must end within it."""
    return since_claim <= LEASE / 3


def latest_sending(lease_until: datetime) -> datetime:
    """The last moment at which a worker with this lease can have sent anything: it may start its
    call within a third of the lease, and no call may take longer than 25 s (config/env.py)."""
    return lease_until - LEASE / 4


def next_check(done_at: datetime, at: datetime) -> datetime | None:
    """When to look again whether what is done still stands; None when that has been long enough."""
    return next((done_at + after for after in CHECKS_AFTER if done_at + after > at), None)


def next_probe(at: datetime, *, probes: int, draw: float, speed: int = 1) -> datetime:
    """When a paused system is asked whether it answers again, after `probes` without an answer."""
    wait = min(FIRST_PAUSE_S * 2**probes, LONGEST_PAUSE_S) * (1 + JITTER * draw)
    return at + timedelta(seconds=wait / speed)
