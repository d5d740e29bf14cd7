"""The whole form of a rule: the rule itself, its steps, and what is wrong with any of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from approvals.refusals import Invalid
from approvals.wording import visible
from policies.rule_forms import rule as rule_form
from policies.rule_forms import steps as step_forms
from policies.rule_forms.fields import UNSET, Choices, Names, Part
from policies.rule_forms.rule import RuleForm
from policies.rule_forms.steps import Steps


class WholeForm:
    """`was`: the rule as it stands, empty for a new one. `data`: what was sent.

    Looks like a form to the page that lists its errors.
    """

    def __init__(
        self,
        *,
        names: Names,
        was: Mapping[str, Any],
        places: Choices = (),
        initial: Mapping[str, Any] | None = None,
        steps: list[dict] | None = None,
        data: QueryDict | None = None,
    ) -> None:
        self._made_of = {"names": names, "was": was, "places": places}
        self.rule = RuleForm(data, initial=initial, **self._made_of)
        self.steps = Steps(data, prefix="steps", initial=steps, form_kwargs={"names": names})
        self.focus: int | None = None  # the number of the step that was just added or moved
        if data is not None:
            self.is_valid()

    def is_valid(self) -> bool:
        is_valid = all([self.rule.is_valid(), self.steps.is_valid()])
        return is_valid and self._says_who_approves()

    def _says_who_approves(self) -> bool:
        """That nobody approves is never what somebody forgot."""
        steps, nobody = self.steps.typed(), self.rule.cleaned_data.get("nobody")
        if bool(steps) != bool(nobody):
            return True
        wrong = (
            "Remove its steps, or let them approve."
            if steps
            else "Add a step, or say that nobody has to approve it."
        )
        if "nobody" not in self.rule.errors:
            self.rule.add_error("nobody", wrong)
        return False

    def typed(self) -> dict[str, Any]:
        """As `edits.merged` reads it."""
        return {**self.rule.typed(), "steps": self.steps.typed()}

    def rearranged(self, how: str) -> "WholeForm":
        """The same as it was typed, with other rows of steps. Nothing of it is looked at."""
        rows, focus = step_forms.rearranged([step.raw() for step in self.steps], how)
        found = WholeForm(initial=self.rule.raw(), steps=rows, **self._made_of)
        found.focus = focus + 1
        return found

    def refuse(self, invalid: Invalid) -> None:
        """Show what the command refused at the fields that it names."""
        for field, sentence in invalid.errors.items():
            self.rule.add_error(field if field in self.rule.fields else None, sentence)

    # --- What the list of errors asks of a form -------------------------------------------------------

    @property
    def errors(self) -> bool:
        return any(part.errors for part in self._parts()) or bool(self._of_lists())

    @property
    def non_field_errors(self) -> list[str]:
        return [
            text for part in self._parts() for text in part.non_field_errors()
        ] + self._of_lists()

    def __iter__(self) -> Iterator[forms.BoundField]:
        for part in self._parts():
            yield from part

    def _parts(self) -> Iterator[Part]:
        yield self.rule
        for step in self.steps:
            yield step
            yield from step.escalations

    def _of_lists(self) -> list[str]:
        """Of the lists of forms: that one is too long, or not complete."""
        lists = [self.steps, *(step.escalations for step in self.steps)]
        return [text for one in lists if one.is_bound for text in one.non_form_errors()]

    def in_words(self) -> str:
        """What was typed, line by line, to be kept where it can't be saved."""
        lines = []
        for part in self._parts():
            said = f"{part.called}: " if part.called else ""
            lines += [f"{said}{one.label}: {_words(one)}" for one in part if _is_said(one)]
        return visible("\n".join(lines))


def _is_said(field: forms.BoundField) -> bool:
    return not field.is_hidden and field.value() not in UNSET


def _words(field: forms.BoundField) -> str:
    value = field.value()
    if value is True:
        return "yes"
    labels = dict(getattr(field.field, "choices", ()))
    several = value if isinstance(value, list) else [value]
    return ", ".join(str(labels.get(one, one)) for one in several)


def for_rule(
    *, names: Names, was: Mapping[str, Any], purpose: str, places: Choices = (), place: str = ""
) -> WholeForm:
    """Nothing typed yet. A new rule begins with one empty step."""
    initial = {**rule_form.initial(was), "purpose": purpose, "place": place}
    steps = step_forms.initial(was) if was else [{}]
    return WholeForm(names=names, was=was, places=places, initial=initial, steps=steps)
