"""All events in one stable order without gaps, for those who follow them (mechanisms §4, trap “max(id)”).

Numbers of rows are given before their transactions commit, so the highest number seen is no place
to go on from: a slower transaction can commit a lower one later. The order here is that of
transaction ids, and only events are told whose transaction, and every one before it, has ended.
"""

from dataclasses import dataclass

from django.db.models import F, Func, Q, QuerySet

from audit.models import Event, TransactionId


@dataclass(frozen=True, order=True)
class Place:
    """Where a reader has arrived: the last event that they were told."""

    xid: int
    id: int

    @classmethod
    def of(cls, event: Event) -> "Place":
        return cls(event.xid, event.pk)


BEGINNING = Place(0, 0)


class _OldestInFlight(Func):
    """The first transaction that has not ended: everything before it is settled."""

    template = "pg_snapshot_xmin(pg_current_snapshot())"
    output_field = TransactionId()


def after(place: Place) -> QuerySet[Event]:
    """The settled events behind `place`, in the order of the feed. Narrow it, then slice it.

    An event that is not settled yet comes later than all that are told now, so nothing is missed.
    """
    return (
        Event.objects.filter(xid__gte=place.xid, xid__lt=_OldestInFlight())
        .filter(Q(xid__gt=place.xid) | Q(pk__gt=place.id))
        .order_by("xid", "id")
    )


def is_settled() -> bool:
    """Whether all that was recorded can be told: no transaction that may still write is older.

    Transactions of other databases of the same server hold the feed back, too.
    """
    return not Event.objects.filter(xid__gte=_OldestInFlight()).exists()


def until(place: Place | None) -> Q:
    """Events up to and with `place`; None: all."""
    if place is None:
        return Q()
    return Q(xid__lt=place.xid) | Q(xid=place.xid, pk__lte=place.id)


def stretch(place: Place, length: int) -> Place | None:
    """Where `length` events behind `place` end; None when there are fewer."""
    last = after(place).values_list("xid", "pk")[length - 1 : length]
    return next((Place(*found) for found in last), None)


def newest() -> Place:
    """The end of the feed as it stands; `BEGINNING` while nothing has happened."""
    event = (
        Event.objects.filter(xid__lt=_OldestInFlight())
        .order_by(F("xid").desc(), F("id").desc())
        .first()
    )
    return Place.of(event) if event else BEGINNING
