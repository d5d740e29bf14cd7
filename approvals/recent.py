"""What was asked for lately: counts and sums over a customer, a requester or their teams.

What was rejected, withdrawn or expired does not count. Whoever asks counts under a lock, so that ten
requests at the same moment do not each see nine fewer.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Q, Sum

from accounts.models import Membership
from approvals import finding
from approvals.models import ApprovalRequest, State
from approvals.models.search import BETWEEN
from approvals.routing import Sums, Window

NOT_COUNTED = (State.REJECTED, State.WITHDRAWN, State.EXPIRED)


@dataclass(frozen=True)
class Asked:
    """Who asks for what. `team_ids`: the teams that the requester is in."""

    kind: str
    amount: int | None
    currency: str
    customer: str
    person_key: uuid.UUID
    team_ids: tuple[int, ...]
    item_id: int | None = None  # of a request that is asked anew, and not counted twice


def lock(windows: Iterable[Window], asked: Asked) -> None:
    """Until the transaction ends nobody else counts the same."""
    names = {f"{of} {whose}" for of, _ in windows for whose in _whose(of, asked)}
    with connection.cursor() as cursor:
        for name in sorted(names):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [name])


def sums(windows: Iterable[Window], asked: Asked, *, at: datetime) -> Mapping[Window, Sums]:
    """By window, what was asked for in it, this request with it."""
    return {window: _sum(window, asked, at) for window in windows}


def _sum(window: Window, asked: Asked, at: datetime) -> Sums:
    of, seconds = window
    rows = ApprovalRequest.objects.filter(
        _condition(of, asked),
        kind=asked.kind,
        created_at__gt=at - timedelta(seconds=seconds),
        created_at__lte=at,
    ).exclude(state__in=NOT_COUNTED)
    if asked.item_id is not None:
        rows = rows.exclude(pk=asked.item_id)
    found = rows.aggregate(
        count=Count("pk"), total=Sum("amount", filter=Q(currency=asked.currency))
    )
    return Sums(count=found["count"] + 1, total=(found["total"] or 0) + (asked.amount or 0))


def _condition(of: str, asked: Asked) -> Q:
    if of == "customer":
        return finding.of_customer(asked.customer)
    mine = Q(requester_key=asked.person_key)
    if of == "requester":
        return mine
    members = Membership.objects.filter(group__in=asked.team_ids)
    return mine | Q(requested_by__in=members.values("user"))


def _whose(of: str, asked: Asked) -> list[str]:
    if of == "customer":
        return ["".join(letter for letter in asked.customer.lower() if letter not in BETWEEN)]
    if of == "requester":
        return [str(asked.person_key)]
    return [str(asked.person_key), *map(str, asked.team_ids)]
