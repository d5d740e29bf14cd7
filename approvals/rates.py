"""What an amount is worth in another currency, by the newest rate that is still fresh."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from approvals.currencies import DIGITS
from approvals.models import ExchangeRate

FRESH = timedelta(days=5)  # over Easter no rates are published for four


def values_of(
    amount: int | None, currency: str, *, wanted: Iterable[str], at: datetime
) -> dict[str, int]:
    """By currency, in its minor units, rounded up; without those that no fresh rate leads to."""
    if amount is None:
        return {}
    found = {currency: amount} if currency in wanted else {}
    others = {base for base in wanted if base != currency}
    if others:
        for base, rate in fresh_rates(currency, others, at=at).items():
            found[base] = worth(amount, currency, base, rate)
    return found


def fresh_rates(currency: str, bases: Iterable[str], *, at: datetime) -> dict[str, Decimal]:
    """By base, the newest rate of `currency` that is not older than `FRESH`."""
    rows = ExchangeRate.objects.filter(
        currency=currency, base__in=list(bases), as_of__gt=at - FRESH, as_of__lte=at
    ).order_by("as_of")
    return dict(rows.values_list("base", "rate"))


def worth(amount: int, currency: str, base: str, rate: Decimal) -> int:
    """`amount` in minor units of `currency`, as minor units of `base`, rounded up."""
    shift = DIGITS.get(base, 2) - DIGITS.get(currency, 2)
    return int((amount * rate).scaleb(shift).to_integral_value(ROUND_CEILING))
