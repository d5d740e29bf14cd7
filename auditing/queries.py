"""The reads of the audit pages beside the list: one event, people by name, checks of the record."""

from django.db.models import Q, QuerySet

from accounts.access import Access
from accounts.models import User
from audit.models import Event
from auditing.models import VerificationRun
from auditing.rules import readable_by

MOST_PEOPLE = 10
LARGEST_ID = 2**63 - 1


def find_event(pk: int, by: Access) -> Event | None:
    """One event, if this person may read it."""
    if pk > LARGEST_ID:
        return None
    return Event.objects.filter(readable_by(by), pk=pk).first()


def neighbours(event: Event, by: Access) -> dict[int, int]:
    """By number in its stream, the ids of the events before and after it that one may read."""
    beside = Event.objects.filter(
        readable_by(by), stream=event.stream, seq__in=(event.seq - 1, event.seq + 1)
    )
    return dict(beside.values_list("seq", "pk"))


def people_named(text: str) -> list[User]:
    """Whose name or e-mail address holds `text`; an exact one is the only one. At most ten."""
    exact = User.objects.filter(Q(email__iexact=text) | Q(name__iexact=text))
    found = list(exact.order_by("name", "pk")[:MOST_PEOPLE])
    if found:
        return found
    part = User.objects.filter(Q(email__icontains=text) | Q(name__icontains=text))
    return list(part.order_by("name", "pk")[:MOST_PEOPLE])


def checks() -> QuerySet[VerificationRun]:
    return VerificationRun.objects.select_related("asked_by").order_by("-asked_at", "-pk")


def last_result() -> VerificationRun | None:
    """The newest check that came to its end."""
    return checks().filter(result__isnull=False).first()
