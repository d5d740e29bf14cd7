"""What other rules would have asked of requests that were made in a period. Changes nothing.

Requests are streamed in the order in which they were made, as columns and not as objects, so that a
million takes a minute or two and memory does not grow with them. What a rule counts over the past is
counted from the stream itself. What cannot be known of the past is taken as it is today, and said so:
who is in which team (for requests from before that was kept), rights, limits and exchange rates.
"""

import uuid
from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.models import Membership
from approvals import rates, reach, routing
from approvals.deciders import candidates
from approvals.models import ApprovalRequest, Policy, Step
from approvals.models.search import BETWEEN
from approvals.recent import NOT_COUNTED
from approvals.routing import Facts, Rule, Sums, Window

WAYS = ("same", "more_approvals", "fewer_approvals", "other_teams", "uncovered")
MOST_SHOWN = 100
AT_ONCE = 5000
TOLD_EVERY = 20_000


class Asked(NamedTuple):
    """The columns of a request that are read."""

    pk: int
    ref: str
    kind: str
    queue_id: int
    amount: int | None
    currency: str
    origin: str
    requester_key: uuid.UUID
    requested_by_id: int
    customer: str
    created_at: datetime
    state: str
    policy_version_id: int
    policy_rule: str
    teams: list[str] | None


@dataclass(frozen=True)
class Difference:
    """`would_be` is the name of the rule, None where no rule speaks of the request."""

    ref: str
    was: str
    would_be: str | None
    way: str = ""
    amount: int | None = None
    currency: str = ""
    nobody: bool = False


@dataclass
class Simulation:
    """How many requests were looked at, and how many would have been treated in which way.

    `amounts`: by way and currency, in minor units. `rules`: by old and new rule. `nobody`: how many
    could be approved by nobody as things stand today. `waiting_s`: by team the median of how long its
    steps took in the period, `added_s` what all requests together would have waited longer by that.
    """

    requests: int = 0
    counts: Counter = field(default_factory=Counter)
    amounts: Counter = field(default_factory=Counter)
    rules: Counter = field(default_factory=Counter)
    nobody: int = 0
    waiting_s: dict[str, float] = field(default_factory=dict)
    added_s: float = 0.0
    differences: list[Difference] = field(default_factory=list)
    is_cut: bool = False


Told = Callable[[Difference], None]


def simulate(
    policy: Policy,
    rules: Sequence[Rule],
    *,
    since: datetime,
    until: datetime,
    most: int | None = None,
    tell: Told | None = None,
    progress: Callable[[int], None] | None = None,
) -> Simulation:
    """Route every request of the policy's queues from `since` up to `until` by `rules`.

    `most`: stop after so many. `tell` hears every request that would be treated otherwise, or could be
    approved by nobody; the first `MOST_SHOWN` are in the result anyway. `progress`: how many so far.
    """
    result = Simulation(waiting_s=_waiting_times(policy, since, until))
    old = {version.pk: {r.name: r for r in version.rules} for version in policy.versions.all()}
    route, past = _Router(rules), _Past(rules)
    able = _Able(rules)
    earliest = since - timedelta(seconds=max((s for _, s in routing.windows(rules)), default=0))
    for asked in _stream(policy, earliest, until):
        sums = past.with_this(asked)
        if asked.created_at < since:
            continue
        if result.requests == most:
            result.is_cut = True
            break
        result.requests += 1
        rule = route.of(asked, sums)
        was = old[asked.policy_version_id].get(asked.policy_rule)
        _count(result, asked, was, rule, able, tell)
        if progress is not None and result.requests % TOLD_EVERY == 0:
            progress(result.requests)
    return result


