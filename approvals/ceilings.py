"""What a team, or one member for it, may approve within 24 hours: a brake, asked when they approve.

It makes nobody an approver and takes nobody's right: whoever is above it waits, or somebody else decides.
Amounts in other currencies count at fresh rates; without one nothing is approved under the ceiling.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from accounts.access import Access, Covered
from accounts.models import Ceiling
from approvals.models import ApprovalRequest, Choice, Decision, Step
from approvals.rates import fresh_rates, worth
from approvals.wording import money, visible

PERIOD = timedelta(hours=24)


@dataclass(frozen=True)
class Ceilings:
    """Those of some teams, and the sums under them without one request; each is read once."""

    found: list[Ceiling]
    sums: dict[tuple[int, UUID | None], dict[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, teams: Iterable[int], *, lock: bool = False) -> "Ceilings":
        """`lock`: until the transaction ends nobody else approves under the same."""
        rows = Ceiling.objects.filter(team__in=list(teams)).select_related("team")
        if lock:
            rows = rows.select_for_update(of=("self",), no_key=True)
        return cls(list(rows.order_by("pk")))

    def reached_by(
        self, item: ApprovalRequest, step: Step, seat: Access | Covered, *, at: datetime
    ) -> str:
        """Why an approval from this seat would be too much now, as a sentence; "" when it isn't."""
        if item.amount is None:
            return ""
        teams = {team for team in step.team_ids if team in seat.teams} or set(step.team_ids)
        for ceiling in self.found:
            if ceiling.team_id in teams and ceiling.user_id in (None, seat.user_id):
                sentence = _reached(ceiling, item, seat, self._sums(ceiling, item, seat, at), at)
                if sentence:
                    return sentence
        return ""

    def _sums(
        self, ceiling: Ceiling, item: ApprovalRequest, seat: Access | Covered, at: datetime
    ) -> dict[str, int]:
        under = (ceiling.pk, seat.person_key if ceiling.user_id is not None else None)
        if under not in self.sums:
            self.sums[under] = _approved(ceiling, item, seat, at)
        return self.sums[under]


def _reached(
    ceiling: Ceiling,
    item: ApprovalRequest,
    seat: Access | Covered,
    approved: Mapping[str, int],
    at: datetime,
) -> str:
    sums = dict(approved)
    sums[item.currency] = sums.get(item.currency, 0) + item.amount
    total = _together(sums, ceiling.currency, at)
    most, who = money(ceiling.amount, ceiling.currency), _name(ceiling, seat)
    if total is None:
        return (
            f"{who} may approve up to {most} in 24 hours, and there is no fresh exchange rate "
            "to count with."
        )
    if total <= ceiling.amount:
        return ""
    so_far = money(max(0, total - _of_item(item, ceiling, at)), ceiling.currency)
    return (
        f"{who} may approve up to {most} in 24 hours, and {so_far} are approved already: "
        f"{item.ref} would be more than that."
    )


def _name(ceiling: Ceiling, seat: Access | Covered) -> str:
    return visible(seat.name if ceiling.user_id is not None else ceiling.team.name)


def _of_item(item: ApprovalRequest, ceiling: Ceiling, at: datetime) -> int:
    return _together({item.currency: item.amount}, ceiling.currency, at) or 0


def _approved(
    ceiling: Ceiling, item: ApprovalRequest, seat: Access | Covered, at: datetime
) -> dict[str, int]:
    """By currency, what was approved under it lately, each request once and without this one."""
    others = ApprovalRequest.objects.filter(
        pk__in=_decisions(ceiling, seat, at).values("item"), amount__isnull=False
    ).exclude(pk=item.pk)
    sums = others.order_by().values("currency").annotate(total=Sum("amount"))
    return dict(sums.values_list("currency", "total"))


def _decisions(ceiling: Ceiling, seat: Access | Covered, at: datetime) -> QuerySet[Decision]:
    steps = Step.objects.filter(
        Q(team=ceiling.team_id) | Q(also_ids__contains=[ceiling.team_id]),
        item=OuterRef("item"),
        revision=OuterRef("revision"),
        number=OuterRef("step"),
    )
    found = Decision.objects.filter(
        Exists(steps),
        choice=Choice.APPROVE,
        voided_at=None,
        decided_at__gt=at - PERIOD,
        decided_at__lte=at,
    )
    return found.filter(voice=seat.person_key) if ceiling.user_id is not None else found


def _together(sums: Mapping[str, int], currency: str, at: datetime) -> int | None:
    """In one currency, rounded up; None where a fresh rate is missing."""
    total = sums.get(currency, 0)
    for other in _others(sums, currency):
        rate = fresh_rates(other, [currency], at=at).get(currency)
        if rate is None:
            return None
        total += worth(sums[other], other, currency, rate)
    return total


def _others(sums: Mapping[str, int], currency: str) -> Iterable[str]:
    return sorted(other for other in sums if other != currency)
