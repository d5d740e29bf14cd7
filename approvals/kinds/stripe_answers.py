"""What Stripe's answers mean (docs/reference/outcomes.md). Pure: nothing is called from here.

A refund counts only when it is ours in every field that we asked for: a yes about something else is
no yes.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

import stripe

from approvals.kinds.base import Absent, Done, Effect, Refused, Unknown
from approvals.kinds.calling import CallFailed, retry_after_s
from approvals.kinds.evidence import masked

MARK = "approval_queue_effect_id"
REFERENCE = re.compile(r"[A-Za-z0-9_]{1,200}", re.ASCII)
OVER = ("failed", "canceled")  # no money moves by these, or it came back
CAUSE_OF_CODE = {
    "charge_already_refunded": "already-refunded",
    "amount_too_large": "amount-above-payment",
    "resource_missing": "payment-not-found",
    "charge_disputed": "payment-disputed",
}
log = logging.getLogger("approvals.kinds")


def field_of(payment: str) -> str:
    """The parameter, and the field of a refund, that names this payment."""
    return "payment_intent" if payment.startswith("pi_") else "charge"


def read(refund: Mapping[str, Any], effect: Effect) -> Done | Refused | Unknown:
    """What one refund, as answered, says about our effect."""
    seen = _seen(refund, effect)
    wanted = _wanted(effect)
    if not _is_whole(refund, seen, wanted):
        return Unknown("unreadable-answer", masked(f"Not a whole refund: {dict(refund)}"))
    other = [name for name in wanted if seen[name] != wanted[name]]
    if other:
        return Unknown("answer-of-another", _difference(refund["id"], other, seen, wanted))
    return _by_status(refund)


def find(refunds: Iterable[Mapping[str, Any]], effect: Effect) -> Done | Refused | Absent | Unknown:
    """Our effect among all refunds of the payment.

    Two that carry our mark and have not failed mean that money moved twice: that is no success and
    no failure, and stays unknown until two people have settled it with the evidence.
    """
    ours = [refund for refund in refunds if _has_mark(refund, effect)]
    if not ours:
        return Absent("The provider lists no refund of this payment with our mark.")
    standing = [refund for refund in ours if refund.get("status") not in OVER]
    if len(standing) > 1:
        names = masked(", ".join(refund["id"] for refund in standing))
        log.error("%s was carried out %d times: %s", effect.ref, len(standing), names)
        return Unknown("found-twice", f"{len(standing)} refunds carry our mark: {names}.")
    return read((standing or ours)[0], effect)


def classified(error: stripe.StripeError) -> Refused | Unknown:
    """What an error means for a call that wanted to cause the effect."""
    status = error.http_status
    if status is None:
        return _unsent_or_unknown(error)
    evidence = masked(f"HTTP {status}: {error.user_message or error}")
    wait_s = retry_after_s(error.headers or {})
    if status == 429 or isinstance(error, stripe.RateLimitError):
        return Refused("too-many-requests", False, evidence, wait_s)
    if status == 401:
        return Refused("credentials-refused", permanent=False, evidence=evidence)
    if status >= 500:
        return Unknown("provider-error", evidence, wait_s)
    if error.json_body is None or not 400 <= status < 500:
        return Unknown("unreadable-answer", evidence)
    return _refused(error, status, evidence, wait_s)


def _refused(
    error: stripe.StripeError, status: int, evidence: str, wait_s: float | None
) -> Refused | Unknown:
    """A 4xx in Stripe's own words."""
    if isinstance(error, stripe.IdempotencyError) or _type(error) == "idempotency_error":
        return Refused("key-mismatch", permanent=True, evidence=evidence)
    if status == 409:
        return Refused("provider-busy", False, evidence, wait_s)
    if status == 403:
        return Refused("credentials-refused", permanent=False, evidence=evidence)
    if status == 408:
        return Unknown("no-answer", evidence)
    usual = "card-declined" if status == 402 else "refused-by-provider"
    code = error.code if isinstance(error.code, str) else ""
    return Refused(CAUSE_OF_CODE.get(code, usual), permanent=True, evidence=evidence)


def _unsent_or_unknown(error: stripe.StripeError) -> Refused | Unknown:
    failure = error.__cause__
    if isinstance(failure, CallFailed):
        return failure.result()
    return Unknown("connection-lost", masked(f"Without an answer: {error}"))


def _type(error: stripe.StripeError) -> str:
    body = error.json_body if isinstance(error.json_body, dict) else {}
    said = body.get("error")
    return str(said.get("type", "")) if isinstance(said, dict) else ""


def _has_mark(refund: Mapping[str, Any], effect: Effect) -> bool:
    return mark_of(refund) == effect.id


def mark_of(refund: Mapping[str, Any]) -> object:
    metadata = refund.get("metadata")
    return metadata.get(MARK) if isinstance(metadata, dict) else None


def _wanted(effect: Effect) -> dict[str, Any]:
    payment = effect.payload["payment"]
    return {
        "mark": effect.id,
        field_of(payment): payment,
        "amount": effect.payload["amount"],
        "currency": effect.payload["currency"].lower(),
    }


def _seen(refund: Mapping[str, Any], effect: Effect) -> dict[str, Any]:
    metadata = refund.get("metadata")
    seen = {name: refund.get(name) for name in _wanted(effect) if name != "mark"}
    seen["mark"] = metadata.get(MARK, "") if isinstance(metadata, dict) else None
    if isinstance(seen["currency"], str):
        seen["currency"] = seen["currency"].lower()
    return seen


def _is_whole(refund: Mapping[str, Any], seen: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether every field that counts is there, as what it should be (True is no amount)."""
    identity, status = refund.get("id"), refund.get("status")
    return (
        isinstance(identity, str)
        and REFERENCE.fullmatch(identity) is not None
        and isinstance(status, str)
        and all(type(seen[name]) is type(wanted[name]) for name in wanted)
    )


def _difference(
    identity: str, names: list[str], seen: dict[str, Any], wanted: dict[str, Any]
) -> str:
    told = "; ".join(f"{name} {seen[name]!r}, not {wanted[name]!r}" for name in names)
    return masked(f"Refund {identity}: {told}.")


def _by_status(refund: Mapping[str, Any]) -> Done | Refused | Unknown:
    reference, status = refund["id"], refund["status"]
    why = refund.get("failure_reason") or refund.get("pending_reason")
    evidence = masked(f"Refund {reference}: status {status}" + (f" ({why})." if why else "."))
    if status == "succeeded":
        return Done(reference, evidence)
    if status in OVER:
        return Refused("failed-at-provider", permanent=True, evidence=evidence)
    if status == "pending":
        return Unknown("provider-pending", evidence)
    if status == "requires_action":
        return Unknown("provider-needs-action", evidence)
    return Unknown("unreadable-answer", evidence)
