"""Refunds of card payments, through Stripe's API (https://docs.stripe.com/api/refunds).

The outcome table is docs/reference/outcomes.md: refused before sending → not sent; no answer or
5xx → unknown; 409 and 429 → not decided; 4xx → refused for good.
"""

import functools
import re
from collections.abc import Sequence
from typing import Any

import requests
import stripe
from django import forms
from django.conf import settings

from approvals.currencies import DIGITS
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
)
from approvals.kinds.evidence import masked
from approvals.refusals import Invalid
from approvals.wording import MalformedMoney, money, parse_money

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
STRIPE_REASON = {"duplicate": "duplicate", "fraudulent": "fraudulent"}
CAUSE_OF_CODE = {
    "charge_already_refunded": "already-refunded",
    "amount_too_large": "amount-above-payment",
    "resource_missing": "payment-not-found",
    "charge_disputed": "payment-disputed",
}
# How urllib3 and ssl name a connection that failed before anything could be sent.
NEVER_CONNECTED = ("NewConnectionError", "NameResolutionError", "SSLCertVerificationError")
MARK = "approval_queue_effect_id"
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
    may_fail_later = True
    after_done = "The bank may need 5 to 10 business days."

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

    def customer_words(self, payload: Payload) -> str:
        return f"your refund of {money(*self.money(payload))} for order {payload['order']}"

    def examine(self, payload: Payload) -> Sequence[Fact]:
        if not settings.STRIPE_API_KEY:
            return [Fact("Payment checked", "No: Stripe is not set up here")]
        try:
            paid, currency, refunded = _payment(payload["payment"])
        except stripe.StripeError as error:
            if error.http_status == 404:
                raise Invalid({"payment": "The provider knows no such payment."}) from error
            return [Fact("Payment checked", "No: Stripe did not answer")]
        if currency != payload["currency"]:
            raise Invalid({"currency": f"This payment is in {currency}."})
        left = paid - refunded
        if payload["amount"] > left:
            most = money(left, currency)
            raise Invalid({"amount": f"Enter an amount up to {most}, the sum still refundable."})
        return [
            Fact("Paid", money(paid, currency)),
            Fact("Refunded before", money(refunded, currency)),
            Fact("Refunded after", money(refunded + payload["amount"], currency)),
        ]

    def send(self, effect: Effect) -> Done | Refused | Unknown:
        if not settings.STRIPE_API_KEY:
            return Refused("not-configured", permanent=False)
        asked: dict[str, Any] = {
            _field(effect.payload["payment"]): effect.payload["payment"],
            "amount": effect.payload["amount"],
            "reason": STRIPE_REASON.get(effect.payload["reason_code"], "requested_by_customer"),
            "metadata": {MARK: effect.id, "approval_queue_ref": effect.ref},
        }
        try:
            made = _client().v1.refunds.create(asked, {"idempotency_key": effect.key})
        except stripe.StripeError as error:
            return _classified(error)
        return _read(made)

    def look_up(self, effect: Effect) -> Done | Refused | Absent | Unknown:
        field = _field(effect.payload["payment"])
        try:
            listed = _client().v1.refunds.list({field: effect.payload["payment"], "limit": 100})
            for found in listed.auto_paging_iter():
                if found.metadata and MARK in found.metadata and found.metadata[MARK] == effect.id:
                    return _read(found)
        except stripe.StripeError as error:
            seen = _classified(error)
            return Unknown(seen.cause if isinstance(seen, Unknown) else "no-answer", seen.evidence)
        return Absent("The provider lists no refund of this payment with our mark.")


@functools.cache
def _client() -> stripe.StripeClient:
    return stripe.StripeClient(
        settings.STRIPE_API_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=0,  # retries are ours: with an attempt, an event and a stored time
        http_client=stripe.RequestsClient(timeout=settings.STRIPE_TIMEOUT_S),
    )


def _field(payment: str) -> str:
    return "payment_intent" if payment.startswith("pi_") else "charge"


def _payment(payment: str) -> tuple[int, str, int]:
    """Paid and refunded in minor units, and the currency."""
    client = _client()
    if _field(payment) == "payment_intent":
        found = client.v1.payment_intents.retrieve(payment)
        paid = found.amount_received
    else:
        found = client.v1.charges.retrieve(payment)
        paid = found.amount_captured
    listed = client.v1.refunds.list({_field(payment): payment, "limit": 100})
    refunded = sum(
        refund.amount
        for refund in listed.auto_paging_iter()
        if refund.status not in ("failed", "canceled")
    )
    return paid, found.currency.upper(), refunded


def _read(refund: stripe.Refund) -> Done | Refused | Unknown:
    reference = str(getattr(refund, "id", "") or "")
    status = getattr(refund, "status", None)
    evidence = masked(f"Refund {reference}: status {status}.")
    if not reference:
        return Unknown("unreadable-answer", evidence)
    if status == "succeeded":
        return Done(reference, evidence)
    if status in ("failed", "canceled"):
        return Refused("failed-at-provider", permanent=True, evidence=evidence)
    if status in ("pending", "requires_action"):
        return Unknown("provider-pending", evidence)
    return Unknown("unreadable-answer", evidence)


def _classified(error: stripe.StripeError) -> Refused | Unknown:
    status = error.http_status
    evidence = masked(f"HTTP {status or 'without answer'}: {error.user_message or error}")
    if status is None:
        return _classified_network(error, evidence)
    if status == 429:
        return Refused("too-many-requests", False, evidence, _retry_after(error))
    if isinstance(error, stripe.IdempotencyError):
        return Refused("key-mismatch", permanent=True, evidence=evidence)
    if status == 409:
        return Refused("provider-busy", False, evidence, _retry_after(error))
    if status in (401, 403):
        return Refused("credentials-refused", permanent=False, evidence=evidence)
    if 400 <= status < 500:
        known = "card-declined" if status == 402 else "refused-by-provider"
        return Refused(CAUSE_OF_CODE.get(error.code or "", known), True, evidence)
    return Unknown("provider-error" if status >= 500 else "unreadable-answer", evidence)


def _classified_network(error: stripe.StripeError, evidence: str) -> Refused | Unknown:
    """Whether anything can have been sent: only a connection that was never made proves not."""
    seen = error.__cause__
    if isinstance(seen, requests.exceptions.ConnectTimeout):
        return Refused("not-reached", permanent=False, evidence=evidence)
    if any(word in repr(seen) for word in NEVER_CONNECTED):
        return Refused("not-reached", permanent=False, evidence=evidence)
    if isinstance(seen, requests.exceptions.Timeout):
        return Unknown("no-answer", evidence)
    return Unknown("connection-lost", evidence)


def _retry_after(error: stripe.StripeError) -> float | None:
    value = {name.lower(): text for name, text in (error.headers or {}).items()}.get("retry-after")
    return float(value) if value and value.isascii() and value.isdigit() else None
