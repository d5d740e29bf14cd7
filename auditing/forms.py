"""The explorer's filters, read from the address. What cannot be understood is said, never ignored."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from approvals.wording import visible
from audit.models import Outcome
from auditing import catalogue, queries
from auditing.searching import Wanted

LONGEST = 200
DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
REFERENCE = re.compile(r"[A-Za-z]{2,4}-[0-9]{1,15}", re.ASCII)
TYPE_AND_ID = re.compile(r"([a-z_]{1,40})[/ ](\S.{0,99})", re.ASCII)
OUTCOMES = {
    Outcome.SUCCESS: "Done",
    Outcome.DENIED: "Refused",
    Outcome.FAILED: "Failed",
    Outcome.IN_DOUBT: "Outcome unknown",
}
# What is no account: by the word that people type.
MACHINES = {"worker": "worker", "clock": "clock", "provider": "provider", "service": "service"}
FIRST_YEAR, LAST_YEAR = 2000, 2999


class ExplorerFilter(forms.Form):
    """`people` holds the accounts that “who” may mean, when they are several."""

    who = forms.CharField(label="Who", required=False, max_length=LONGEST)
    what = forms.ChoiceField(label="What", required=False)
    outcome = forms.ChoiceField(
        label="Outcome", required=False, choices=[("", "All"), *OUTCOMES.items()]
    )
    object = forms.CharField(label="Object", required=False, max_length=LONGEST)
    interaction = forms.CharField(label="Interaction", required=False, max_length=LONGEST)
    since = forms.DateField(label="From (UTC)", required=False, widget=DAY)
    to = forms.DateField(label="To (UTC)", required=False, widget=DAY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people: list = []
        self.fields["what"].choices = [("", "All"), *_grouped_actions()]
        self.fields["what"].error_messages["invalid_choice"] = "There is no such action."
        self.fields["outcome"].error_messages["invalid_choice"] = "There is no such outcome."
        for name in ("since", "to"):
            self.fields[name].error_messages["invalid"] = "Write a day like 2026-11-24."
        examples = {"who": "Name, e-mail", "object": "RF-2041", "interaction": "Correlation id"}
        for name, example in examples.items():
            self.fields[name].widget.attrs["placeholder"] = example

    def clean_who(self) -> dict[str, str]:
        """The part of `Wanted` that it stands for."""
        text = self.cleaned_data["who"]
        if not text:
            return {}
        if text.lower() in MACHINES:
            return {"actor_type": MACHINES[text.lower()]}
        if text.isascii() and (text.isdigit() or ":" in text or "/" in text):
            return {"actor": text[:100]}
        self.people = queries.people_named(text)
        if not self.people:
            raise forms.ValidationError(
                f"Nobody is called “{visible(text)}”. Write a name, an e-mail address, or worker, "
                "clock, provider or service."
            )
        if len(self.people) > 1:
            raise forms.ValidationError(f"“{visible(text)}” may be several people. Choose one.")
        return {"actor": str(self.people[0].pk)}

    def clean_object(self) -> dict[str, str]:
        """A request by its reference, a type of object, or one object by type and id."""
        text = self.cleaned_data["object"]
        if not text:
            return {}
        if REFERENCE.fullmatch(text):
            return {"target_type": "request", "target_id": text.upper()}
        if text in catalogue.objects():
            return {"target_type": text}
        one = TYPE_AND_ID.fullmatch(text)
        if one and one[1] in catalogue.objects():
            return {"target_type": one[1], "target_id": one[2]}
        raise forms.ValidationError(
            "Write a reference such as RF-2041, a type such as policy, or both, such as policy/refunds."
        )

    def clean_since(self) -> datetime | None:
        return _midnight(self.cleaned_data["since"])

    def clean_to(self) -> datetime | None:
        """The end of that day, which is in."""
        at = _midnight(self.cleaned_data["to"])
        return at + timedelta(days=1) if at else None

    def clean(self) -> dict[str, Any]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("to")
        if since and until and since >= until:
            self.add_error("to", "The last day is before the first.")
        return self.cleaned_data

    @property
    def wanted(self) -> Wanted:
        """Of a valid form."""
        said = self.cleaned_data
        return Wanted(
            action=said["what"],
            outcome=said["outcome"],
            interaction=said["interaction"],
            since=said["since"],
            until=said["to"],
            **said["who"],
            **said["object"],
        )

    @property
    def filters(self) -> dict[str, str]:
        """Those that are on, as they were typed; for the address, the event and the file alike."""
        typed = {name: self.data.get(name, "").strip() for name in self.fields}
        return {name: text for name, text in typed.items() if text}


def _grouped_actions() -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (title, [(word.action, f"{word.verb.capitalize()} ({word.action})") for word in words])
        for title, words in catalogue.grouped()
    ]


def _midnight(day: Any) -> datetime | None:
    if day is None:
        return None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise forms.ValidationError("Write a day of this millennium.")
    return datetime.combine(day, time(), tzinfo=UTC)
