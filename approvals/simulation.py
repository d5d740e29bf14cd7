"""What other rules would have asked of requests that were made in a period. Changes nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from accounts.models import Membership
from approvals.models import ApprovalRequest, Policy
from approvals.routing import Facts, Rule, route

MOST = 20_000
MOST_SHOWN = 100

Approvals = list[tuple[str, int]]


@dataclass(frozen=True)
class Difference:
    """`would_be` is the name of the rule, None where no rule speaks of the request."""

    ref: str
    was: str
    would_be: str | None


@dataclass
class Simulation:
    """How many requests were looked at, and how many would have been treated in which way."""

    requests: int = 0
    counts: Counter = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    is_cut: bool = False


def simulate(
    policy: Policy, rules: Sequence[Rule], *, since: datetime, until: datetime
) -> Simulation:
    """Route every request of the policy's queues from `since` up to `until` by `rules`.

    Requesters count with the teams that they are in now. At most `MOST` requests are read.
    """
    result = Simulation()
    for item, facts in _asked(policy, since, until):
        if result.requests == MOST:
            result.is_cut = True
            break
        result.requests += 1
        rule = route(rules, facts)
        way = _way(_asked_for(item), rule)
        result.counts[way] += 1
        if way != "same" and len(result.differences) < MOST_SHOWN:
            name = rule.name if rule else None
            result.differences.append(Difference(item.ref, item.policy_rule, name))
    return result


def _asked(
    policy: Policy, since: datetime, until: datetime
) -> Iterator[tuple[ApprovalRequest, Facts]]:
    found = (
        ApprovalRequest.objects.filter(
            queue__policy=policy, created_at__gte=since, created_at__lt=until
        )
        .order_by("created_at", "id")
        .prefetch_related("all_steps__team")[: MOST + 1]
    )
    teams: dict[int, frozenset[str]] = {}
    for item in found.iterator(chunk_size=1000):
        if item.requested_by_id not in teams:
            teams[item.requested_by_id] = _teams_of(item.requested_by_id)
        yield (
            item,
            Facts(
                kind=item.kind,
                amount=item.amount,
                currency=item.currency,
                requester_teams=teams[item.requested_by_id],
                origin=item.origin,
            ),
        )


def _teams_of(user_id: int) -> frozenset[str]:
    names = Membership.objects.filter(user=user_id).values_list("group__name", flat=True)
    return frozenset(names)


def _asked_for(item: ApprovalRequest) -> Approvals:
    return [(step.team.name, step.quorum) for step in item.steps]


def _way(was: Approvals, rule: Rule | None) -> str:
    """same, uncovered, more_approvals, fewer_approvals or other_teams."""
    if rule is None:
        return "uncovered"
    would_be = [(step.team, step.quorum) for step in rule.steps]
    if would_be == was:
        return "same"
    before, after = (sum(quorum for _, quorum in steps) for steps in (was, would_be))
    if after == before:
        return "other_teams"
    return "more_approvals" if after > before else "fewer_approvals"
