"""A rule but for its steps: its name, when it counts, and what else it says."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from django import forms

from approvals.policy_table import AMOUNTS
from approvals.wording import visible
from policies import typed
from policies.commands.drafts import LONGEST_PURPOSE
from policies.rule_forms.fields import (
    Choice,
    Choices,
    Names,
    Part,
    TimeSpan,
    amount,
    whole,
    yes,
)

PLAIN = ("kind", "currency", "requester_team", "origin", "value_currency")  # conditions of one word
FIRST = ("kind", "currency", "amount_from", "amount_to")
MORE = (
    *("requester_team", "origin", "value_currency", "value_from", "value_to"),
    *("recent_of", "recent_within", "recent_count_from", "recent_total_from"),
)
BESIDES = ("distinct_people", "if_nobody_can", "start_delay", "max_attempts", "expires_after")
WHOSE = {
    "customer": "Of the same customer",
    "requester": "Of the same requester",
    "requester_team": "Of the requester’s teams",
}
NOBODY_CAN = {"flag": "It is asked for, and shown", "refuse": "It is refused"}


class RuleForm(Part):
    """`was`: the rule as it stands, empty for a new one. `places`: where a new one can be put."""

    name = forms.CharField(
        label="Name",
        help_text="Shown on every request that it catches. Each rule has a name of its own.",
        max_length=120,
        strip=False,
        error_messages={
            "required": "Give the rule a name.",
            "max_length": "Write a name of at most 120 characters.",
        },
    )
    place = forms.ChoiceField(
        label="Where it stands",
        help_text="From top to bottom, the first rule that matches counts.",
        error_messages={
            "required": "Choose where it stands.",
            "invalid_choice": "Choose one of the list.",
        },
    )
    kind = Choice("Type of request", "Any")
    currency = Choice("Currency", "Any")
    amount_from = amount("Amount from", "This much or more, such as 1,000.01.")
    amount_to = amount("Amount up to", "This much or less.")
    requester_team = Choice("Asked by a member of", "Anybody")
    origin = Choice("Asked", "In any way", [("page", "On a page"), ("api", "Through the API")])
    value_currency = Choice(
        "Worth, in",
        "Does not matter",
        help_text="What the amount is worth in this currency, by the newest rate.",
    )
    value_from = amount("Worth from", "Without a rate it counts as more.")
    value_to = amount("Worth up to")
    recent_of = Choice(
        "What was asked recently",
        "Does not matter",
        list(WHOSE.items()),
        help_text="Requests of one type, this one with them.",
    )
    recent_within = TimeSpan("Within", "Such as 7 d.", is_long=True)
    recent_count_from = whole("This many or more", typed.MOST, "Either a number or a sum.")
    recent_total_from = amount("This sum or more", "In the currency above.")
    distinct_people = yes("Other people for each step", "Who decided one step counts for no other.")
    if_nobody_can = forms.ChoiceField(
        label="When nobody could approve it",
        choices=list(NOBODY_CAN.items()),
        error_messages={
            "required": "Choose what happens then.",
            "invalid_choice": "Choose one of the list.",
        },
    )
    start_delay = TimeSpan(
        "Time before it starts",
        "Such as 30 s: until then, who approved last can take it back. Empty: at once.",
    )
    max_attempts = whole("Tries", 50, "After the last one a person is needed. Empty: 8.")
    expires_after = TimeSpan(
        "Expires after", "When nobody has decided it, such as 7 d. 0 s: never. Empty: 30 d."
    )
    nobody = yes("Nobody has to approve it", "Only for a rule without steps.")
    purpose = forms.CharField(
        label="What is the draft for?",
        help_text="Whoever publishes it reads this, and whoever asks in a year.",
        max_length=LONGEST_PURPOSE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self, *args: Any, names: Names, was: Mapping[str, Any], places: Choices, **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.was = was
        if places:
            self.fields["place"].choices = places
        else:
            del self.fields["place"]
        self.fields["kind"].offer(names.kinds)
        self.fields["requester_team"].offer(names.teams)
        for word in ("currency", "value_currency"):
            self.fields[word].offer(names.currencies)

    def clean_name(self) -> str:
        """In one line, without what nobody sees. The name that it has may stay as it is."""
        text, was = self.cleaned_data["name"], self.was.get("name", "")
        if was and _in_one_line(text) == _in_one_line(was):
            return was
        name = " ".join(unicodedata.normalize("NFC", text).split())
        if not name:
            raise forms.ValidationError("Give the rule a name.")
        if visible(name) != name:
            raise forms.ValidationError("Write the name without characters that nobody sees.")
        return name

    def clean(self) -> None:
        self._read_amounts("amount", "currency", "Choose the currency of the amount.")
        self._read_amounts("value", "value_currency", "Choose in which currency it is worth that.")
        self._check_value()
        self._check_recent()

    def _read_amounts(self, what: str, currency: str, missing: str) -> None:
        for name in (f"{what}_from", f"{what}_to"):
            self._read_amount(name, currency, missing)
        low, high = (self.cleaned_data.get(f"{what}_{end}") for end in ("from", "to"))
        if isinstance(low, int) and isinstance(high, int) and low > high:
            self.add_error(f"{what}_to", "Write at least as much as it begins from.")

    def _read_amount(self, name: str, currency: str, missing: str) -> None:
        """In minor units from here on; None for nothing."""
        text = self.cleaned_data.get(name)
        if not text:
            self.cleaned_data[name] = None
            return
        code = self.cleaned_data.get(currency)
        if not code:
            self._once(currency, missing)
            return
        try:
            self.cleaned_data[name] = typed.minor_units(text, code)
        except typed.Mistyped as mistyped:
            self.add_error(name, str(mistyped))

    def _once(self, field: str, sentence: str) -> None:
        if field not in self.errors:
            self.add_error(field, sentence)

    def _check_value(self) -> None:
        names = {"value_from", "value_to"}
        is_empty = all(self.cleaned_data.get(name) is None for name in names)
        if self.cleaned_data.get("value_currency") and is_empty and not names & set(self.errors):
            self.add_error("value_from", "Write from or up to how much it is worth.")

    def _check_recent(self) -> None:
        found, limits = self.cleaned_data, ("recent_count_from", "recent_total_from")
        if not found.get("recent_of"):
            if any(found.get(name) for name in ("recent_within", *limits)):
                self._once("recent_of", "Choose whose requests are counted, or empty the rest.")
            return
        if found.get("recent_within") is None:
            self._once("recent_within", "Write within which time, such as 7 d.")
        self._read_amount("recent_total_from", "currency", "Choose the currency of the sum.")
        given = [name for name in limits if found.get(name) is not None]
        if len(given) != 1 and not set(limits) & set(self.errors):
            self.add_error("recent_count_from", "Write either a number or a sum.")
        if found.get("recent_total_from") == 0:
            self.add_error("recent_total_from", "Write a sum of more than nothing.")

    def typed(self) -> dict[str, Any]:
        """As `edits.merged` reads it."""
        found = self.cleaned_data
        when = {word: found[word] or None for word in PLAIN}
        when |= {word: found[word] for word in AMOUNTS}
        recent = {
            word: found[f"recent_{word}"] for word in ("of", "within", "count_from", "total_from")
        }
        return {
            "name": found["name"],
            "when": {**when, "recent": recent if found["recent_of"] else None},
            **{word: found[word] for word in BESIDES},
        }

    def conditions(self) -> list[forms.BoundField]:
        return self.some(*FIRST)

    def more_conditions(self) -> dict[str, Any]:
        return {"fields": self.some(*MORE), "is_open": self.says_any(*MORE)}

    def besides(self) -> dict[str, Any]:
        said = self["if_nobody_can"].value() == "refuse"
        others = [name for name in BESIDES if name != "if_nobody_can"]
        return {"fields": self.some(*BESIDES), "is_open": said or self.says_any(*others)}


def _in_one_line(text: str) -> str:
    """As a browser sends it."""
    return text.replace("\r", "").replace("\n", "")


def initial(rule: Mapping[str, Any]) -> dict[str, Any]:
    """What its form begins with."""
    when = rule.get("when", {})
    recent = when.get("recent", {})
    currency = when.get("currency", "")
    shown = {word: when.get(word, "") for word in PLAIN}
    for word in AMOUNTS:
        of = when.get("value_currency", "") if word.startswith("value") else currency
        shown[word] = typed.shown(when.get(word), of)
    shown |= {f"recent_{word}": recent.get(word) for word in ("of", "within", "count_from")}
    return {
        **shown,
        "recent_total_from": typed.shown(recent.get("total_from"), currency),
        "name": rule.get("name", ""),
        "nobody": rule.get("steps") == [],
        "if_nobody_can": "flag",
        **{word: rule[word] for word in BESIDES if word in rule},
    }
