"""What is typed about who may do what."""

from typing import Any

from django import forms

from accounts.models import Membership, Team
from approvals.currencies import DIGITS
from approvals.wording import MalformedMoney, money, parse_money
from rights.changes import Seat
from rights.commands.proposals import LONGEST_REASON


class WhyForm(forms.Form):
    """Why rights change."""

    reason = forms.CharField(
        label="Why?",
        help_text="The other administrator reads it, and whoever reviews access in a year.",
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={
            "required": "Say why. Whoever reviews it reads this.",
            "max_length": f"Write at most {LONGEST_REASON:,} characters.",
        },
    )


class AddressForm(WhyForm):
    """The address that a person signs in with."""

    address = forms.EmailField(
        label="New e-mail address",
        max_length=254,
        error_messages={"required": "Enter the address.", "invalid": "Enter an e-mail address."},
    )
    field_order = ("address", "reason")


class SeatForm(WhyForm):
    """A person's seat in one team."""

    member = forms.ChoiceField(
        label="Membership",
        choices=[("yes", "Is a member"), ("no", "Is no member")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whether they are a member."},
    )
    is_lead = forms.BooleanField(label="Leads the team", required=False)
    limit = forms.CharField(
        label="Decides up to",
        help_text="For one request, with the currency, such as EUR 2,000. Empty: any amount.",
        max_length=40,
        required=False,
    )
    field_order = ("member", "is_lead", "limit", "reason")

    @classmethod
    def initial_of(cls, seat: Membership | None) -> dict[str, Any]:
        if seat is None:
            return {"member": "yes"}
        limit = seat.limit_amount
        return {
            "member": "yes",
            "is_lead": seat.is_lead,
            "limit": money(limit, seat.limit_currency) if limit is not None else "",
        }

    def clean_limit(self) -> tuple[int | None, str]:
        typed = self.cleaned_data["limit"].strip()
        if not typed:
            return None, ""
        currency, amount = typed[:3].upper(), typed[3:].strip()
        if currency not in DIGITS:
            raise forms.ValidationError("Begin with the currency, as in EUR 2,000.")
        try:
            return parse_money(amount, currency), currency
        except MalformedMoney as malformed:
            raise forms.ValidationError(str(malformed)) from malformed

    def written(self, person: int, team: Team) -> dict[str, Any]:
        """As `rights.changes` reads it."""
        place = {"what": "seat", "person": person, "team": team.pk}
        if self.cleaned_data["member"] == "no":
            return {**place, "leave": True}
        amount, currency = self.cleaned_data["limit"]
        seat = Seat(self.cleaned_data["is_lead"], amount, currency)
        return {**place, "lead": seat.is_lead, "limit": amount, "currency": currency}


class SearchForm(forms.Form):
    q = forms.CharField(label="Name or e-mail", max_length=100, required=False)
