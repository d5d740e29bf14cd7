"""The steps of a rule, each with its escalations: two lists of forms, one inside the other."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory

from approvals.policy_table import LONGEST_STEP_LIST
from approvals.routing import seconds
from approvals.wording import visible
from policies.rule_forms.fields import Choice, Names, Part, TimeSpan, whole, yes

FIRST = ("team", "quorum", "due_after", "warn_after")
MORE = ("also", "hours_of", "with_previous", "person_present")
WAS = {"widget": forms.HiddenInput, "required": False, "min_value": 0, "max_value": 99}
DO = {
    "remind": "Remind who can decide",
    "tell_lead": "Tell the lead of the team",
    "widen": "Let another team decide, too",
}


class EscalationForm(Part):
    """What the clock does while a step waits. One that says nothing is none."""

    was = forms.IntegerField(**WAS)
    after = TimeSpan("After", "Such as 4 h, from the opening of the step.", is_long=True)
    do = Choice("What happens", "Nothing", list(DO.items()))
    to = Choice("Which other team", "None")

    def __init__(self, *args: Any, names: Names, of: str, number: int, **more: Any) -> None:
        super().__init__(*args, **more)
        self.called = f"{of}, escalation {number}"
        self.number = number
        self.fields["to"].offer(names.teams)

    def has_changed(self) -> bool:
        return bool(set(self.changed_data) - {"was"})

    def clean(self) -> None:
        found = self.cleaned_data
        widens, names_team = found.get("do") == "widen", bool(found.get("to"))
        if found.get("after") is None and "after" not in self.errors:
            self.add_error("after", "Write after which time, such as 4 h.")
        if not found.get("do") and "do" not in self.errors:
            self.add_error("do", "Choose what happens.")
        if widens and not names_team and "to" not in self.errors:
            self.add_error("to", "Choose the other team.")
        if names_team and not widens:
            self.add_error("to", "Only where another team decides, too: choose none.")

    def typed(self) -> dict[str, Any]:
        return self.cleaned_data


class StepForm(Part):
    """A new one that says nothing is none."""

    was = forms.IntegerField(**WAS)
    team = Choice("Team", "Choose a team", required=True)
    quorum = whole("How many of them", 20, "How many people must approve. Empty: one.")
    due_after = TimeSpan("Due after", "Such as 4 h. Empty: no due time.")
    warn_after = TimeSpan("Warn after", "Not later than it is due. Empty: no warning.")
    also = forms.MultipleChoiceField(
        label="Whose members may decide it as well",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "Choose teams of the list."},
    )
    hours_of = Choice(
        "Count the working hours of",
        "Nobody: the clock’s hours",
        help_text="For due and warning.",
    )
    with_previous = yes("Opens together with the step before it")
    person_present = yes(
        "Somebody has to be present", "No token decides it, and a password is asked for."
    )

    def __init__(self, *args: Any, names: Names, number: int, **more: Any) -> None:
        super().__init__(*args, **more)
        self.number = number
        self.called = f"Step {number}"
        self.fields["team"].error_messages["required"] = "Choose the team, or remove the step."
        self.fields["team"].offer(names.teams)
        self.fields["hours_of"].offer(names.teams)
        self.fields["also"].choices = names.teams
        self.escalations = Escalations(
            self.data if self.is_bound else None,
            prefix=f"{self.prefix}-escalate",
            initial=self.initial.get("escalate", []),
            form_kwargs={"names": names, "of": self.called},
        )

    def has_changed(self) -> bool:
        return super().has_changed() or any(one.has_changed() for one in self.escalations)

    def is_valid(self) -> bool:
        return all([super().is_valid(), not self.has_changed() or self.escalations.is_valid()])

    def clean(self) -> None:
        found = self.cleaned_data
        due, warn = found.get("due_after"), found.get("warn_after")
        if due and warn and 0 < seconds(due) < seconds(warn):
            self.add_error("warn_after", "Write a time that is not later than it is due.")
        also = found.get("also", [])
        if found.get("team") in also:
            self.add_error("also", f"{visible(found['team'])} decides it already.")
        if len(also) > LONGEST_STEP_LIST:
            self.add_error("also", f"Choose at most {LONGEST_STEP_LIST} teams.")

    def typed(self) -> dict[str, Any]:
        """As `edits.merged` reads it."""
        return {**self.cleaned_data, "escalate": self.escalations.typed()}

    def raw(self) -> dict[str, Any]:
        return {**super().raw(), "escalate": [one.raw() for one in self.escalations]}

    def first(self) -> list[forms.BoundField]:
        return self.some(*FIRST)

    def more(self) -> dict[str, Any]:
        is_open = self.says_any(*MORE) or len(self.escalations) > 0
        return {"fields": self.some(*MORE), "is_open": is_open}


class Rows(BaseFormSet):
    """Every row may be left empty, and is left out then."""

    default_error_messages = {
        "missing_management_form": "The form is not complete. Reload the page.",
        "too_many_forms": f"Write at most {LONGEST_STEP_LIST} steps, and as many escalations of one.",
        "too_few_forms": "The form is not complete. Reload the page.",
    }

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        number = 1 if index is None else index + 1
        return {**super().get_form_kwargs(index), "number": number, "empty_permitted": True}

    def typed(self) -> list[dict[str, Any]]:
        return [form.typed() for form in self if form.has_changed()]


class EscalationRows(Rows):
    def clean(self) -> None:
        before = 0
        for form in self:
            after = form.cleaned_data.get("after") if form.is_valid() else None
            if after is not None and seconds(after) <= before:
                form.add_error("after", "Write a later time than of the one before.")
            before = seconds(after) if after is not None else before


def _rows(form: type[Part], formset: type[Rows]) -> type[Rows]:
    return formset_factory(
        form,
        formset=formset,
        extra=0,
        max_num=LONGEST_STEP_LIST,
        absolute_max=LONGEST_STEP_LIST,
        validate_max=True,
    )


Escalations = _rows(EscalationForm, EscalationRows)
Steps = _rows(StepForm, Rows)


def initial(rule: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the forms of its steps begin with."""
    return [
        {**step, "was": number, "escalate": _escalations(step)}
        for number, step in enumerate(rule.get("steps", []))
    ]


def _escalations(step: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**one, "was": number} for number, one in enumerate(step.get("escalate", []))]


def rearranged(rows: list[dict[str, Any]], how: str) -> tuple[list[dict[str, Any]], int]:
    """What was typed of the steps with one more, one less, two exchanged, or an escalation more.

    With the number of the step to look at then, from 0.
    """
    verb, _, text = how.partition(" ")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else len(rows)
    found = list(rows)
    if verb == "add" and len(rows) < LONGEST_STEP_LIST:
        return [*rows, {}], len(rows)
    if number >= len(rows):
        return found, 0
    if verb == "remove":
        del found[number]
        return found, max(number - 1, 0)
    if verb == "up" and number > 0:
        found.insert(number - 1, found.pop(number))
        return found, number - 1
    if verb == "escalate":
        escalations = [*rows[number].get("escalate", []), {}][:LONGEST_STEP_LIST]
        found[number] = {**rows[number], "escalate": escalations}
    return found, number
