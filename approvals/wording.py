"""How money, times and names are written. Pure; the rules are those of the style guide.

Times are absolute, in UTC; the day is named when it isn't today's, the year when it isn't this
year's. Durations read “3 h 12 min”.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from approvals.currencies import DIGITS


def money(amount: int, currency: str) -> str:
    """`amount` in minor units: 124000, "EUR" → “EUR 1,240.00”."""
    return f"{currency} {_decimal(amount, currency, grouping=',')}"


def decimal(amount: int, currency: str) -> str:
    """`amount` in minor units, for files: 124000, "EUR" → “1240.00”."""
    return _decimal(amount, currency)


def _decimal(amount: int, currency: str, grouping: str = "") -> str:
    digits = DIGITS.get(currency, 2)
    whole, minor = divmod(abs(amount), 10**digits)
    sign = "-" if amount < 0 else ""
    tail = f".{minor:0{digits}d}" if digits else ""
    return f"{sign}{whole:{grouping}}{tail}"


class MalformedMoney(ValueError):
    """The message is a sentence for the person who typed it."""


MONEY = re.compile(r"([1-9]\d{0,2}(?:,\d{3})+|\d{1,13})(?:\.(\d+))?", re.ASCII)


def parse_money(text: str, currency: str) -> int:
    """“1,240.00” in EUR → 124000 minor units. Raise `MalformedMoney` for everything doubtful."""
    digits = DIGITS.get(currency, 2)
    typed = text.strip()
    match = MONEY.fullmatch(typed.removeprefix(currency).strip())
    if match is None:
        example = "1,240" + (f".{0:0{digits}d}" if digits else "")
        raise MalformedMoney(f"Enter the amount in {currency} like {example}.")
    minor = match[2] or ""
    if len(minor) > digits or 0 < len(minor) < digits:
        raise MalformedMoney(f"{currency} has {digits} digits after the point.")
    amount = int(match[1].replace(",", "")) * 10**digits + int(minor or 0)
    if amount <= 0:
        raise MalformedMoney("The amount must be more than 0.")
    return amount


def clock(at: datetime, now: datetime) -> str:
    """“09:16 UTC”, “Wed 25 Nov 09:16 UTC” on another day, with the year in another year."""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    if at.date() == now.date():
        return f"{at:%H:%M} UTC"
    year = f" {at.year}" if at.year != now.year else ""
    return f"{at:%a} {at.day} {at:%b}{year} {at:%H:%M} UTC"


def duration(length: timedelta) -> str:
    """“under 1 min”, “28 min”, “3 h 12 min”, “2 d 4 h”."""
    minutes = int(abs(length).total_seconds() // 60)
    if minutes < 1:
        return "under 1 min"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def relative(at: datetime, now: datetime) -> str:
    """“in 4 min”, “3 h 12 min ago”."""
    return f"in {duration(at - now)}" if at >= now else f"{duration(now - at)} ago"


def short_name(name: str) -> str:
    """“Ines Weber” → “I. Weber”. A single word stays."""
    first, _, rest = name.strip().partition(" ")
    return f"{first[0]}. {rest.strip()}" if rest.strip() else first


def listed(words: Sequence[str], *, last: str = "and") -> str:
    """“A”, “A and B”, “A, B and C”."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def shortened(text: str, length: int) -> str:
    """At most `length` characters, with an ellipsis where something is missing.

    Cut at a word, but for a word so long that less than half would be left.
    """
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    at_word = cut.rsplit(" ", 1)[0]
    return (at_word if len(at_word) * 2 >= length else cut).rstrip(" ,.;:") + "…"


def is_storable(text: str) -> bool:
    """Whether the database can keep it: no NUL, and no half of a character (lone surrogate)."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def visible(text: str) -> str:
    """Text of unknown people with its invisible and direction-changing characters taken out."""
    return "".join(
        character
        for character in unicodedata.normalize("NFC", text)
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co")
    )
