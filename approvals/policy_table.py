"""The decision table as it is written (docs/reference/policy-files.md), read into rules.

Every problem is found at once and named by its rule.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from approvals.routing import SECONDS, Escalation, Rule, Step, seconds

CONDITIONS = {
    "kind",
    "currency",
    "amount_from",
    "amount_to",
    "value_currency",
    "value_from",
    "value_to",
    "requester_team",
    "origin",
    "recent",
}
ORIGINS = {"page", "api"}
OF = ("customer", "requester", "requester_team")  # whose recent requests are counted together
IF_NOBODY_CAN = ("flag", "refuse")
ESCALATIONS = ("remind", "tell_lead", "widen")
LONGEST_STEP_LIST = 10
MOST_RULES = 500
LONGEST_WAIT_S = 90 * 24 * 3600
DURATION = re.compile(r"(\d+) (s|min|h|d)")
AMOUNTS = ("amount_from", "amount_to", "value_from", "value_to")
RULE_WORDS = {
    *("name", "when", "steps", "start_delay", "max_attempts", "expires_after"),
    *("distinct_people", "if_nobody_can"),
}
STEP_WORDS = {
    *("team", "also", "quorum", "due_after", "warn_after", "hours_of", "person_present"),
    *("with_previous", "escalate"),
}


class MalformedPolicy(ValueError):
    """The table can't be used. `problems` are sentences, each naming its rule."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)


