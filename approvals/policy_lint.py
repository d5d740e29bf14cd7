"""What is wrong with a table that is well formed: rules that never count, names that do not exist.

Errors stop publishing; warnings are for who publishes to see.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals import kinds
from approvals.currencies import DIGITS
from approvals.routing import Rule

LOWER = ("amount_from", "value_from")
UPPER = ("amount_to", "value_to")


@dataclass(frozen=True)
class Finding:
    """`rule` is the number of the rule, from 1; 0: of the whole table."""

    rule: int
    sentence: str
    is_error: bool


def lint(
    rules: Sequence[Rule], *, teams: Collection[str], served: Collection[str]
) -> list[Finding]:
    """`teams`: the names of all that exist. `served`: kinds of the queues that this policy is for."""
    found = []
    for number, rule in enumerate(rules, start=1):
        found += [Finding(number, text, is_error=True) for text in _unknown(rule, teams)]
        hidden_by = next((one for one in rules[: number - 1] if covers(one.when, rule.when)), None)
        if hidden_by is not None:
            text = f"“{rule.name}” never counts: “{hidden_by.name}” above it matches all of it."
            found.append(Finding(number, text, is_error=True))
    return found + [Finding(0, text, is_error=False) for text in _uncovered(rules, served)]


def covers(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
    """Whether whatever meets `narrow` meets `wide`. Exact for one rule against one other."""
    return all(_is_implied(name, wide[name], narrow) for name in wide)


def _is_implied(name: str, wanted: Any, narrow: Mapping[str, Any]) -> bool:
    if name not in narrow:
        return False
    if name in LOWER:
        return narrow[name] >= wanted
    if name in UPPER:
        return narrow[name] <= wanted
    return narrow[name] == wanted


def _unknown(rule: Rule, teams: Collection[str]) -> list[str]:
    when = rule.when
    found = []
    if "kind" in when and when["kind"] not in kinds.all_kinds():
        found.append(f"“{rule.name}”: there is no kind “{when['kind']}”.")
    for name in ("currency", "value_currency"):
        if name in when and when[name] not in DIGITS:
            found.append(f"“{rule.name}”: there is no currency “{when[name]}”.")
    named = {team for step in rule.steps for team in step.all_teams}
    if "requester_team" in when:
        named.add(when["requester_team"])
    found += [f"“{rule.name}”: there is no team “{team}”." for team in sorted(named - set(teams))]
    return found


def _uncovered(rules: Sequence[Rule], served: Collection[str]) -> list[str]:
    """Kinds for which no rule catches what the others leave: some would be refused."""
    return [
        f"No rule catches every {kinds.all_kinds()[kind].label.lower()}: what none covers is refused."
        for kind in sorted(served)
        if kind in kinds.all_kinds()
        and not any(covers(rule.when, {"kind": kind}) for rule in rules)
    ]
