"""Gift cards, through an HTTP service that honours keys: a card's address is the effect's id."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django import forms

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
    text_schema,
)
from approvals.kinds.calling import Answer, CallFailed, call
from approvals.refusals import Invalid
from approvals.wording import MalformedMoney, money, parse_money
from gift_cards.causes import CAUSES, OUT_OF_STOCK, RECIPIENT_REFUSED

HERE = Path(__file__).parent
LARGEST = 50_000
CAUSE_OF_CODE = {"sold_out": OUT_OF_STOCK, "recipient_refused": RECIPIENT_REFUSED}


class GiftCardForm(PayloadForm):
    order = forms.CharField(label="Order", max_length=60)
    recipient = forms.EmailField(label="Recipient", max_length=200)
    amount = forms.CharField(label="Amount", max_length=30, help_text="For example 25.00.")
    currency = forms.ChoiceField(
        label="Currency", choices=[(code, code) for code in sorted(DIGITS)]
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "amount" in cleaned and "currency" in cleaned:
            try:
                cleaned["amount"] = parse_money(cleaned["amount"], cleaned["currency"])
            except MalformedMoney as error:
                self.add_error("amount", str(error))
        return cleaned


class GiftCard(Kind):
    slug = "gift_card"  # in URLs, rows and policies; never change it
    prefix = "GC"  # two to four capital letters: GC-1001
    label = "Gift card"
    description = "Send a customer a gift card by e-mail."
    system = "Gift card service"  # who does it, as people say it
    form = GiftCardForm
    payload_schema = text_schema(
        {"order": 60, "recipient": 200},
        amount={"type": "integer", "minimum": 1, "maximum": LARGEST},
        currency={"type": "string", "enum": sorted(DIGITS)},
    )
    private_labels = frozenset(["Recipient"])
    impersonal = ("amount", "currency")
    causes = CAUSES
    runbooks = HERE / "runbooks"
    replies = HERE / "replies"
    reply_fields = ("order",)

    def check(self, payload: Payload) -> dict[str, Any]:
        texts = {name: value for name, value in payload.items() if name != "amount"}
        clean = require(texts, {"order": 60, "recipient": 200, "currency": 3})
        errors = {}
        if "@" not in clean["recipient"]:
            errors["recipient"] = "Enter the recipient's e-mail address."
        if clean["currency"] not in DIGITS:
            errors["currency"] = "Choose a currency by its three letters, such as EUR."
        amount = payload.get("amount")
        if type(amount) is not int or not 0 < amount <= LARGEST:
            errors["amount"] = f"Enter a whole number of minor units, at most {LARGEST}."
        if errors:
            raise Invalid(errors)
        return {**clean, "amount": amount}

    def money(self, payload: Payload) -> tuple[int, str]:
        return payload["amount"], payload["currency"]

    def subject(self, payload: Payload) -> str:
        return payload["order"]  # two open requests with one subject collide

    def title(self, payload: Payload) -> str:
        return f"Gift card {money(*self.money(payload))}"

    def subtitle(self, payload: Payload) -> str:
        return f"Order {payload['order']}"

    def target(self, payload: Payload) -> str:
        return f"order {payload['order']}"

    def facts(self, payload: Payload) -> Sequence[Fact]:
        return [
            Fact("Order", payload["order"]),
            Fact("Amount", money(*self.money(payload))),
            Fact("Recipient", payload["recipient"], is_private=True),
        ]

    def reply_facts(self, payload: Payload) -> Mapping[str, str]:
        return {"order": payload["order"]}

    def secrets(self) -> Sequence[str]:
        return [os.environ.get("GIFT_CARD_SECRET", "")]

    def send(self, effect: Effect) -> Done | Refused | Unknown:
        if not _is_set_up():
            return Refused("not-configured", permanent=False)
        try:
            answer = _call("PUT", effect, json.dumps(dict(effect.payload)).encode())
        except CallFailed as failure:
            return failure.result()
        if answer.status == 200:
            return _read(answer, effect)
        cause = CAUSE_OF_CODE.get((answer.fields or {}).get("error"))
        if answer.status == 422 and cause is not None:
            return Refused(cause.code, permanent=not cause.retries, evidence=answer.evidence)
        return Unknown("provider-error", answer.evidence, answer.retry_after_s)

    def look_up(self, effect: Effect) -> Done | Refused | Absent | Unknown:
        if not _is_set_up():
            return Unknown("no-answer", "The gift card service is not set up here.")
        try:
            answer = _call("GET", effect)
        except CallFailed as failure:
            return Unknown("no-answer", failure.evidence)
        if answer.status == 404 and (answer.fields or {}).get("error") == "not_found":
            return Absent("The gift card service has no card at this address.")
        if answer.status == 200:
            return _read(answer, effect)
        return Unknown("provider-error", answer.evidence, answer.retry_after_s)


def _is_set_up() -> bool:
    return bool(os.environ.get("GIFT_CARD_URL") and os.environ.get("GIFT_CARD_SECRET"))


def _call(method: str, effect: Effect, content: bytes | None = None) -> Answer:
    return call(
        method,
        f"{os.environ.get('GIFT_CARD_URL', '')}/cards/{effect.id}",
        headers={
            "Authorization": f"Bearer {os.environ.get('GIFT_CARD_SECRET', '')}",
            "Idempotency-Key": effect.key,
            "Content-Type": "application/json",
        },
        content=content,
        seconds=float(os.environ.get("GIFT_CARD_TIMEOUT_S", "10")),
    )


def _read(answer: Answer, effect: Effect) -> Done | Unknown:
    """A yes counts only for the card that we asked for, in everything that it names."""
    card = answer.fields or {}
    if any(card.get(name) != effect.payload[name] for name in ("amount", "currency", "order")):
        return Unknown("answer-of-another", answer.evidence)
    reference = card.get("reference")
    if card.get("id") == effect.id and isinstance(reference, str) and reference:
        return Done(reference, answer.evidence)
    return Unknown("unreadable-answer", answer.evidence)
