"""Changes of a customer account, through the account service's HTTP API (contract §7).

A change has an address of its own, made of the effect's id: a repeated PUT is the same change.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from django import forms
from django.conf import settings

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

CHANGES = {
    "payout_account": "Change payout account",
    "email": "Change e-mail address",
    "close": "Close account",
    "limit": "Change limit",
}
ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}", re.ASCII)
REFERENCE = re.compile(r"[\x21-\x7e]{1,200}")
NAMED = ("id", "account", "change", "to")  # what an answer may say about the change
CAUSE_OF_CODE = {"account_number_rejected": "account-number-rejected", "conflict": "key-mismatch"}


class AccountChangeForm(PayloadForm):
    account = forms.CharField(label="Customer account", max_length=60)
    change = forms.ChoiceField(label="Change", choices=CHANGES.items(), widget=forms.RadioSelect)
    to = forms.CharField(
        label="New value",
        max_length=200,
        required=False,
        help_text="The new payout account, e-mail address or limit. Empty to close the account.",
    )

    def payload(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if value}


class AccountChange(Kind):
    slug = "account_change"
    prefix = "AC"
    label = "Account change"
    description = "Change where a customer is paid, their e-mail address or limit, or close it."
    system = "Account service"
    reply_fields = ("change",)
    form = AccountChangeForm
    impersonal = ("change",)
    private_labels = frozenset(["From", "To"])
    payload_schema = text_schema(
        {"from": 200, "to": 200},
        optional=("from", "to"),
        account={"type": "string", "pattern": f"^{ACCOUNT.pattern}$"},
        change={"type": "string", "enum": list(CHANGES)},
    )

    def check(self, payload: Payload) -> dict[str, Any]:
        limits = {"account": 60, "change": 20, "from": 200, "to": 200}
        clean = require(payload, limits, optional=("from", "to"))
        errors: dict[str, str] = {}
        if not ACCOUNT.fullmatch(clean["account"]):
            errors["account"] = "Enter the account as the account service writes it: acct_5498."
        if clean["change"] not in CHANGES:
            errors["change"] = "Choose one of the changes."
        elif clean["change"] == "close" and clean.get("to"):
            errors["to"] = "Closing an account needs no new value."
        elif clean["change"] != "close" and not clean.get("to"):
            errors["to"] = "Enter the new value."
        if errors:
            raise Invalid(errors)
        return clean

    def subject(self, payload: Payload) -> str:
        return f"{payload['account']}/{payload['change']}"

    def title(self, payload: Payload) -> str:
        return CHANGES[payload["change"]]

    def subtitle(self, payload: Payload) -> str:
        return f"Account {payload['account']}"

    def target(self, payload: Payload) -> str:
        return f"account {payload['account']}"

    def facts(self, payload: Payload) -> Sequence[Fact]:
        lines = [
            Fact("Account", payload["account"]),
            Fact("Change", CHANGES[payload["change"]]),
        ]
        if payload.get("from"):
            lines.append(Fact("From", payload["from"], is_private=True))
        if payload.get("to"):
            lines.append(Fact("To", payload["to"], is_private=True))
        return lines

    def reply_facts(self, payload: Payload) -> Mapping[str, str]:
        return {"change": payload["change"]}

    def secrets(self) -> Sequence[str]:
        return [settings.ACCOUNT_SERVICE_SECRET]

    def send(self, effect: Effect) -> Done | Refused | Unknown:
        if not settings.ACCOUNT_SERVICE_URL:
            return Refused("not-configured", permanent=False)
        try:
            answer = _call("PUT", effect, content=json.dumps(dict(effect.payload)).encode())
        except CallFailed as failure:
            return failure.result()
        return _classified(answer, effect)

    def look_up(self, effect: Effect) -> Done | Refused | Absent | Unknown:
        if not settings.ACCOUNT_SERVICE_URL:
            return Unknown("no-answer", "The account service is not set up here.")
        try:
            answer = _call("GET", effect)
        except CallFailed as failure:
            return Unknown("no-answer", failure.evidence)
        if answer.status == 200:
            return _read(answer, effect)
        if answer.status == 404 and _code(answer) == "not_found":
            return Absent("The account service has no change at this address.")
        seen = _classified(answer, effect)  # a refused question proves nothing
        cause = seen.cause if isinstance(seen, Unknown) else "no-answer"
        return Unknown(cause, answer.evidence, answer.retry_after_s)


def _call(method: str, effect: Effect, content: bytes | None = None) -> Answer:
    account = quote(effect.payload["account"], safe="")
    return call(
        method,
        f"{settings.ACCOUNT_SERVICE_URL}/accounts/{account}/changes/{effect.id}",
        headers={
            "Authorization": f"Bearer {settings.ACCOUNT_SERVICE_SECRET}",
            "Idempotency-Key": effect.key,
            "Content-Type": "application/json",
        },
        content=content,
        seconds=settings.ACCOUNT_SERVICE_TIMEOUT_S,
        keeps=True,
    )


def _classified(answer: Answer, effect: Effect) -> Done | Refused | Unknown:
    status, wait_s = answer.status, answer.retry_after_s
    if status == 200:
        return _read(answer, effect)
    if status == 429:
        return Refused("too-many-requests", False, answer.evidence, wait_s)
    if status == 401:
        return Refused("credentials-refused", permanent=False, evidence=answer.evidence)
    if status >= 500:
        return Unknown("provider-error", answer.evidence, wait_s)
    if not 400 <= status < 500 or not (answer.fields or {}).get("error"):
        return Unknown("unreadable-answer", answer.evidence)
    return _refused(answer)


def _refused(answer: Answer) -> Refused | Unknown:
    """A 4xx in the service's own words; a page of somebody in between is none."""
    if answer.status == 409 and _code(answer) == "in_progress":
        return Refused("provider-busy", False, answer.evidence, answer.retry_after_s)
    if answer.status == 403:
        return Refused("credentials-refused", permanent=False, evidence=answer.evidence)
    if answer.status == 408:
        return Unknown("no-answer", answer.evidence)
    cause = CAUSE_OF_CODE.get(_code(answer), "refused-by-provider")
    return Refused(cause, permanent=True, evidence=answer.evidence)


def _code(answer: Answer) -> str:
    error = (answer.fields or {}).get("error")
    return str(error.get("code", "")) if isinstance(error, dict) else ""


def _read(answer: Answer, effect: Effect) -> Done | Unknown:
    """A yes counts only for the change that we asked for, in everything that it names.

    The address names the change already, so an answer without an `id` is about ours.
    """
    change = answer.fields or {}
    reference, status = change.get("reference"), change.get("status")
    if not isinstance(change.get("id", effect.id), str) or not isinstance(status, str):
        return Unknown("unreadable-answer", answer.evidence)
    asked = {**effect.payload, "id": effect.id}
    if any(change[name] != asked[name] for name in NAMED if name in change and name in asked):
        return Unknown("answer-of-another", answer.evidence)
    if status == "applied" and isinstance(reference, str) and REFERENCE.fullmatch(reference):
        return Done(reference, answer.evidence)
    if status == "pending":
        return Unknown("provider-pending", answer.evidence)
    return Unknown("unreadable-answer", answer.evidence)
