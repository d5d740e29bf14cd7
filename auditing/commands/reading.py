"""Reading the record and taking it out of the product are events, too (mechanisms T4.11)."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.access import Access
from audit.models import Event
from audit.recorder import Target, record

SAME_READING = timedelta(minutes=10)
READ, EXPORT = "audit.read", "audit.export"


def record_reading(*, person: Access, what: dict[str, Any], at: datetime) -> None:
    """That this person reads `what`, a list or one event; within ten minutes it is one reading.

    Paging on in a list is the same reading. Fails as a whole: without a record nothing is shown.
    """
    with transaction.atomic():
        if not _is_recorded(person, what, at):
            _tell(READ, person, what, at)


def record_export(*, person: Access, what: dict[str, Any], at: datetime) -> None:
    """That this person began to export `what`. How many lines left is not claimed."""
    with transaction.atomic():
        _tell(EXPORT, person, what, at)


def _is_recorded(person: Access, what: dict[str, Any], at: datetime) -> bool:
    """Looked up among what the person did lately, which is little."""
    mine = Event.objects.filter(actor_id=str(person.user_id), recorded_at__gt=at - SAME_READING)
    return mine.filter(stream=person.stream, action=READ, facts=what).exists()


def _tell(action: str, person: Access, what: dict[str, Any], at: datetime) -> None:
    record(
        stream=person.stream,
        action=action,
        actor=person.actor,
        target=Target("audit", str(what.get("event", "events"))[:100]),
        at=at,
        facts=what,
    )
