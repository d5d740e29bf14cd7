"""Stripe's webhooks, read with distrust: which refund may have changed, and nothing else.

What a webhook says about the outcome is not read: it can be old, repeated or out of order. It is a
hint to ask Stripe (https://docs.stripe.com/webhooks).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import stripe

from approvals.kinds.stripe_answers import MARK, REFERENCE

SYSTEM = "stripe"
ABOUT_REFUNDS = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
TOLERANCE_S = 5 * 60
EVENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)
EVENT_TYPE = re.compile(r"[a-z0-9_.]{1,60}", re.ASCII)
KEY = re.compile(r"[\x21-\x7e]{1,60}", re.ASCII)


class Unacceptable(Exception):
    """Not from Stripe, or not what Stripe sends. The message is one sentence."""


@dataclass(frozen=True)
class Hint:
    """A refund may have changed. `mark` is the key of our effect, `reference` Stripe's own."""

    event_id: str
    type: str
    mark: str
    reference: str


def read(body: bytes, signature: str, secrets: Sequence[str]) -> Hint | None:
    """None for an event that no refund is about. Raise `Unacceptable`."""
    if not any(_is_signed(body, signature, secret) for secret in secrets):
        raise Unacceptable("The signature does not fit, or is older than five minutes.")
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise Unacceptable("The body is not valid JSON.") from None
    event = event if isinstance(event, dict) else {}
    event_id, kind = _text(event.get("id"), EVENT_ID), _text(event.get("type"), EVENT_TYPE)
    if not event_id or not kind:
        raise Unacceptable("The event has no id or no type.")
    if kind not in ABOUT_REFUNDS:
        return None
    refund = _object(_object(event.get("data")).get("object"))
    mark = _text(_object(refund.get("metadata")).get(MARK), KEY)
    return Hint(event_id, kind, mark, reference=_text(refund.get("id"), REFERENCE))


def _is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Over the bytes as they came. Stripe's function raises more than its own error."""
    try:
        return stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_S)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        return False


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object, form: re.Pattern[str]) -> str:
    return value if isinstance(value, str) and form.fullmatch(value) else ""
