"""What the forms of a rule are made of: times, numbers, and choices that keep what it says already."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from approvals import kinds
from approvals.currencies import DIGITS
from approvals.policy_table import parse
from approvals.routing import Rule, seconds
from approvals.wording import visible
from policies import typed

Choices = list[tuple[str, str]]
UNSET = ("", None, False, [])


@dataclass(frozen=True)
class Names:
    """What can be chosen, by what a table holds, with its words.

    What the rule says already can be chosen, too, when nobody knows it any more.
    """

    teams: Choices
    kinds: Choices
    currencies: Choices


def names(teams: Collection[str], row: Mapping[str, Any] | None) -> Names:
    """For a form of this rule of a table; None: of a new one."""
    rule = parse([row])[0] if row else None
    when = rule.when if rule else {}
    known = {slug: kind.label for slug, kind in kinds.all_kinds().items()}
    said = [when[word] for word in ("currency", "value_currency") if word in when]
    return Names(
        teams=_choices({team: visible(team) for team in teams}, _teams(rule) if rule else ()),
        kinds=_choices(known, [when["kind"]] if "kind" in when else ()),
        currencies=_choices({code: code for code in DIGITS}, said),
    )


def _teams(rule: Rule) -> set[str]:
    found = {team for step in rule.steps for team in step.all_teams}
    return found | {rule.when["requester_team"]} if "requester_team" in rule.when else found


def _choices(known: Mapping[str, str], said: Iterable[str]) -> Choices:
    lost = [(value, f"{visible(value)} (does not exist)") for value in said if value not in known]
    return sorted({*known.items(), *lost}, key=lambda choice: choice[1].lower())


class Choice(forms.ChoiceField):
    """One of a list, with nothing chosen at first. `blank` says what that means."""

    def __init__(
        self,
        label: str,
        blank: str,
        choices: Choices | None = None,
        *,
        required: bool = False,
        **more: Any,
    ) -> None:
        self.blank = ("", blank)
        super().__init__(
            label=label,
            choices=[self.blank, *(choices or [])],
            required=required,
            error_messages={"invalid_choice": "Choose one of the list."},
            **more,
        )

    def offer(self, choices: Choices) -> None:
        self.choices = [self.blank, *choices]


def yes(label: str, help_text: str = "") -> forms.BooleanField:
    return forms.BooleanField(label=label, help_text=help_text, required=False)


def whole(label: str, most: int, help_text: str = "") -> forms.IntegerField:
    """A whole number from 1, or nothing."""
    wrong = f"Write a whole number from 1 to {most:,}."
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        min_value=1,
        max_value=most,
        required=False,
        error_messages={"invalid": wrong, "min_value": wrong, "max_value": wrong},
    )


def amount(label: str, help_text: str = "") -> forms.CharField:
    """Money as it is typed: which currency it is in, another field says."""
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={"max_length": "Write an amount of at most 30 characters."},
    )


class TimeSpan(forms.CharField):
    """“4 h”, or nothing: None. `is_long`: nought is no time here."""

    def __init__(self, label: str, help_text: str = "", *, is_long: bool = False) -> None:
        self.is_long = is_long
        super().__init__(
            label=label,
            help_text=help_text,
            max_length=30,
            required=False,
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
            error_messages={"max_length": "Write a time such as 30 s, 20 min, 4 h or 2 d."},
        )

    def clean(self, value: Any) -> str | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            found = typed.time(text)
        except typed.Mistyped as mistyped:
            raise forms.ValidationError(str(mistyped)) from mistyped
        if self.is_long and seconds(found) == 0:
            raise forms.ValidationError("Write a time of more than nothing.")
        return found


class Part(forms.Form):
    """A part of the form of a rule. Errors begin with `called`, so that each is told from the others'."""

    called = ""

    def add_error(self, field: str | None, error: Any) -> None:
        texts = error.messages if isinstance(error, forms.ValidationError) else [error]
        prefix = f"{self.called}: " if self.called else ""
        super().add_error(field, [f"{prefix}{text}" for text in texts])

    def some(self, *names: str) -> list[forms.BoundField]:
        return [self[name] for name in names]

    def says_any(self, *names: str) -> bool:
        """Whether one of these is filled, or wrong."""
        return any(self[name].value() not in UNSET or self[name].errors for name in names)

    def raw(self) -> dict[str, Any]:
        """As it was typed, whether right or wrong: what a form of the same fields begins with."""
        return {name: self[name].value() for name in self.fields}
