"""From a policy's decision table and the facts of a request to the approvals it needs.

Pure: no database, no clock, so that a draft can be run over a million past requests. First match
wins.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Sums:
    """Requests of one kind, this one with them. `total`: of those in its currency, in minor units."""

    count: int
    total: int


Window = tuple[str, int]  # whose requests (one of `OF`), and of how many seconds


@dataclass(frozen=True)
class Facts:
    """What a rule may look at. `amount` in minor units of `currency`, None without money.

    `values`: by currency, what the amount is worth in it, in its minor units; one that is missing has
    no rate that can be trusted. `recent`: by window, what was asked for in it.
    """

    kind: str
    amount: int | None
    currency: str
    requester_teams: frozenset[str]
    origin: str
    values: Mapping[str, int] = field(default_factory=dict)
    recent: Mapping[Window, Sums] = field(default_factory=dict)


@dataclass(frozen=True)
class Escalation:
    """What the clock does while a step waits: seconds after it opened. It never approves.

    `do`: remind (who can decide), tell_lead (of the team), widen (to the team `to` as well).
    """

    after_s: int
    do: str
    to: str = ""


@dataclass(frozen=True)
class Step:
    """One stage of approval. Times in seconds after the step opens.

    `also`: further teams whose members may decide it as well. `with_previous`: it opens together with
    the step before it. `hours_of`: due and warning count the working hours of this team, not the
    clock's. `person_present`: a decision by token is not enough, somebody must be there.
    """

    team: str
    quorum: int
    due_after_s: int | None
    warn_after_s: int | None
    person_present: bool = False
    also: tuple[str, ...] = ()
    with_previous: bool = False
    hours_of: str = ""
    escalations: tuple[Escalation, ...] = ()

    @property
    def teams(self) -> tuple[str, ...]:
        """Whose members may decide it, before it is widened."""
        return (self.team, *self.also)

    @property
    def widened_to(self) -> tuple[str, ...]:
        """The teams that the clock may let decide as well."""
        return tuple(one.to for one in self.escalations if one.do == "widen")

    @property
    def all_teams(self) -> set[str]:
        """Every team that it names."""
        found = {*self.teams, *self.widened_to}
        return found | {self.hours_of} if self.hours_of else found


@dataclass(frozen=True)
class Rule:
    """One row of the table. A condition that is absent matches everything.

    `distinct_people`: who approved one step counts for no other. `if_nobody_can`: what happens to a
    request whose steps nobody could ever approve: flag (asked for, and shown) or refuse.
    """

    name: str
    when: Mapping[str, Any]
    steps: tuple[Step, ...]
    start_delay_s: int
    max_attempts: int
    expires_after_s: int
    distinct_people: bool = False
    if_nobody_can: str = "flag"

    def matches(self, facts: Facts) -> bool:
        return not self.misses(facts)

    def misses(self, facts: Facts) -> list[str]:
        """Names of the conditions that do not hold."""
        return [name for name in self.when if not _CHECKS[name](self.when, facts)]

    @property
    def window(self) -> Window | None:
        """What of the past this rule looks at."""
        recent = self.when.get("recent")
        return (recent["of"], seconds(recent["within"])) if recent else None


def windows(rules: Iterable[Rule]) -> set[Window]:
    """All that these rules look at of the past."""
    return {rule.window for rule in rules if rule.window is not None}


def value_currencies(rules: Iterable[Rule]) -> set[str]:
    """The currencies in which these rules ask what an amount is worth."""
    return {rule.when["value_currency"] for rule in rules if "value_currency" in rule.when}


def seconds(duration: str) -> int:
    """Of a time such as “20 min” that was checked before."""
    number, unit = duration.split(" ")
    return int(number) * SECONDS[unit]


def _is_worth_at_least(when: Mapping[str, Any], facts: Facts) -> bool:
    """Without a rate that can be trusted it may be worth more: the higher tier."""
    if facts.amount is None:
        return False
    value = facts.values.get(when["value_currency"])
    return value is None or value >= when["value_from"]


def _is_worth_at_most(when: Mapping[str, Any], facts: Facts) -> bool:
    value = facts.values.get(when["value_currency"])
    return facts.amount is not None and value is not None and value <= when["value_to"]


def _was_often_asked(when: Mapping[str, Any], facts: Facts) -> bool:
    """What is not known is taken for often: it raises the tier, never lowers it."""
    wanted = when["recent"]
    sums = facts.recent.get((wanted["of"], seconds(wanted["within"])))
    if sums is None:
        return True
    if "count_from" in wanted:
        return sums.count >= wanted["count_from"]
    return sums.total >= wanted["total_from"]


_CHECKS: dict[str, Callable[[Mapping[str, Any], Facts], bool]] = {
    "kind": lambda when, facts: facts.kind == when["kind"],
    "currency": lambda when, facts: facts.currency == when["currency"],
    "amount_from": lambda when, facts: (
        facts.amount is not None and facts.amount >= when["amount_from"]
    ),
    "amount_to": lambda when, facts: facts.amount is not None and facts.amount <= when["amount_to"],
    "value_currency": lambda when, facts: facts.amount is not None,
    "value_from": _is_worth_at_least,
    "value_to": _is_worth_at_most,
    "requester_team": lambda when, facts: when["requester_team"] in facts.requester_teams,
    "origin": lambda when, facts: facts.origin == when["origin"],
    "recent": _was_often_asked,
}


def route(rules: Iterable[Rule], facts: Facts) -> Rule | None:
    """The first rule that matches; None means that nobody has said what such a request needs."""
    return next((rule for rule in rules if rule.matches(facts)), None)
