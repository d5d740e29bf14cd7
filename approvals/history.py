"""A request as it was, rebuilt from its events alone: each says which columns it left how.

Only what people may be shown of the past comes from here; no rule is asked of a rebuilt request.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from approvals.models import ApprovalRequest
from audit import commitments
from audit.models import Event

FIRST_SCHEMA = 2  # events before it don't say what they left


@dataclass(frozen=True)
class Past:
    """`events`: those it is made of, oldest first. `is_forgotten`: what it held of a customer is gone."""

    item: ApprovalRequest
    events: list[Event]
    is_forgotten: bool


def as_of(stream: str, at: datetime) -> Past | None:
    """The request of this stream as it stood at `at`.

    None before it was asked for, and when its first event is archived, or older than this kind of
    record.
    """
    told = Event.objects.filter(stream=stream).order_by("seq")
    return rebuilt(itertools.takewhile(lambda event: event.occurred_at <= at, told))


def rebuilt(events: Iterable[Event]) -> Past | None:
    """From its events in order, beginning with the first."""
    told = list(events)
    if not told or told[0].seq > 1 or told[0].schema_version < FIRST_SCHEMA:
        return None
    columns: dict = {}
    for event in told:
        columns |= {**event.row, **event.private_row}
    is_forgotten = any(commitments.is_forgotten(event) for event in told)
    return Past(ApprovalRequest.from_columns(columns), told, is_forgotten)
