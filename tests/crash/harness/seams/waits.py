"""Shorter waits, in the proportions of the product's own: lease 60, quiet 30, provider 10 seconds."""

from datetime import timedelta

LEASE_S = 9
QUIET_S = 4.5
PROVIDER_TIMEOUT_S = 1.5
SPEED = 60  # DEMO_SPEED: divides the waits between tries and questions


def shorten() -> None:
    from approvals import sweeping, timing

    timing.LEASE = timedelta(seconds=LEASE_S)
    timing.QUIET_S = QUIET_S * SPEED
    sweeping.GRACE = timedelta(seconds=3)
