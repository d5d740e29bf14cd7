"""What the explorer's filters ask for, and how the record is looked through for it.

However many events there are, a look costs the same: one condition leads along an index that is in
the list's order, at most `LONGEST_LOOK` events are looked through, and what else is asked is asked of
those. A look that ends early says where, and the next goes on from there. Nothing is ever counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT

from audit.models import Event, Outcome

PAGE = 50
CHUNK = 1000  # of a file
LONGEST_LOOK = 5000


class Place(NamedTuple):
    """Where a reader has arrived: everything behind it is older."""

    recorded_at: datetime
    id: int


@dataclass(frozen=True)
class Wanted:
    """What is asked for; "" and None ask for nothing. `since` is in, `until` is out.

    `actor` is the id of an actor, `actor_type` stands for all of a type, such as worker.
    """

    actor: str = ""
    actor_type: str = ""
    action: str = ""
    outcome: str = ""
    target_type: str = ""
    target_id: str = ""
    interaction: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Looked:
    """What a look found, newest first, and where the next one begins; None at the beginning of time.

    `ended_early`: fewer than a page were found in as many events as one look takes.
    """

    events: list[Event]
    next: Place | None
    ended_early: bool = False


def look(
    wanted: Wanted, readable: Q, *, after: Place | None = None, size: int | None = None
) -> Looked:
    """The next events behind `after` that are wanted; a page of them, or `size`.

    `readable` is what the reader may read, by `rules.readable_by`.
    """
    size = size or PAGE
    leading, rest = _conditions(wanted, readable)
    along = _ordered(leading & _period(wanted) & _behind(after))
    end = _end_of_look(along) if rest else None
    if leading and not rest:
        events = _at(along, size + 1)
    else:
        events = list(along.filter(rest & _before_or_at(end))[: size + 1])
    if len(events) > size:
        last = events[size - 1]
        return Looked(events[:size], Place(last.recorded_at, last.pk))
    return Looked(events, end, ended_early=end is not None)


def all_of(wanted: Wanted, readable: Q) -> Iterator[Event]:
    """Everything that is wanted, a chunk at a time.

    No transaction and no cursor stays open while a slow reader takes it: events are only ever
    added, so going on from a place gives what one snapshot would.
    """
    place: Place | None = None
    while True:
        looked = look(wanted, readable, after=place, size=CHUNK)
        yield from looked.events
        if looked.next is None:
            return
        place = looked.next


def _conditions(wanted: Wanted, readable: Q) -> tuple[Q, Q]:
    """The condition that leads, each with an index in the order of the list, and all others."""
    asked = [
        ("interaction", Q(cause=wanted.interaction) if wanted.interaction else Q()),
        ("object", _about(wanted) if wanted.target_id else Q()),
        ("actor", Q(actor_id=wanted.actor) if wanted.actor else Q()),
        (
            "outcome",
            Q(outcome=wanted.outcome) & ~Q(outcome=Outcome.SUCCESS) if _is_rare(wanted) else Q(),
        ),
        ("action", Q(action=wanted.action) if wanted.action else Q()),
        ("type", Q(target_type=wanted.target_type) if wanted.target_type else Q()),
    ]
    conditions = [condition for _, condition in asked if condition]
    leading, others = (conditions[0], conditions[1:]) if conditions else (Q(), [])
    if wanted.outcome == Outcome.SUCCESS:
        others.append(Q(outcome=Outcome.SUCCESS))
    if wanted.actor_type:
        others.append(Q(actor_type=wanted.actor_type))
    rest = readable
    for other in others:
        rest &= other
    return leading, rest


def _is_rare(wanted: Wanted) -> bool:
    """Almost everything succeeds; the rest has an index of its own."""
    return wanted.outcome not in ("", Outcome.SUCCESS)


def _about(wanted: Wanted) -> Q:
    return Q(target_type=wanted.target_type, target_id=wanted.target_id)


def _ordered(condition: Q) -> QuerySet[Event]:
    events = Event.objects.annotate(cause=KT("context__correlation_id"))
    return events.filter(condition).order_by("-recorded_at", "-id")


def _period(wanted: Wanted) -> Q:
    period = Q()
    if wanted.since is not None:
        period &= Q(recorded_at__gte=wanted.since)
    if wanted.until is not None:
        period &= Q(recorded_at__lt=wanted.until)
    return period


def _behind(place: Place | None) -> Q:
    if place is None:
        return Q()
    same = Q(recorded_at=place.recorded_at, pk__lt=place.id)
    return Q(recorded_at__lte=place.recorded_at) & (Q(recorded_at__lt=place.recorded_at) | same)


def _at(along: QuerySet[Event], count: int) -> list[Event]:
    """The first of them, by their places, which stand in the index that leads.

    Asked for whole rows, the planner may rather go along all events, in each part, until it comes to one.
    """
    places = [Place(*place) for place in along.values_list("recorded_at", "pk")[:count]]
    if not places:
        return []
    period = Q(recorded_at__range=(places[-1].recorded_at, places[0].recorded_at))
    return list(_ordered(period & Q(pk__in=[place.id for place in places])))


def _end_of_look(along: QuerySet[Event]) -> Place | None:
    """The last event that one look takes; None when there are fewer."""
    last = along.values_list("recorded_at", "pk")[LONGEST_LOOK - 1 : LONGEST_LOOK]
    return next((Place(*found) for found in last), None)


def _before_or_at(end: Place | None) -> Q:
    if end is None:
        return Q()
    same = Q(recorded_at=end.recorded_at, pk__gte=end.id)
    return Q(recorded_at__gte=end.recorded_at) & (Q(recorded_at__gt=end.recorded_at) | same)