def parse(table: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Raise `MalformedPolicy` with every problem of the table at once."""
    problems: list[str] = []
    if not isinstance(table, list) or not table:
        raise MalformedPolicy(["The policy has no rules."])
    if len(table) > MOST_RULES:
        raise MalformedPolicy([f"The policy has more than {MOST_RULES} rules."])
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
    _no_other_words(label, row, RULE_WORDS, problems)
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
        distinct_people=_yes_or_no(row, "distinct_people", label, problems),
        if_nobody_can=_one_of(row, "if_nobody_can", IF_NOBODY_CAN, label, problems),
    )


def _conditions(label: str, when: Any, problems: list[str]) -> dict[str, Any]:
    if not isinstance(when, Mapping):
        problems.append(f"{label}: when is not a table.")
        return {}
    for name, wanted in when.items():
        if name not in CONDITIONS:
            problems.append(f"{label}: “{name}” is not a condition.")
        elif name in AMOUNTS:
            _whole(wanted, 0, 2**53 - 1, f"{label}: {name}", problems)
        elif name == "recent":
            _recent(f"{label}: recent", wanted, problems)
        elif not isinstance(wanted, str) or not wanted:
            problems.append(f"{label}: {name} must be text.")
    problems += [f"{label}: {sentence}" for sentence in _together(when)]
    return {name: wanted for name, wanted in when.items() if name in CONDITIONS}


def _together(when: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with conditions that are right one by one."""
    if {"amount_from", "amount_to"} & set(when) and "currency" not in when:
        yield "an amount needs a currency."
    if ("value_currency" in when) != bool({"value_from", "value_to"} & set(when)):
        yield "value_currency and value_from or value_to go together."
    recent = when.get("recent")
    if isinstance(recent, Mapping) and "total_from" in recent and "currency" not in when:
        yield "recent: a total needs a currency."
    if str(when.get("origin", "page")) not in ORIGINS:
        yield "origin must be page or api."
    for what in ("amount", "value"):
        if _is_empty_range(when, what):
            yield f"no {what} lies between {what}_from and {what}_to."


def _is_empty_range(when: Mapping[str, Any], what: str) -> bool:
    low, high = when.get(f"{what}_from"), when.get(f"{what}_to")
    return isinstance(low, int) and isinstance(high, int) and low > high


def _recent(label: str, wanted: Any, problems: list[str]) -> None:
    if not isinstance(wanted, Mapping):
        problems.append(f"{label} is not a table.")
        return
    _no_other_words(label, wanted, {"of", "within", "count_from", "total_from"}, problems)
    if wanted.get("of") not in OF:
        problems.append(f"{label}: of must be customer, requester or requester_team.")
    if not _seconds(wanted.get("within"), f"{label}: within", problems):
        problems.append(f"{label} needs within, such as “7 d”.")
    limits = [name for name in ("count_from", "total_from") if name in wanted]
    if len(limits) != 1:
        problems.append(f"{label} needs either count_from or total_from.")
    for name in limits:
        _whole(wanted[name], 1, 2**53 - 1, f"{label}: {name}", problems)


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
    _no_other_words(label, step, STEP_WORDS, problems)
    due = _seconds(step.get("due_after"), f"{label}: due_after", problems)
    warn = _seconds(step.get("warn_after"), f"{label}: warn_after", problems)
    if due and warn and warn > due:
        problems.append(f"{label} warns after it is due.")
    hours_of = step.get("hours_of", "")
    if not isinstance(hours_of, str):
        problems.append(f"{label}: hours_of must name a team.")
    return Step(
        team=str(team or ""),
        quorum=_whole(step.get("quorum", 1), 1, 20, f"{label}: quorum", problems),
        due_after_s=due,
        warn_after_s=warn,
        person_present=_yes_or_no(step, "person_present", label, problems),
        also=_also(label, step, problems),
        with_previous=_yes_or_no(step, "with_previous", label, problems),
        hours_of=str(hours_of),
        escalations=_escalations(label, step.get("escalate", []), problems),
    )


def _also(label: str, step: Mapping[str, Any], problems: list[str]) -> tuple[str, ...]:
    teams = step.get("also", [])
    if not isinstance(teams, list) or not all(isinstance(team, str) and team for team in teams):
        problems.append(f"{label}: also must be a list of teams.")
        return ()
    if len({str(step.get("team")), *teams}) <= len(teams) or len(teams) > LONGEST_STEP_LIST:
        problems.append(f"{label}: also names a team twice, or too many.")
    return tuple(teams)


def _escalations(label: str, rows: Any, problems: list[str]) -> tuple[Escalation, ...]:
    if not isinstance(rows, list) or len(rows) > LONGEST_STEP_LIST:
        problems.append(f"{label}: escalate must be a list of at most {LONGEST_STEP_LIST}.")
        return ()
    found = []
    for number, row in enumerate(rows, start=1):
        found.append(_escalation(f"{label}, escalation {number}", row, problems))
    if any(one.after_s >= after.after_s for one, after in itertools.pairwise(found)):
        problems.append(f"{label}: each escalation comes later than the one before.")
    return tuple(found)


def _escalation(label: str, row: Any, problems: list[str]) -> Escalation:
    if not isinstance(row, Mapping):
        problems.append(f"{label} is not a table.")
        row = {}
    _no_other_words(label, row, {"after", "do", "to"}, problems)
    after, do, to = row.get("after"), row.get("do"), row.get("to", "")
    if not _seconds(after, f"{label}: after", problems):
        problems.append(f"{label} needs after, such as “4 h”.")
        after = "0 s"
    if do not in ESCALATIONS:
        problems.append(f"{label}: do must be {', '.join(ESCALATIONS)}.")
    if (do == "widen") != bool(to) or not isinstance(to, str):
        problems.append(f"{label}: to names the team to widen to, and nothing else has it.")
    return Escalation(after_s=seconds(after), do=str(do), to=str(to))


def _no_other_words(
    label: str, row: Mapping[str, Any], known: Set[str], problems: list[str]
) -> None:
    if extra := set(row) - known:
        words = ", ".join(sorted(map(str, extra)))
        problems.append(f"{label} has words that mean nothing here: {words}.")


def _yes_or_no(row: Mapping[str, Any], name: str, label: str, problems: list[str]) -> bool:
    value = row.get(name, False)
    if not isinstance(value, bool):
        problems.append(f"{label}: {name} must be true or false.")
    return value is True


def _one_of(
    row: Mapping[str, Any], name: str, choices: Sequence[str], label: str, problems: list[str]
) -> str:
    value = row.get(name, choices[0])
    if value not in choices:
        problems.append(f"{label}: {name} must be {' or '.join(choices)}.")
    return str(value)


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
