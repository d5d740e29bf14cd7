"""Taking data out of the product is recorded before the first line leaves."""

from datetime import datetime

from django.db import transaction

from accounts.access import Access
from audit.recorder import Target, record


def record_export(*, person: Access, query: str, format: str, at: datetime) -> None:
    """That this person began to export what `query` lists. How many lines left is not claimed."""
    record_taking(
        person, "queue.export", Target("queue", "export"), at, query=query[:500], format=format
    )


def record_receipt(*, person: Access, ref: str, with_private: bool, at: datetime) -> None:
    """That this person took a receipt of a request along."""
    target = Target("request", ref)
    record_taking(
        person, "request.receipt", target, at, personal_data="with" if with_private else "without"
    )


def record_reveal(*, person: Access, ref: str, fields: list[str], at: datetime) -> None:
    """That this person was shown what is hidden otherwise; the values are not recorded."""
    record_taking(person, "request.reveal", Target("request", ref), at, fields=", ".join(fields))


def record_taking(
    person: Access, action: str, target: Target, at: datetime, **facts: str | int
) -> None:
    """The one event of every export, receipt and reveal, in the stream of the person."""
    with transaction.atomic():
        record(
            stream=person.stream,
            action=action,
            actor=person.actor,
            target=target,
            at=at,
            facts=facts,
        )
