"""“Tell me again if it grows”: what a person has seen of a cause."""

from datetime import datetime

from django.db import transaction

from accounts import access
from accounts.models import User
from approvals.causes import CAUSES
from approvals.models import CauseWatch, Queue
from approvals.refusals import Invalid, NotFound
from audit.recorder import Target, record

LARGEST = 100_000


def watch_cause(*, code: str, above: int | None, by: User, at: datetime) -> None:
    """Keep the cause quiet for this person until more than `above` requests have it; None: always
    tell. Raises `NotFound` for an unknown cause, `Invalid` for a number that is none."""
    if code not in CAUSES:
        raise NotFound(code)
    if above is not None and not 0 < above <= LARGEST:
        raise Invalid({"above": f"Enter a number from 1 to {LARGEST:,}."})
    with transaction.atomic():
        mine = CauseWatch.objects.filter(user=by, cause=code)
        if above is None:
            mine.delete()
        else:
            CauseWatch.objects.update_or_create(
                user=by, cause=code, defaults={"above": above, "set_at": at}
            )
        person = access.of(by, Queue)
        record(
            stream=person.stream,
            action="person.watch_cause",
            actor=person.actor,
            target=Target("cause", code),
            at=at,
            facts={"above": above},
        )