def _count(
    result: Simulation,
    asked: Asked,
    was: Rule | None,
    rule: Rule | None,
    able: "_Able",
    tell: Told | None,
) -> None:
    way = way_of(was, rule)
    result.counts[way] += 1
    if asked.amount is not None:
        result.amounts[way, asked.currency] += asked.amount
    if way != "same":
        result.rules[asked.policy_rule, rule.name if rule else ""] += 1
        if was and rule:
            result.added_s += _wait(rule, result.waiting_s) - _wait(was, result.waiting_s)
    nobody = rule is not None and not able.to_close(rule, asked)
    result.nobody += nobody
    if way == "same" and not nobody:
        return
    name = rule.name if rule else None
    found = Difference(
        asked.ref, asked.policy_rule, name, way, asked.amount, asked.currency, nobody
    )
    if way != "same" and len(result.differences) < MOST_SHOWN:
        result.differences.append(found)
    if tell is not None:
        tell(found)


def way_of(was: Rule | None, rule: Rule | None) -> str:
    """One of `WAYS`: what another rule makes of a request's approvals."""
    if rule is None:
        return "uncovered"
    before = [(step.team, step.quorum) for step in was.steps] if was else []
    after = [(step.team, step.quorum) for step in rule.steps]
    if before == after:
        return "same"
    given, wanted = (sum(quorum for _, quorum in steps) for steps in (before, after))
    if given == wanted:
        return "other_teams"
    return "more_approvals" if wanted > given else "fewer_approvals"


# --- Reading --------------------------------------------------------------------------------------


def _stream(policy: Policy, since: datetime, until: datetime) -> Iterator[Asked]:
    """In the order in which they were made; constant memory."""
    teams = _teams_today()
    found = (
        ApprovalRequest.objects.filter(
            queue__policy=policy, created_at__gte=since, created_at__lt=until
        )
        .order_by("created_at", "id")
        .values_list(*Asked._fields[:-1], "routed_by__teams")
    )
    for row in found.iterator(chunk_size=AT_ONCE):
        asked = Asked(*row)
        if asked.teams is None:
            asked = asked._replace(teams=teams.get(asked.requested_by_id, []))
        yield asked


def _teams_today() -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for user, name in Membership.objects.values_list("user", "group__name"):
        found[user].append(name)
    return found


def _waiting_times(policy: Policy, since: datetime, until: datetime) -> dict[str, float]:
    """By team, the median of the seconds that its steps stood open in the period."""
    closed = Step.objects.filter(
        item__queue__policy=policy, closed_at__gte=since, closed_at__lt=until
    ).values_list("team", "opened_at", "closed_at")
    took: dict[int, list[float]] = defaultdict(list)
    for team, opened_at, closed_at in closed.iterator(chunk_size=AT_ONCE):
        took[team].append((closed_at - opened_at).total_seconds())
    names = dict(Group.objects.filter(pk__in=took).values_list("pk", "name"))
    return {names[team]: median(seconds) for team, seconds in took.items()}


def _wait(rule: Rule, waiting_s: Mapping[str, float]) -> float:
    """What its steps take one after the other; of those that open together the longest."""
    stages: list[float] = []
    for step in rule.steps:
        seconds = waiting_s.get(step.team, 0.0)
        if step.with_previous and stages:
            stages[-1] = max(stages[-1], seconds)
        else:
            stages.append(seconds)
    return sum(stages)


# --- Routing --------------------------------------------------------------------------------------


