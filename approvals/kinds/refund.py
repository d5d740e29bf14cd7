"""Refunds of card payments, through Stripe's API (https://docs.stripe.com/api/refunds).

What its answers mean is in `stripe_answers.py`, how they are fetched in `stripe_client.py`.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import stripe
from django import forms
from django.conf import settings

from approvals.currencies import DIGITS
from approvals.kinds import stripe_answers, stripe_client
from approvals.kinds.base import (
    Absent,
    Done,
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
from approvals.kinds.stripe_answers import MARK, field_of
from approvals.kinds.stripe_client import Unreadable, plain, refunds_of
from approvals.refusals import Invalid
from approvals.wording import MalformedMoney, money, parse_money, visible

LARGEST = 10**12  # minor units; also far below 2**53, the largest whole number of JSON
PAYMENT = re.compile(r"(pi|ch|py)_[A-Za-z0-9_]{1,80}", re.ASCII)
REASONS = [
    ("lost_parcel", "Lost parcel"),
    ("damaged", "Damaged"),
    ("duplicate", "Charged twice"),
    ("fraudulent", "Fraudulent"),
    ("goodwill", "Goodwill"),
    ("other", "Other"),
]
STRIPE_REASONS = ("duplicate", "fraudulent")
BANK_DAYS = ("5", "10")  # business days until a bank shows a refund, by our policy
LEAST = "The amount must be more than 0."


class RefundForm(PayloadForm):
    order = forms.CharField(label="Order", max_length=60)
    payment = forms.CharField(
        label="Payment", max_length=90, help_text="As the payment provider writes it: pi_88120."
    )
    amount = forms.CharField(label="Amount", max_length=30, help_text="For example 1,240.00.")
    currency = forms.ChoiceField(
        label="Currency", choices=[(code, code) for code in sorted(DIGITS)], initial="EUR"
    )
    reason_code = forms.ChoiceField(label="Category", choices=REASONS, widget=forms.RadioSelect)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "amount" in cleaned and "currency" in cleaned:
            try:
                cleaned["amount"] = parse_money(cleaned["amount"], cleaned["currency"])
            except MalformedMoney as error:
                self.add_error("amount", str(error))
        return cleaned


class Refund(Kind):
    slug = "refund"
    prefix = "RF"
    label = "Refund"
    description = "Give a customer money back, to the card or account they paid with."
    system = "Stripe"
    form = RefundForm
    payload_schema = text_schema(
        {"order": 60},
        payment={"type": "string", "pattern": "^(pi|ch|py)_[A-Za-z0-9_]{1,80}$"},
        amount={
            "type": "integer",
            "minimum": 1,
            "maximum": LARGEST,
            "description": "In minor units of the currency: 124000 with EUR is EUR 1,240.00.",
        },
        currency={"type": "string", "enum": sorted(DIGITS), "description": "ISO 4217."},
        reason_code={"type": "string", "enum": [code for code, _ in REASONS]},
    )
    may_fail_later = True
    after_done = f"The bank may need {BANK_DAYS[0]} to {BANK_DAYS[1]} business days."
    reply_fields = ("order", "bank_from", "bank_to")
    impersonal = ("amount", "currency", "reason_code")

    def check(self, payload: Payload) -> dict[str, Any]:
        amount = payload.get("amount")
        texts = {name: value for name, value in payload.items() if name != "amount"}
        errors: dict[str, str] = {}
        clean: dict[str, Any] = {}
        try:
            clean = require(texts, {"order": 60, "payment": 90, "currency": 3, "reason_code": 20})
        except Invalid as invalid:
            errors |= invalid.errors
        if clean.get("currency", "EUR") not in DIGITS:
            errors["currency"] = "Choose a currency by its three letters, such as EUR."
        if "payment" in clean and not PAYMENT.fullmatch(clean["payment"]):
            errors["payment"] = "Enter the payment as the provider writes it, such as pi_88120."
        if clean.get("reason_code", "other") not in dict(REASONS):
            errors["reason_code"] = "Choose one of the reasons."
        if type(amount) is not int:
            errors["amount"] = "Enter the amount as a whole number of minor units."
        elif amount <= 0:
            errors["amount"] = LEAST
        elif amount > LARGEST:
            errors["amount"] = "The amount is larger than any payment can be."
        if errors:
            raise Invalid(errors)
        return {**clean, "amount": amount}

    def money(self, payload: Payload) -> tuple[int, str]:
        return payload["amount"], payload["currency"]

    def subject(self, payload: Payload) -> str:
        return payload["payment"]

    def title(self, payload: Payload) -> str:
        return f"Refund {money(*self.money(payload))}"

    def subtitle(self, payload: Payload) -> str:
        return f"Order {payload['order']}"

    def target(self, payload: Payload) -> str:
        return f"payment {payload['payment']}"

    def facts(self, payload: Payload) -> Sequence[Fact]:
        return [
            Fact("Order", payload["order"]),
            Fact("Payment", payload["payment"]),
            Fact("Amount", money(*self.money(payload))),
            Fact("Category", dict(REASONS)[payload["reason_code"]]),
        ]

    def reply_facts(self, payload: Payload) -> Mapping[str, str]:
        return {"order": payload["order"], "bank_from": BANK_DAYS[0], "bank_to": BANK_DAYS[1]}

    def examine(self, payload: Payload) -> Sequence[Fact]:
        return self.examine_again(payload, "")

    def examine_again(self, payload: Payload, key: str) -> Sequence[Fact]:
        if not settings.STRIPE_API_KEY:
            return [Fact("Payment checked", "No: Stripe is not set up here")]
        try:
            paid, currency, refunded = _payment(payload["payment"], key)
        except stripe.StripeError as error:
            if error.http_status == 404 and error.json_body is not None:
                raise Invalid({"payment": "The provider knows no such payment."}) from error
            return [Fact("Payment checked", "No: Stripe did not answer")]
        except Unreadable:
            return [Fact("Payment checked", "No: Stripe's answer was not understood")]
        if currency != payload["currency"]:
            raise Invalid({"currency": f"This payment is in {visible(currency)}."})
        left = paid - refunded
        if payload["amount"] > left:
            most = money(left, currency)
            raise Invalid({"amount": f"Enter an amount up to {most}, the sum still refundable."})
        return [
            Fact("Paid", money(paid, currency)),
            Fact("Refunded before", money(refunded, currency)),
            Fact("Refunded after", money(refunded + payload["amount"], currency)),
        ]

    def secrets(self) -> Sequence[str]:
        return [settings.STRIPE_API_KEY, *settings.STRIPE_WEBHOOK_SECRETS]

    def send(self, effect: Effect) -> Done | Refused | Unknown:
        if not settings.STRIPE_API_KEY:
            return Refused("not-configured", permanent=False)
        try:
            made = _client().v1.refunds.create(_asked(effect), {"idempotency_key": effect.key})
        except stripe.StripeError as error:
            return stripe_answers.classified(error)
        return stripe_answers.read(plain(made), effect)

    def look_up(self, effect: Effect) -> Done | Refused | Absent | Unknown:
        if not settings.STRIPE_API_KEY:
            return Unknown("no-answer", "Stripe is not set up here, so it was not asked.")
        payment = effect.payload["payment"]
        try:
            return stripe_answers.find(refunds_of(_client(), field_of(payment), payment), effect)
        except Unreadable as trouble:
            return Unknown("unreadable-answer", str(trouble))
        except stripe.StripeError as error:
            seen = stripe_answers.classified(error)
            cause = seen.cause if isinstance(seen, Unknown) else "no-answer"
            return Unknown(cause, seen.evidence, seen.retry_after_s)


@functools.cache
def _client() -> stripe.StripeClient:
    return stripe_client.client()


def _asked(effect: Effect) -> dict[str, Any]:
    """What Stripe is told. Its `reason` has three words: ours goes along where it is one of them."""
    payload = effect.payload
    asked = {
        field_of(payload["payment"]): payload["payment"],
        "amount": payload["amount"],
        "metadata": {MARK: effect.id, "approval_queue_ref": effect.ref},
    }
    if payload["reason_code"] in STRIPE_REASONS:
        asked["reason"] = payload["reason_code"]
    return asked


def _payment(payment: str, key: str) -> tuple[int, str, int]:
    """Paid and refunded in minor units, and the currency; without what has this key. Raise as
    `refunds_of` does."""
    client = _client()
    if field_of(payment) == "payment_intent":
        found = plain(client.v1.payment_intents.retrieve(payment))
        paid = found.get("amount_received")
    else:
        found = plain(client.v1.charges.retrieve(payment))
        paid = found.get("amount_captured")
    currency = found.get("currency")
    if found.get("id") != payment or type(paid) is not int or not isinstance(currency, str):
        raise Unreadable("The answer is not this payment.")
    refunded = 0
    for refund in refunds_of(client, field_of(payment), payment):
        is_own = key and stripe_answers.mark_of(refund) == key
        if refund.get("status") not in stripe_answers.OVER and not is_own:
            if type(refund.get("amount")) is not int:
                raise Unreadable("A refund has no amount.")
            refunded += refund["amount"]
    return paid, currency.upper(), refunded
