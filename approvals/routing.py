"""From a policy's decision table and the facts of a request to the approvals it needs.

Pure: no database, no clock, so that a draft can be run over a million past requests. First match
wins. A table is a list of rules as in a policy file (docs/reference/policy-files.md).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CONDITIONS = {
    "kind",
    "currency",
    "amount_from",
    "amount_to",
    "requester_team",
    "origin",
}
ORIGINS = {"page", "api"}
LONGEST_STEP_LIST = 10
LONGEST_WAIT_S = 90 * 24 * 3600
DURATION = re.compile(r"(\d+) (s|min|h|d)")
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


class MalformedPolicy(ValueError):
    """The table can't be used. `problems` are sentences, each naming its rule."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Facts:
    """What a rule may look at. `amount` in minor units of `currency`, None without money."""

    kind: str
    amount: int | None
    currency: str
    requester_teams: frozenset[str]
    origin: str


@dataclass(frozen=True)
class Step:
    """One stage of approval. Times in seconds after the step opens.

    `person_present`: a decision by token is not enough, somebody must be there.
    """

    team: str
    quorum: int
    due_after_s: int | None
    warn_after_s: int | None
    person_present: bool = False


@dataclass(frozen=True)
class Rule:
    """One row of the table. A condition that is absent matches everything."""

    name: str
    when: Mapping[str, Any]
    steps: tuple[Step, ...]
    start_delay_s: int
    max_attempts: int
    expires_after_s: int

    def matches(self, facts: Facts) -> bool:
        return all(_CHECKS[name](wanted, facts) for name, wanted in self.when.items())


_CHECKS = {
    "kind": lambda wanted, facts: facts.kind == wanted,
    "currency": lambda wanted, facts: facts.currency == wanted,
    "amount_from": lambda wanted, facts: facts.amount is not None and facts.amount >= wanted,
    "amount_to": lambda wanted, facts: facts.amount is not None and facts.amount <= wanted,
    "requester_team": lambda wanted, facts: wanted in facts.requester_teams,
    "origin": lambda wanted, facts: facts.origin == wanted,
}


def route(rules: Iterable[Rule], facts: Facts) -> Rule | None:
    """The first rule that matches; None means that nobody has said what such a request needs."""
    return next((rule for rule in rules if rule.matches(facts)), None)


def parse(table: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Raise `MalformedPolicy` with every problem of the table at once."""
    problems: list[str] = []
    if not isinstance(table, list) or not table:
        raise MalformedPolicy(["The policy has no rules."])
    rules = [_rule(number, row, problems) for number, row in enumerate(table, start=1)]
    names = [rule.name for rule in rules]
    for name in sorted({name for name in names if name and names.count(name) > 1}):
        problems.append(f"Two rules are called “{name}”; each needs a name of its own.")
    if problems:
        raise MalformedPolicy(problems)
    return rules


def _rule(number: int, row: Any, problems: list[str]) -> Rule:
    if not isinstance(row, Mapping):
        problems.append(f"Rule {number} is not a table.")
        row = {}
    name = row.get("name") or ""
    label = f"Rule {number} ({name})" if name else f"Rule {number}"
    if not isinstance(name, str) or not 1 <= len(name) <= 120:
        problems.append(f"{label} needs a name of 1 to 120 characters.")
    extra = set(row) - {"name", "when", "steps", "start_delay", "max_attempts", "expires_after"}
    if extra:
        problems.append(f"{label} has words that mean nothing here: {', '.join(sorted(extra))}.")
    if "steps" not in row:
        problems.append(f"{label} has no steps; write steps = [] when nobody needs to approve.")
    delay = _seconds(row.get("start_delay", "0 s"), f"{label}: start_delay", problems)
    expires = _seconds(row.get("expires_after", "30 d"), f"{label}: expires_after", problems)
    attempts = _whole(row.get("max_attempts", 8), 1, 50, f"{label}: max_attempts", problems)
    return Rule(
        name=str(name),
        when=_conditions(label, row.get("when", {}), problems),
        steps=_steps(label, row.get("steps", []), problems),
        start_delay_s=delay or 0,
        max_attempts=attempts,
        expires_after_s=expires or 0,
    )


def _conditions(label: str, when: Any, problems: list[str]) -> dict[str, Any]:
    if not isinstance(when, Mapping):
        problems.append(f"{label}: when is not a table.")
        return {}
    for name, wanted in when.items():
        if name not in CONDITIONS:
            problems.append(f"{label}: “{name}” is not a condition.")
        elif name in ("amount_from", "amount_to"):
            _whole(wanted, 0, 2**53 - 1, f"{label}: {name}", problems)
        elif not isinstance(wanted, str) or not wanted:
            problems.append(f"{label}: {name} must be text.")
    if {"amount_from", "amount_to"} & set(when) and "currency" not in when:
        problems.append(f"{label}: an amount needs a currency.")
    if str(when.get("origin", "page")) not in ORIGINS:
        problems.append(f"{label}: origin must be page or api.")
    if _is_empty_range(when):
        problems.append(f"{label}: no amount lies between amount_from and amount_to.")
    return {name: wanted for name, wanted in when.items() if name in CONDITIONS}


def _is_empty_range(when: Mapping[str, Any]) -> bool:
    low, high = when.get("amount_from"), when.get("amount_to")
    return isinstance(low, int) and isinstance(high, int) and low > high


def _steps(label: str, steps: Any, problems: list[str]) -> tuple[Step, ...]:
    if not isinstance(steps, list) or len(steps) > LONGEST_STEP_LIST:
        problems.append(f"{label}: steps must be a list of at most {LONGEST_STEP_LIST}.")
        return ()
    return tuple(
        _step(f"{label}, step {number}", step, problems)
        for number, step in enumerate(steps, start=1)
    )


def _step(label: str, step: Any, problems: list[str]) -> Step:
    if not isinstance(step, Mapping):
        problems.append(f"{label} is not a table.")
        step = {}
    team = step.get("team")
    if not isinstance(team, str) or not team:
        problems.append(f"{label} names no team.")
    extra = set(step) - {"team", "quorum", "due_after", "warn_after", "person_present"}
    if extra:
        problems.append(f"{label} has words that mean nothing here: {', '.join(sorted(extra))}.")
    due = _seconds(step.get("due_after"), f"{label}: due_after", problems)
    warn = _seconds(step.get("warn_after"), f"{label}: warn_after", problems)
    if due and warn and warn > due:
        problems.append(f"{label} warns after it is due.")
    present = step.get("person_present", False)
    if not isinstance(present, bool):
        problems.append(f"{label}: person_present must be true or false.")
    return Step(
        team=str(team or ""),
        quorum=_whole(step.get("quorum", 1), 1, 20, f"{label}: quorum", problems),
        due_after_s=due,
        warn_after_s=warn,
        person_present=present is True,
    )


def _seconds(value: Any, label: str, problems: list[str]) -> int | None:
    if value is None:
        return None
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    seconds = int(match[1]) * SECONDS[match[2]] if match and len(match[1]) < 9 else -1
    if not 0 <= seconds <= LONGEST_WAIT_S:
        problems.append(f"{label} must be a time such as “30 s”, “20 min”, “4 h” or “2 d”.")
        return None
    return seconds


def _whole(value: Any, low: int, high: int, label: str, problems: list[str]) -> int:
    if type(value) is not int or not low <= value <= high:
        problems.append(f"{label} must be a whole number from {low} to {high}.")
        return low
    return value
