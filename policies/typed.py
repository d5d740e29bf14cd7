"""Times and amounts as people type them on a form, and as a table holds them. Pure."""

import re

from approvals.currencies import DIGITS
from approvals.policy_table import DURATION, LONGEST_WAIT_S
from approvals.routing import seconds
from approvals.wording import money

MOST = 2**53 - 1  # minor units, and whatever else a table counts
TIME = re.compile(r"(\d{1,8})\s*([a-z]+)", re.ASCII)
AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,16})(?:\.(\d+))?", re.ASCII)
UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
}


class Mistyped(ValueError):
    """The message is a sentence for who typed it."""


def time(text: str) -> str:
    """“4 hours” → “4 h”; what a table may hold stays as it is. Raise `Mistyped`."""
    found = text if DURATION.fullmatch(text) else _in_short(text)
    if len(found.split(" ")[0]) > 8 or seconds(found) > LONGEST_WAIT_S:
        raise Mistyped("Write a time of at most 90 days.")
    return found


def _in_short(text: str) -> str:
    match = TIME.fullmatch(text.strip().lower())
    if match is None or match[2] not in UNITS:
        raise Mistyped("Write a time such as 30 s, 20 min, 4 h or 2 d.")
    return f"{match[1]} {UNITS[match[2]]}"


def minor_units(text: str, currency: str) -> int:
    """“1,240.00” in EUR → 124000. Raise `Mistyped` for everything doubtful."""
    digits = DIGITS.get(currency, 2)
    match = AMOUNT.fullmatch(text.strip().removeprefix(currency).strip())
    if match is None:
        raise Mistyped(
            f"Write the amount in {currency} such as {shown(124 * 10**digits, currency)}."
        )
    minor = match[2] or ""
    if minor and len(minor) != digits:
        raise Mistyped(f"{currency} has {digits or 'no'} digits after the point.")
    amount = int(match[1].replace(",", "")) * 10**digits + int(minor or 0)
    if amount > MOST:
        raise Mistyped(f"Write an amount of at most {money(MOST, currency)}.")
    return amount


def shown(amount: int | None, currency: str) -> str:
    """What `minor_units` reads back to the same amount."""
    return "" if amount is None else money(amount, currency).removeprefix(currency).strip()
