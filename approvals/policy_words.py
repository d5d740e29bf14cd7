"""Rules in words that people read, and what differs between two tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from approvals import kinds
from approvals.routing import Escalation, Rule, Step, seconds
from approvals.wording import listed, money

WHOSE = {
    "customer": "the customer",
    "requester": "the requester",
    "requester_team": "the requester’s teams",
}


def conditions(rule: Rule) -> list[str]:
    """What must hold, one sentence a condition; none: it matches everything."""
    when = rule.when
    found = []
    if "kind" in when:
        found.append(_kind(when["kind"]))
    if "currency" in when and not {"amount_from", "amount_to"} & when.keys():
        found.append(f"in {when['currency']}")
    found += _range(when, "amount", when.get("currency", ""), "")
    found += _range(when, "value", when.get("value_currency", ""), "worth ")
    if "requester_team" in when:
        found.append(f"asked by {when['requester_team']}")
    if "origin" in when:
        found.append("asked through the API" if when["origin"] == "api" else "asked on a page")
    if "recent" in when:
        found.append(_recent(when["recent"], when.get("currency", "")))
    return found


def condition(rule: Rule, name: str) -> str:
    """One of its conditions by itself, in words."""
    together = {
        "amount_from": ("currency",),
        "amount_to": ("currency",),
        "value_from": ("value_currency",),
        "value_to": ("value_currency",),
        "value_currency": ("value_from", "value_to"),
        "recent": ("currency",),
    }
    names = {name, *together.get(name, ())} & rule.when.keys()
    words = conditions(replace(rule, when={one: rule.when[one] for one in names}))
    return words[-1]


def steps(rule: Rule) -> list[str]:
    """Who approves, one sentence a step; none: nobody has to."""
    if len(rule.steps) == 1:
        return [_step(rule.steps[0])]
    return [f"step {number}: {_step(step)}" for number, step in enumerate(rule.steps, start=1)]


def others(rule: Rule) -> list[str]:
    """What else it says."""
    found = []
    if rule.distinct_people:
        found.append("each step by other people")
    if rule.if_nobody_can == "refuse":
        found.append("refused when nobody could approve it")
    if rule.start_delay_s:
        found.append(f"starts {duration(rule.start_delay_s)} after the last approval")
    found.append(f"at most {rule.max_attempts} tries")
    never = "never expires"
    found.append(
        f"expires after {duration(rule.expires_after_s)}" if rule.expires_after_s else never
    )
    return found


def duration(number: int) -> str:
    """“4 h”, “90 min”: the largest unit that says it without a rest."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if number and number % size == 0:
            return f"{number // size} {unit}"
    return f"{number} s"


def _kind(slug: str) -> str:
    kind = kinds.all_kinds().get(slug)
    return kind.label if kind else slug


def _range(when: Mapping[str, Any], what: str, currency: str, worth: str) -> list[str]:
    low, high = when.get(f"{what}_from"), when.get(f"{what}_to")
    if low is None and high is None:
        return []
    if low is None:
        return [f"{worth}up to {money(high, currency)}"]
    if high is None:
        return [f"{worth}{money(low, currency)} and more"]
    return [f"{worth}{money(low, currency)} to {money(high, currency)}"]


def _recent(recent: Mapping[str, Any], currency: str) -> str:
    whose, within = WHOSE[recent["of"]], duration(seconds(recent["within"]))
    if "count_from" in recent:
        return f"number {recent['count_from']} and later of {whose} within {within}"
    return f"{money(recent['total_from'], currency)} and more in all of {whose} within {within}"


def _step(step: Step) -> str:
    team = listed(list(step.teams)) if not step.also else " or ".join(step.teams)
    parts = [f"{team}, {step.quorum} of them" if step.quorum > 1 else team]
    hours = f" of {step.hours_of}’s hours" if step.hours_of else ""
    if step.warn_after_s is not None:
        parts.append(f"a warning after {duration(step.warn_after_s)}{hours}")
    if step.due_after_s is not None:
        parts.append(f"due in {duration(step.due_after_s)}{hours}")
    if step.person_present:
        parts.append("somebody present")
    if step.with_previous:
        parts.append("at the same time as the step before")
    parts += [_escalation(one) for one in step.escalations]
    return ", ".join(parts)


def _escalation(one: Escalation) -> str:
    after = f"after {duration(one.after_s)}"
    return {
        "remind": f"reminded {after}",
        "tell_lead": f"the lead told {after}",
        "widen": f"also {one.to} {after}",
    }[one.do]


# --- What differs ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class RuleChange:
    """What became of one rule: added, removed, moved or changed, with each line that differs."""

    name: str
    what: str
    lines: list[dict] = field(default_factory=list)


def differences(before: Sequence[Rule], after: Sequence[Rule]) -> list[RuleChange]:
    """Rule by rule, in the order of the newer table; what was removed comes last."""
    old, new = {rule.name: rule for rule in before}, {rule.name: rule for rule in after}
    found = []
    for rule in after:
        if rule.name not in old:
            found.append(RuleChange(rule.name, "added", _lines(None, rule)))
        elif lines := _lines(old[rule.name], rule):
            found.append(RuleChange(rule.name, "changed", lines))
    found += [RuleChange(name, "moved") for name in _moved(list(old), list(new))]
    found += [
        RuleChange(rule.name, "removed", _lines(rule, None))
        for rule in before
        if rule.name not in new
    ]
    return found


def _moved(before: list[str], after: list[str]) -> list[str]:
    """Rules that stand in another order among those that are in both."""
    old = [name for name in before if name in after]
    new = [name for name in after if name in before]
    return [name for name, was in zip(new, old, strict=True) if name != was]


def _lines(before: Rule | None, after: Rule | None) -> list[dict]:
    pairs = {
        "When": (_when, ", "),
        "Approvals": (steps, "; then "),
        "Besides": (others, ", "),
    }
    lines = []
    for label, (words, joined) in pairs.items():
        was = joined.join(words(before)) if before else ""
        now = joined.join(words(after)) if after else ""
        if was != now:
            lines.append({"field": label, "before": was, "after": now})
    return lines


def _when(rule: Rule) -> Iterable[str]:
    return conditions(rule) or ["always"]
