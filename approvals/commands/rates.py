"""Loading exchange rates: from a file, all of it or nothing, told by one event."""

import csv
import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from django.db import transaction
from django.utils.dateparse import parse_date

from approvals.commands.policies import SYSTEM
from approvals.currencies import DIGITS
from approvals.models import ExchangeRate
from audit.recorder import Target, record

COLUMNS = ["currency", "base", "rate", "as_of"]
MOST_BYTES = 1_000_000
LARGEST, SMALLEST = Decimal("1e9"), Decimal("1e-9")


class MalformedRates(ValueError):
    """`problems` are sentences, each naming its line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def load_rates(text: str, *, at: datetime) -> int:
    """Load CSV with the columns currency, base, rate, as_of (a day); how many are new.

    One unit of `currency` is worth `rate` units of `base`. Raise `MalformedRates`.
    """
    rows = _read(text, at)
    with transaction.atomic():
        before = ExchangeRate.objects.count()
        ExchangeRate.objects.bulk_create(rows, ignore_conflicts=True)
        new = ExchangeRate.objects.count() - before
        digest = hashlib.sha256(text.encode()).hexdigest()
        record(
            stream="rates",
            action="rates.load",
            actor=SYSTEM,
            target=Target("rates", digest[:16]),
            at=at,
            facts={"rates": len(rows), "new": new, "sha256": digest},
        )
    return new


def _read(text: str, at: datetime) -> list[ExchangeRate]:
    if len(text) > MOST_BYTES:
        raise MalformedRates(["The file is larger than a megabyte."])
    lines = csv.DictReader(io.StringIO(text, newline=""), restkey="more", strict=True)
    try:
        if lines.fieldnames != COLUMNS:
            raise MalformedRates([f"The first line must be {','.join(COLUMNS)}."])
        read = [_row(number, line, at) for number, line in enumerate(lines, start=2)]
    except csv.Error as error:
        raise MalformedRates([f"It is no CSV: {error}."]) from error
    problems = [problem for _, found in read for problem in found]
    if problems or not read:
        raise MalformedRates(problems or ["There are no rates in it."])
    return [rate for rate, _ in read]


def _row(number: int, line: dict, at: datetime) -> tuple[ExchangeRate, list[str]]:
    currency, base = line["currency"] or "", line["base"] or ""
    try:
        rate = Decimal(line["rate"] or "")
    except InvalidOperation:
        rate = Decimal("nan")
    try:
        day = parse_date(line["as_of"] or "")
    except ValueError:
        day = None
    found = ExchangeRate(currency=currency, base=base, rate=rate, as_of=_beginning(day, at))
    return found, [f"Line {number}: {what}" for what in _wrong(found, day, line, at)]


def _wrong(rate: ExchangeRate, day: date | None, line: dict, at: datetime) -> Iterator[str]:
    if {rate.currency, rate.base} - DIGITS.keys() or rate.currency == rate.base:
        yield "it needs two currencies, such as USD and EUR."
    if not SMALLEST <= rate.rate <= LARGEST if rate.rate.is_finite() else True:
        yield "the rate must be a number above 0, such as 0.9134."
    if day is None:
        yield "as_of must be a day, such as 2026-11-24."
    elif rate.as_of > at + timedelta(days=1):
        yield "as_of lies in the future."
    if "more" in line:
        yield "it has too many columns."


def _beginning(day: date | None, at: datetime) -> datetime:
    """A rate holds from the beginning of its day, UTC."""
    return at if day is None else datetime.combine(day, time(), tzinfo=UTC)
