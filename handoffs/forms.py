"""What people type into a handoff. Whether it may be so is the command's to say."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from accounts.models import Team, User
from approvals.kinds.base import PlainForm
from handoffs.commands.drafting import Typed, Words
from handoffs.filling import LONGEST_WORDS
from handoffs.models import Line, Section

LONGEST_NOTE = 2000
WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)
NEXT = re.compile(r"next_([0-9]{1,15})", re.ASCII)
MINUTE = "%Y-%m-%dT%H:%M"


def _moment(label: str, help_text: str = "") -> forms.DateTimeField:
    """A `datetime-local` field has no zone, so its label says which one is meant."""
    return forms.DateTimeField(
        label=f"{label} (UTC)",
        help_text=help_text,
        input_formats=[MINUTE, f"{MINUTE}:%S"],
        widget=forms.DateTimeInput(format=MINUTE, attrs={"type": "datetime-local", "step": "60"}),
        error_messages={"invalid": "Enter a day and a time in UTC."},
    )


class StartForm(PlainForm):
    """Between whom, and of which hours. `zone_note` says what the sender's own clock shows."""

    team = forms.TypedChoiceField(label="From team", coerce=int)
    to = forms.TypedChoiceField(
        label="To", coerce=int, help_text="They answer each request, and own what they accept."
    )
    shift_from = _moment("Your shift from")
    shift_to = _moment("Your shift to")

    def __init__(
        self,
        *args: Any,
        teams: Iterable[Team],
        people: Iterable[User],
        zone_note: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].choices = [(team.pk, team.name) for team in teams]
        self.fields["to"].choices = [
            ("", "Choose a person"),
            *((person.pk, f"{person.name}, {person.place}") for person in people),
        ]
        self.fields["to"].error_messages["required"] = "Choose to whom."
        self.fields["shift_from"].error_messages["required"] = "Enter when your shift began."
        self.fields["shift_to"].error_messages["required"] = "Enter when your shift ends."
        self.fields["shift_to"].help_text = zone_note


class DraftForm(forms.Form):
    """The words of a draft: for each risky line three fields, a tick for each empty section, a note."""

    note = forms.CharField(
        label="What the system cannot know",
        max_length=LONGEST_NOTE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"max_length": f"Write at most {LONGEST_NOTE:,} characters."},
    )

    def __init__(
        self,
        *args: Any,
        lines: Iterable[Line],
        people: Mapping[int, Iterable[User]],
        empty: Iterable[Section],
        **kwargs: Any,
    ) -> None:
        """`people`: by queue, who can own its requests."""
        super().__init__(*args, **kwargs)
        self.lines = list(lines)
        for line in self.lines:
            self._add_line(line, people.get(line.item.queue_id, ()))
        for section in empty:
            self.fields[f"none_{section.value}"] = forms.BooleanField(label="None", required=False)
        self.fields["note"] = self.fields.pop("note")  # in the order of the page

    def _add_line(self, line: Line, people: Iterable[User]) -> None:
        ref = line.item.ref
        self.fields[f"next_{line.pk}"] = _words(f"Next step for {ref}", line.next_step)
        self.fields[f"if_{line.pk}"] = _words(f"If, for {ref}", line.condition)
        self.fields[f"to_{line.pk}"] = forms.TypedChoiceField(
            label=f"{ref} goes to",
            coerce=int,
            choices=[(person.pk, person.name) for person in people],
            initial=line.to_id,
        )


def typed_of(posted: QueryDict) -> Typed:
    """What was sent with a draft, whether or not its lines are still those of the draft.

    So that the same form twice is the same command, also after it filled the draft in again.
    """
    lines = [int(found[1]) for name in posted if (found := NEXT.fullmatch(name))]
    return Typed(
        note=posted.get("note", ""),
        nones=tuple(name.removeprefix("none_") for name in posted if name.startswith("none_")),
        lines={
            pk: Words(
                posted[f"next_{pk}"], posted.get(f"if_{pk}", ""), _account(posted.get(f"to_{pk}"))
            )
            for pk in lines
        },
    )


def _account(text: str | None) -> int | None:
    """None for none; 0, which nobody has, for what is no number."""
    if not text:
        return None
    return int(text) if WHOLE.fullmatch(text) else 0


def _words(label: str, initial: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=LONGEST_WORDS,
        required=False,
        initial=initial,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": f"Write at most {LONGEST_WORDS} characters."},
    )
