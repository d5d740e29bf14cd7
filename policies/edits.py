"""What is done to one rule of a table: changed, added, removed or moved. Pure.

Rules have numbers from 1. What was typed on a form is merged into the rule as it stands: a word that the
form does not know stays, and a default is not written where nobody wrote it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from approvals.refusals import Invalid
from approvals.wording import visible

Table = Sequence[Mapping[str, Any]]
ROWS = {"steps", "escalate"}  # lists of tables; each row says which one it `was`
DEFAULTS = {
    "when": {},
    "distinct_people": False,
    "if_nobody_can": "flag",
    "also": [],
    "hours_of": "",
    "with_previous": False,
    "person_present": False,
    "escalate": [],
    "to": "",
}


@dataclass(frozen=True)
class Edit(ABC):
    number: int

    @abstractmethod
    def applied(self, table: Table) -> list:
        """The table after it."""

    @abstractmethod
    def sentence(self, table: Table) -> str:
        """What was done; asked of the table before it."""

    def arguments(self) -> dict[str, Any]:
        return {"edit": type(self).__name__, **asdict(self)}

    def rule(self, table: Table) -> Mapping[str, Any]:
        """The one that it is about. Raise `Invalid` when there is none."""
        if not 1 <= self.number <= len(table):
            raise Invalid({"number": f"The draft has no rule {self.number}."})
        return table[self.number - 1]


@dataclass(frozen=True)
class Change(Edit):
    """`typed` as `merged` reads it."""

    typed: Mapping[str, Any]

    def applied(self, table: Table) -> list:
        rule = merged(self.rule(table), self.typed)
        others = [*table[: self.number - 1], *table[self.number :]]
        _own_name(rule, others)
        return _with(others, self.number, rule)

    def sentence(self, table: Table) -> str:
        return f"“{visible(self.typed['name'])}” is saved as rule {self.number} of the draft."


@dataclass(frozen=True)
class Add(Edit):
    """It gets the number `number`; the rules from there on move down."""

    typed: Mapping[str, Any]

    def applied(self, table: Table) -> list:
        if not 1 <= self.number <= len(table) + 1:
            raise Invalid({"number": f"The draft has no place {self.number}."})
        rule = merged({}, self.typed)
        _own_name(rule, table)
        return _with(table, self.number, rule)

    def sentence(self, table: Table) -> str:
        return f"“{visible(self.typed['name'])}” is added as rule {self.number} of the draft."


@dataclass(frozen=True)
class Remove(Edit):
    def applied(self, table: Table) -> list:
        self.rule(table)
        if len(table) == 1:
            raise Invalid({"number": "It is the only rule: a policy needs one."})
        return [*table[: self.number - 1], *table[self.number :]]

    def sentence(self, table: Table) -> str:
        return f"“{visible(self.rule(table)['name'])}” is removed from the draft."


@dataclass(frozen=True)
class Move(Edit):
    """To the number `to`."""

    to: int

    def applied(self, table: Table) -> list:
        rule = self.rule(table)
        if not 1 <= self.to <= len(table):
            raise Invalid({"number": f"“{visible(rule['name'])}” stands there already."})
        return _with([*table[: self.number - 1], *table[self.number :]], self.to, rule)

    def sentence(self, table: Table) -> str:
        return f"“{visible(self.rule(table)['name'])}” is rule {self.to} of the draft now."


def merged(was: Mapping[str, Any], typed: Mapping[str, Any]) -> dict[str, Any]:
    """`was` with what was typed: None takes a word out, a table is merged word by word."""
    found = dict(was)
    for word, value in typed.items():
        new = _value(word, was.get(word), value)
        if new is None:
            found.pop(word, None)
        elif word in was or new != DEFAULTS.get(word):
            found[word] = new
    return found


def _value(word: str, was: Any, typed: Any) -> Any:
    if word in ROWS:
        return [_row(was or [], row) for row in typed]
    if word == "also":
        kept = [team for team in was or [] if team in typed]
        return [*kept, *(team for team in typed if team not in kept)]
    return merged(was or {}, typed) if isinstance(typed, Mapping) else typed


def _row(was: Sequence[Mapping[str, Any]], typed: Mapping[str, Any]) -> dict[str, Any]:
    number = typed["was"]
    before = was[number] if number is not None and 0 <= number < len(was) else {}
    return merged(before, {word: value for word, value in typed.items() if word != "was"})


def _with(table: Table, number: int, rule: Mapping[str, Any]) -> list:
    return [*table[: number - 1], rule, *table[number - 1 :]]


def _own_name(rule: Mapping[str, Any], others: Table) -> None:
    name = rule["name"]
    if any(other["name"] == name for other in others):
        raise Invalid({"name": f"Another rule is called “{visible(name)}”: choose another name."})
