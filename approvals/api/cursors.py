"""Places in a list, signed: a caller can keep one, and cannot make one up."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.core import signing
from django.db.models import QuerySet

from approvals.api.problems import Problem


def page(found: QuerySet, limit: int) -> tuple[list, bool]:
    """The first `limit` rows, and whether there are more."""
    rows = list(found[: limit + 1])
    return rows[:limit], len(rows) > limit


def write(place: list, *, of: str, filters: Mapping[str, Any] | None = None) -> str:
    return signing.dumps([*place, _print(filters)], salt=f"api/{of}", compress=True)


def read(cursor: str, *, of: str, filters: Mapping[str, Any] | None = None) -> list:
    """The place, as it was written. Raise `Problem` for what isn't ours or is of other filters."""
    try:
        *place, written = signing.loads(cursor, salt=f"api/{of}")
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise Problem("cursor", "This cursor is not one of ours.") from error
    if written != _print(filters):
        raise Problem("cursor", "This cursor was made for other filters.")
    return place


def _print(filters: Mapping[str, Any] | None) -> str:
    text = json.dumps(filters or {}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