class _Router:
    """The same as `routing.route`, with the rules of each kind sorted out beforehand."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._of_kind: dict[str, list[Rule]] = {}
        self._currencies = routing.value_currencies(rules)
        self._rates: dict[str, Mapping] = {}

    def of(self, asked: Asked, sums: Mapping[Window, Sums]) -> Rule | None:
        if asked.kind not in self._of_kind:
            self._of_kind[asked.kind] = [
                rule for rule in self._rules if rule.when.get("kind", asked.kind) == asked.kind
            ]
        facts = Facts(
            kind=asked.kind,
            amount=asked.amount,
            currency=asked.currency,
            requester_teams=frozenset(asked.teams),
            origin=asked.origin,
            values=self._values(asked) if self._currencies else {},
            recent=sums,
        )
        return routing.route(self._of_kind[asked.kind], facts)

    def _values(self, asked: Asked) -> dict[str, int]:
        """By the rates of today."""
        if asked.amount is None:
            return {}
        if asked.currency not in self._rates:
            fresh = rates.fresh_rates(asked.currency, self._currencies, at=timezone.now())
            self._rates[asked.currency] = fresh
        found = {
            base: rates.worth(asked.amount, asked.currency, base, rate)
            for base, rate in self._rates[asked.currency].items()
        }
        if asked.currency in self._currencies:
            found[asked.currency] = asked.amount
        return found


class _Past:
    """Sliding windows over the stream: the same counts and sums as `recent.sums` had then, of requests
    that are not rejected, withdrawn or expired today. Teams count with the members they have today.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._windows = routing.windows(rules)
        self._asked: dict[tuple, deque] = defaultdict(deque)
        self._totals: Counter = Counter()
        self._members = _teams_today()

    def with_this(self, asked: Asked) -> dict[Window, Sums]:
        """What each window holds, this request with it; then it is part of the past."""
        found = {window: self._seen(window, asked) for window in self._windows}
        if asked.state not in NOT_COUNTED:
            for window in self._windows:
                self._remember(window, asked)
        return found

    def _seen(self, window: Window, asked: Asked) -> Sums:
        of, seconds = window
        keys = [(window, asked.kind, whose) for whose in self._groups(of, asked)]
        for key in keys:
            self._forget(key, asked.created_at - timedelta(seconds=seconds))
        if len(keys) == 1:
            count, total = len(self._asked[keys[0]]), self._totals[keys[0], asked.currency]
        else:
            rows = {row[1]: row for key in keys for row in self._asked[key]}.values()
            count = len(rows)
            total = sum(amount for *_, currency, amount in rows if currency == asked.currency)
        return Sums(count + 1, total + (asked.amount or 0))

    def _forget(self, key: tuple, until: datetime) -> None:
        rows = self._asked[key]
        while rows and rows[0][0] <= until:
            *_, currency, amount = rows.popleft()
            self._totals[key, currency] -= amount

    def _remember(self, window: Window, asked: Asked) -> None:
        row = (asked.created_at, asked.pk, asked.currency, asked.amount or 0)
        for whose in self._groups(window[0], asked):
            key = (window, asked.kind, whose)
            self._asked[key].append(row)
            self._totals[key, asked.currency] += row[-1]

    def _groups(self, of: str, asked: Asked) -> list:
        """Whose past it counts with, and becomes part of."""
        if of == "customer":
            return ["".join(c for c in asked.customer.lower() if c not in BETWEEN)]
        if of == "requester":
            return [asked.requester_key]
        return [asked.requester_key, *self._members.get(asked.requested_by_id, [])]


# --- Who could approve ------------------------------------------------------------------------------


class _Able:
    """Whether a rule's quorums could be met today: asked once for each requester and size of amount."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        names = {team for rule in rules for step in rule.steps for team in step.teams}
        self._teams = {team.name: team for team in Group.objects.filter(name__in=names)}
        self._people = candidates([team.pk for team in self._teams.values()], timezone.now())
        self._limits = sorted(
            {
                member.limit_amount
                for person in self._people
                for member in person.teams.values()
                if member.limit_amount is not None
            }
        )
        self._known: dict[tuple, bool] = {}

    def to_close(self, rule: Rule, asked: Asked) -> bool:
        if not rule.steps:
            return True
        size = -1 if asked.amount is None else bisect_right(self._limits, asked.amount - 1)
        key = (rule.name, asked.queue_id, asked.requester_key, asked.currency, size)
        if key not in self._known:
            self._known[key] = self._can(rule, asked)
        return self._known[key]

    def _can(self, rule: Rule, asked: Asked) -> bool:
        if any(team not in self._teams for step in rule.steps for team in step.teams):
            return False
        fresh = reach.Fresh(
            ref=asked.ref,
            queue_id=asked.queue_id,
            amount=asked.amount,
            currency=asked.currency,
            requester_key=asked.requester_key,
            contributor_keys=[str(asked.requester_key)],
            distinct_people=rule.distinct_people,
        )
        return not reach.lacks(fresh, reach.steps_of(rule, self._teams), self._people)
