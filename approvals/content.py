"""The content that is approved, as one hash: what a decider saw is what will be carried out."""

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Any

from audit.canonical import canonical


def content_hash(
    *,
    kind: str,
    queue_id: int,
    payload: Mapping[str, Any],
    amount: int | None,
    currency: str,
    customer: str,
    reason: str,
) -> str:
    """SHA-256 over the RFC 8785 bytes of the content, 64 hexadecimal digits."""
    content = {
        "kind": kind,
        "queue": queue_id,
        "payload": dict(payload),
        "amount": amount,
        "currency": currency,
        "customer": customer,
        "reason": reason,
    }
    return hashlib.sha256(canonical(content)).hexdigest()


def hash_of(item: Any) -> str:
    """The hash of what stands in the row now; compare with what was approved."""
    return content_hash(
        kind=item.kind,
        queue_id=item.queue_id,
        payload=item.payload,
        amount=item.amount,
        currency=item.currency,
        customer=item.customer,
        reason=item.reason,
    )


def normalised(value: Any) -> Any:
    """Text in NFC, so that two spellings of one letter are one content."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {key: normalised(inner) for key, inner in value.items()}
    return value
