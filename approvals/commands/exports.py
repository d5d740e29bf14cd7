"""Taking data out of the product is recorded before the first line leaves."""

from datetime import datetime

from django.db import transaction

from accounts.access import Access
from audit.recorder import Target, record


def record_export(*, person: Access, query: str, format: str, at: datetime) -> None:
    """That this person began to export what `query` lists. How many lines left is not claimed."""
    with transaction.atomic():
        record(
            stream=person.stream,
            action="queue.export",
            actor=person.actor,
            target=Target("queue", "export"),
            at=at,
            facts={"query": query[:500], "format": format},
        )
