"""Work that only a person can do: they follow the instructions and say so with evidence."""

from collections.abc import Sequence
from typing import Any

from django import forms

from approvals.kinds.base import (
    Absent,
    Effect,
    Fact,
    Kind,
    Payload,
    PayloadForm,
    Refused,
    Unknown,
    require,
    text_schema,
)


class ManualForm(PayloadForm):
    title = forms.CharField(label="Task", max_length=120)
    instructions = forms.CharField(
        label="Instructions", max_length=4000, widget=forms.Textarea(attrs={"rows": 5})
    )


class Manual(Kind):
    slug = "manual"
    prefix = "MN"
    label = "Manual task"
    description = "Something no system does for us: a person follows your instructions."
    system = "A person"
    form = ManualForm
    is_outside = False
    payload_schema = text_schema({"title": 120, "instructions": 4000})

    def check(self, payload: Payload) -> dict[str, Any]:
        return require(payload, {"title": 120, "instructions": 4000})

    def subject(self, payload: Payload) -> str:
        return payload["title"].casefold()

    def title(self, payload: Payload) -> str:
        return payload["title"]

    def subtitle(self, payload: Payload) -> str:
        return "By hand"

    def target(self, payload: Payload) -> str:
        return "a person"

    def facts(self, payload: Payload) -> Sequence[Fact]:
        return [
            Fact("Task", payload["title"]),
            Fact("Instructions", payload["instructions"]),
        ]

    def send(self, effect: Effect) -> Refused:
        return Refused("by-hand", permanent=True)

    def look_up(self, effect: Effect) -> Absent | Unknown:
        return Absent("No outside system takes part.")
