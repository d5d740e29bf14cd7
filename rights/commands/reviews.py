"""Taking the access review along is recorded before it leaves."""

from datetime import datetime

from django.db import transaction

from accounts.access import Access
from audit.recorder import Target, record


def record_review(*, person: Access, format: str, rows: int, at: datetime) -> None:
    with transaction.atomic():
        record(
            stream=person.stream,
            action="access.review",
            actor=person.actor,
            target=Target("access", "review"),
            at=at,
            facts={"format": format, "rows": rows},
        )
