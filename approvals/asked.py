"""The facts by which a policy's rule is chosen, and how they are kept beside the request."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from approvals import rates, recent, routing
from approvals.recent import Asked
from approvals.routing import Facts, Rule, Sums


def facts(
    asked: Asked, *, teams: frozenset[str], origin: str, rules: Sequence[Rule], at: datetime
) -> Facts:
    """All that these rules may look at. `teams`: names of those that the requester is in."""
    return Facts(
        kind=asked.kind,
        amount=asked.amount,
        currency=asked.currency,
        requester_teams=teams,
        origin=origin,
        values=rates.values_of(
            asked.amount, asked.currency, wanted=routing.value_currencies(rules), at=at
        ),
        recent=recent.sums(routing.windows(rules), asked, at=at),
    )


def kept(found: Facts) -> dict[str, Any]:
    """What a request keeps of them that its other columns don't say, in plain JSON."""
    return {
        "teams": sorted(found.requester_teams),
        "values": dict(found.values),
        "recent": [
            {"of": of, "within_s": seconds, "count": sums.count, "total": sums.total}
            for (of, seconds), sums in sorted(found.recent.items())
        ],
    }


def facts_of(item: Any) -> Facts:
    """The facts that the rule of this request was chosen by; an old one has not kept all of them."""
    said: Mapping[str, Any] = item.routed_by
    return Facts(
        kind=item.kind,
        amount=item.amount,
        currency=item.currency,
        requester_teams=frozenset(said.get("teams", ())),
        origin=item.origin,
        values=said.get("values", {}),
        recent={
            (row["of"], row["within_s"]): Sums(row["count"], row["total"])
            for row in said.get("recent", ())
        },
    )
