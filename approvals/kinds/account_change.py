"""Changes of a customer account, through the account service's HTTP API (contract §7).

A change has an address of its own, made of the effect's id: a repeated PUT is the same change.
"""

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx
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
)
from approvals.kinds.evidence import masked
from approvals.refusals import Invalid

CHANGES = {
    "payout_account": "Change payout account",
    "email": "Change e-mail address",
    "close": "Close account",
    "limit": "Change limit",
}
ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}", re.ASCII)
LARGEST_ANSWER = 64 * 1024
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
    form = AccountChangeForm

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
            lines.append(Fact("From", payload["from"]))
        if payload.get("to"):
            lines.append(Fact("To", payload["to"]))
        return lines

    def customer_words(self, payload: Payload) -> str:
        return {
            "payout_account": "the change of your payout account",
            "email": "the change of your e-mail address",
            "close": "closing your account",
            "limit": "the change of your limit",
        }[payload["change"]]

    def send(self, effect: Effect) -> Done | Refused | Unknown:
        if not settings.ACCOUNT_SERVICE_URL:
            return Refused("not-configured", permanent=False)
        return _classified(*_call("PUT", effect, body=dict(effect.payload)))

    def look_up(self, effect: Effect) -> Done | Refused | Absent | Unknown:
        response, failure = _call("GET", effect)
        if response is not None and response.status == 404:
            return Absent("The account service has no change at this address.")
        seen = _classified(response, failure)
        if isinstance(seen, Refused) and response is not None and response.status != 200:
            return Unknown("no-answer", seen.evidence)  # a refused question proves nothing
        if isinstance(seen, Refused) and response is None:
            return Unknown("no-answer", seen.evidence)
        return seen


class _Response:
    """The parts of an answer that count, read up to a limit: the other side is not trusted."""

    def __init__(self, status: int, headers: httpx.Headers, body: bytes) -> None:
        self.status = status
        self.retry_after = headers.get("Retry-After", "")
        self.text = body.decode("utf-8", errors="replace")
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = None
        self.body: dict[str, Any] = parsed if isinstance(parsed, dict) else {}

    @property
    def code(self) -> str:
        error = self.body.get("error")
        return str(error.get("code", "")) if isinstance(error, dict) else ""

    @property
    def evidence(self) -> str:
        return masked(f"HTTP {self.status}: {self.text}")


def _call(
    method: str, effect: Effect, body: dict[str, Any] | None = None
) -> tuple[_Response | None, httpx.TransportError | None]:
    account = quote(effect.payload["account"], safe="")
    address = f"{settings.ACCOUNT_SERVICE_URL}/accounts/{account}/changes/{effect.id}"
    headers = {
        "Authorization": f"Bearer {settings.ACCOUNT_SERVICE_SECRET}",
        "Idempotency-Key": effect.key,
    }
    timeout = settings.ACCOUNT_SERVICE_TIMEOUT_S
    try:
        with (
            httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False) as client,
            client.stream(method, address, headers=headers, json=body) as answer,
        ):
            read = b""
            for piece in answer.iter_bytes():
                read += piece
                if len(read) > LARGEST_ANSWER:
                    return _Response(answer.status_code, answer.headers, b"(too long)"), None
            return _Response(answer.status_code, answer.headers, read), None
    except httpx.TransportError as failure:
        return None, failure


def _classified(
    response: _Response | None, failure: httpx.TransportError | None
) -> Done | Refused | Unknown:
    if response is None:
        return _classified_network(failure)
    if response.status == 200:
        return _read(response)
    if response.status == 429:
        return Refused("too-many-requests", False, response.evidence, _seconds(response))
    if response.status == 409 and response.code == "in_progress":
        return Refused("provider-busy", False, response.evidence, _seconds(response))
    if response.status in (401, 403):
        return Refused("credentials-refused", permanent=False, evidence=response.evidence)
    if 400 <= response.status < 500:
        known = CAUSE_OF_CODE.get(response.code, "refused-by-provider")
        return Refused(known, permanent=True, evidence=response.evidence)
    cause = "provider-error" if response.status >= 500 else "unreadable-answer"
    return Unknown(cause, response.evidence)


def _classified_network(failure: httpx.TransportError | None) -> Refused | Unknown:
    evidence = masked(f"{type(failure).__name__}: {failure}")
    if isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return Refused("not-reached", permanent=False, evidence=evidence)
    if isinstance(failure, httpx.UnsupportedProtocol):
        return Refused("not-configured", permanent=False, evidence=evidence)
    if isinstance(failure, httpx.TimeoutException):
        return Unknown("no-answer", evidence)
    return Unknown("connection-lost", evidence)


def _read(response: _Response) -> Done | Unknown:
    reference, status = response.body.get("reference"), response.body.get("status")
    if status == "applied" and isinstance(reference, str) and reference:
        return Done(reference[:200], response.evidence)
    if status == "pending":
        return Unknown("provider-pending", response.evidence)
    return Unknown("unreadable-answer", response.evidence)


def _seconds(response: _Response) -> float | None:
    value = response.retry_after
    return float(value) if value.isascii() and value.isdigit() and len(value) < 8 else None
