"""The access review: who may do what, through what, since when, as rows for a file."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from approvals.models import Queue
from approvals.wording import visible
from audit.models import Event
from rights.queries import Organisation, Way
from rights.words import RIGHTS

FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
COLUMNS = (
    *("person", "email", "is_active", "is_service", "is_administrator", "last_sign_in"),
    *("queue", "right", "meaning", "through", "is_lead", "limit_amount", "limit_currency"),
    *("right_given_at", "right_given_by", "seat_given_at", "seat_given_by"),
)
Origins = dict[tuple[str, ...], tuple[datetime, str]]


def rows(found: QuerySet[Queue]) -> list[dict[str, Any]]:
    """One for each way in which somebody may do something. Amounts are in minor units.

    `…_given_…` is empty for what was given before the product recorded it, or in its set-up.
    """
    origins = _origins()
    return [_row(way, origins) for way in Organisation.of(found).ways()]


def _row(way: Way, origins: Origins) -> dict[str, Any]:
    person, seat = way.person, way.seat
    holder = f"team/{way.team.pk}" if way.team else f"person/{person.pk}"
    right_at, right_by = origins.get(("right", way.queue.slug, way.right, holder), (None, ""))
    seat_at, seat_by = None, ""
    if way.team:
        place = ("seat", str(person.pk), str(way.team.pk))
        seat_at, seat_by = origins.get(place, (None, ""))
    return {
        "person": visible(person.name),
        "email": person.email,
        "is_active": person.is_active,
        "is_service": person.is_service,
        "is_administrator": person.is_staff,
        "last_sign_in": _time(person.last_login),
        "queue": way.queue.slug,
        "right": way.right,
        "meaning": RIGHTS[way.right].phrase,
        "through": visible(way.team.name) if way.team else "",
        "is_lead": bool(seat and seat.is_lead),
        "limit_amount": seat.limit_amount if seat else None,
        "limit_currency": seat.limit_currency if seat else "",
        "right_given_at": _time(right_at),
        "right_given_by": right_by,
        "seat_given_at": _time(seat_at),
        "seat_given_by": seat_by,
    }


def _origins() -> Origins:
    """When each right and seat was last given, and by whom, from the record."""
    found: Origins = {}
    told = Event.objects.filter(stream="access").order_by("seq")
    for event in told.only("action", "target_id", "facts", "occurred_at", "actor_label"):
        given = (event.occurred_at, visible(event.actor_label))
        if event.action == "access.give":
            facts = event.facts
            found[("right", event.target_id, facts["right"], facts["holder_id"])] = given
        elif event.action in ("access.join", "access.change_seat"):
            found[("seat", event.target_id, str(event.facts["team_id"]))] = given
    return found


def as_json(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield json.dumps(list(lines), ensure_ascii=False, indent=1) + "\n"


def _time(at: datetime | None) -> str | None:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None
