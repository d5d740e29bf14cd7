"""The languages of replies, and how each writes money and days. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from approvals.currencies import DIGITS
from approvals.wording import money

ENGLISH = "en"


@dataclass(frozen=True)
class Language:
    """`day` is given the day, the name of its month, and its year when that needs saying, else ""."""

    name: str
    months: str
    day: Callable[[int, str, str], str]
    grouping: str = ","
    point: str = "."
    shortest_grouped: int = 4  # digits before the point from which groups are separated


LANGUAGES = {
    ENGLISH: Language(
        "English",
        "January February March April May June July August September October November December",
        lambda day, month, year: f"{day} {month} {year}".rstrip(),
    ),
    "de": Language(
        "German",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        lambda day, month, year: f"{day}. {month} {year}".rstrip(),
        grouping=".",
        point=",",
    ),
    "fr": Language(
        "French",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        lambda day, month, year: f"{'1er' if day == 1 else day} {month} {year}".rstrip(),
        grouping="\u202f",
        point=",",
    ),
    "es": Language(
        "Spanish",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        lambda day, month, year: f"{day} de {month}" + (f" de {year}" if year else ""),
        grouping=".",
        point=",",
        shortest_grouped=5,
    ),
}


def money_in(language: str, amount: int, currency: str) -> str:
    """124000, "EUR" → “EUR 1,240.00”, “1.240,00 EUR”: as the Unicode CLDR has it, but with the code
    of the currency, which no two currencies share."""
    if language == ENGLISH:
        return money(amount, currency)
    here = LANGUAGES[language]
    digits = DIGITS.get(currency, 2)
    whole, minor = divmod(amount, 10**digits)
    plain = str(whole)
    grouped = f"{whole:,}".replace(",", here.grouping)
    tail = f"{here.point}{minor:0{digits}d}" if digits else ""
    return f"{grouped if len(plain) >= here.shortest_grouped else plain}{tail}\u00a0{currency}"


def day_in(language: str, day: date, today: date) -> str:
    """“24 November”, “24. November”; with the year where it isn't this one."""
    here = LANGUAGES[language]
    year = "" if day.year == today.year else str(day.year)
    return here.day(day.day, here.months.split()[day.month - 1], year)
