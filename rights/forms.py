"""What is typed about who may do what."""

from typing import Any

from django import forms

from accounts.models import Ceiling, Membership, Team
from approvals.currencies import DIGITS
from approvals.wording import MalformedMoney, money, parse_money
from rights.commands.accounts import LONGEST_NAME
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


class AccountForm(forms.Form):
    """A new account; it may nothing yet."""

    name = forms.CharField(
        label="Name",
        max_length=LONGEST_NAME,
        error_messages={
            "required": "Enter the name.",
            "max_length": f"Write at most {LONGEST_NAME} characters.",
        },
    )
    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        help_text="They sign in with it, and mails go there.",
        error_messages={"required": "Enter the address.", "invalid": "Enter an e-mail address."},
    )
    is_program = forms.BooleanField(
        label="It is a program",
        help_text="It comes with tokens of the API. Nobody signs in, and it never approves.",
        required=False,
    )


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
    day = forms.CharField(
        label="In 24 hours up to",
        help_text="All that they approve for this team together. Empty: any sum.",
        max_length=40,
        required=False,
    )
    field_order = ("member", "is_lead", "limit", "day", "reason")

    @classmethod
    def initial_of(cls, seat: Membership | None, ceiling: Ceiling | None) -> dict[str, Any]:
        day = shown_limit(ceiling.amount, ceiling.currency) if ceiling else ""
        if seat is None:
            return {"member": "yes", "day": day}
        return {
            "member": "yes",
            "is_lead": seat.is_lead,
            "limit": shown_limit(seat.limit_amount, seat.limit_currency),
            "day": day,
        }

    def clean_limit(self) -> tuple[int | None, str]:
        return read_limit(self.cleaned_data["limit"])

    def clean_day(self) -> tuple[int | None, str]:
        return read_limit(self.cleaned_data["day"])

    def written(self, person: int, team: Team) -> list[dict[str, Any]]:
        """As `rights.changes` reads it. Whoever leaves keeps no ceiling."""
        place = {"person": person, "team": team.pk}
        leaves = self.cleaned_data["member"] == "no"
        amount, currency = self.cleaned_data["limit"]
        seat = {"lead": self.cleaned_data["is_lead"], "limit": amount, "currency": currency}
        day, day_currency = (None, "") if leaves else self.cleaned_data["day"]
        return [
            {"what": "seat", **place, **({"leave": True} if leaves else seat)},
            {"what": "ceiling", **place, "amount": day, "currency": day_currency},
        ]


class CeilingForm(WhyForm):
    """What a whole team may approve in 24 hours."""

    day = forms.CharField(
        label="In 24 hours up to",
        help_text="All approvals of the team together, such as EUR 50,000. Empty: any sum.",
        max_length=40,
        required=False,
    )
    field_order = ("day", "reason")

    def clean_day(self) -> tuple[int | None, str]:
        return read_limit(self.cleaned_data["day"])

    def written(self, team: Team) -> list[dict[str, Any]]:
        amount, currency = self.cleaned_data["day"]
        return [{"what": "ceiling", "team": team.pk, "amount": amount, "currency": currency}]


def read_limit(typed: str) -> tuple[int | None, str]:
    """“EUR 2,000” in minor units; nothing is None. Raises `ValidationError`."""
    typed = typed.strip()
    if not typed:
        return None, ""
    currency, amount = typed[:3].upper(), typed[3:].strip()
    if currency not in DIGITS:
        raise forms.ValidationError("Begin with the currency, as in EUR 2,000.")
    try:
        return parse_money(amount, currency), currency
    except MalformedMoney as malformed:
        raise forms.ValidationError(str(malformed)) from malformed


def shown_limit(amount: int | None, currency: str) -> str:
    return money(amount, currency) if amount is not None else ""


class SearchForm(forms.Form):
    q = forms.CharField(label="Name or e-mail", max_length=100, required=False)
