"""The reads: what a person may see, the five views of the queue, its pages and counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.dateparse import parse_datetime

from accounts import access, grants, hours
from accounts.access import Access
from accounts.models import Membership, Team, User
from approvals import stuck, switches
from approvals.deciders import who_may_decide
from approvals.explain import Deciders, Waiting, explain
from approvals.models import OPEN, ApprovalRequest, Decision, Effect, Queue, State, Step
from approvals.rules import may, visible_to
from approvals.wording import short_name

VIEWS = ("me", "stuck", "people", "systems", "all")
PAGE = 50
ORDER = ("rank", "due_order", "created_at", "id")
WITH_PEOPLE = (State.PENDING, State.SENT_BACK, State.NEEDS_PERSON)
WITH_SYSTEMS = (State.APPROVED, State.EXECUTING, State.RETRYING, State.IN_DOUBT)


class BadCursor(ValueError):
    """A page address that we didn't make."""


def requests() -> QuerySet[ApprovalRequest]:
    """Requests with everything that explaining them reads; the number of queries is constant."""
    return ApprovalRequest.objects.select_related(
        "queue",
        "requested_by",
        "owner",
        "decided_by",
        "held_by",
        "effect",
        "policy_version__policy",
    ).prefetch_related("all_steps__team", "decisions__decided_by", "settlements__proposed_by")


def seen_by(person: Access) -> QuerySet[ApprovalRequest]:
    return requests().filter(visible_to(person))


def find(ref: str, person: Access) -> ApprovalRequest | None:
    """One request, if this person may see it."""
    return seen_by(person).filter(ref=ref).first()


# --- The five views --------------------------------------------------------------------------------


def in_view(view: str, person: Access, now: datetime) -> Q:
    """Which open requests belong to a view. `view` is one of `VIEWS`."""
    if view == "me":
        return needs(person)
    if view == "stuck":
        return stuck.is_stuck(now)
    return in_shared_view(view)


def in_shared_view(view: str) -> Q:
    """The same for a view that depends neither on the person nor on the time."""
    if view == "people":
        return Q(state__in=WITH_PEOPLE)
    if view == "systems":
        return Q(state__in=WITH_SYSTEMS)
    return Q(state__in=OPEN)


def needs(person: Access) -> Q:
    """It waits for this person: to decide, to answer a question, or because they claimed it."""
    return (
        Q(state=State.PENDING) & can_decide(person)
        | Q(state=State.SENT_BACK, requester_key=person.person_key)
        | Q(state__in=OPEN, owner=person.user_id)
    )


def can_decide(person: Access) -> Q:
    """The same as `may("approve", …)`, as a condition."""
    if not person.is_active or person.is_service:
        return Q(pk__in=())
    able = Q(Exists(who_may_decide().filter(user=person.user_id)))
    return able & ~Q(_wants_a_person_present()) if person.auth_method == "token" else able


def _wants_a_person_present() -> Exists:
    return Exists(
        Step.objects.filter(
            item=OuterRef("pk"),
            revision=OuterRef("revision"),
            number=OuterRef("step"),
            person_present=True,
        )
    )


def counts(person: Access, now: datetime) -> dict[str, int]:
    """How many requests each view holds for this person; one query."""
    filters = {view: Count("pk", filter=in_view(view, person, now)) for view in VIEWS}
    return ApprovalRequest.objects.filter(visible_to(person), state__in=OPEN).aggregate(**filters)


# --- Pages -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """`next_cursor` is "" on the last page."""

    items: Sequence[ApprovalRequest]
    next_cursor: str


def queue_page(found: QuerySet[ApprovalRequest], *, cursor: str = "", size: int = PAGE) -> Page:
    """A page in the fixed order of the queue. Raise `BadCursor` for a cursor we didn't make."""
    if cursor:
        found = found.filter(_after(_read_cursor(cursor)))
    items = list(found.order_by(*ORDER)[: size + 1])
    has_more = len(items) > size
    return Page(items[:size], _write_cursor(items[size - 1]) if has_more else "")


def _after(place: Mapping[str, Any]) -> Q:
    """Everything behind `place` in the order: (a, b, …) > (x, y, …), spelled out."""
    condition, equal = Q(), Q()
    for name in ORDER:
        condition |= equal & Q(**{f"{name}__gt": place[name]})
        equal &= Q(**{name: place[name]})
    return condition


def _write_cursor(item: ApprovalRequest) -> str:
    place = [item.rank, item.due_order.isoformat(), item.created_at.isoformat(), item.pk]
    return signing.dumps(place, salt="queue", compress=True)


def _read_cursor(cursor: str) -> dict[str, Any]:
    try:
        rank, due, created, pk = signing.loads(cursor, salt="queue")
        return dict(
            zip(ORDER, (rank, parse_datetime(due), parse_datetime(created), pk), strict=True)
        )
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadCursor("This page address is not one of ours.") from error


# --- Who can act ---------------------------------------------------------------------------------


def deciders_of(items: Iterable[ApprovalRequest], now: datetime) -> dict[int, Deciders]:
    """By request id, who can decide it now; asked of `may()` itself. Constant queries."""
    pending = [item for item in items if item.state == State.PENDING]
    waiting = {item.waiting_team_id for item in pending}
    teams = {team.pk: team for team in Team.objects.filter(pk__in=waiting)}
    members: dict[int, list[int]] = {}
    for team_id, user_id in Membership.objects.filter(group__in=waiting).values_list(
        "group", "user"
    ):
        members.setdefault(team_id, []).append(user_id)
    everybody = {user_id for ids in members.values() for user_id in ids}
    users = User.objects.filter(pk__in=everybody, is_active=True, is_service=False)
    people = access.of_many(users, Queue) if everybody else {}
    return {
        item.pk: _deciders_now(
            item, teams.get(item.waiting_team_id), _in_team(people, members, item), now
        )
        for item in pending
    }


def team_of(item: ApprovalRequest) -> list[Access]:
    """Everybody in the team that the open step waits for, by name."""
    members = User.objects.filter(memberships__group=item.waiting_team_id)
    return sorted(access.of_many(members, Queue).values(), key=lambda person: person.name)


def operators_of(item: ApprovalRequest) -> QuerySet[User]:
    """Everybody who can own it, by name."""
    can = grants.holds("operate_request", Queue, user=OuterRef("pk"), object_id=item.queue_id)
    return User.objects.filter(can, is_active=True, is_service=False).order_by("name")


def explained(
    items: Sequence[ApprovalRequest],
    now: datetime,
    deciders: Mapping[int, Deciders] | None = None,
) -> dict[int, Waiting]:
    """By request id, what it waits for; constant queries. `deciders` if they are known already."""
    deciders = deciders_of(items, now) if deciders is None else deciders
    of_kind = switches.switch_of_kind()
    return {
        item.pk: explain(item, deciders.get(item.pk, Deciders()), now, of_kind.get(item.kind))
        for item in items
    }


def _in_team(
    people: Mapping[int, Access], members: Mapping[int, list[int]], item: ApprovalRequest
) -> list[Access]:
    return [people[pk] for pk in members.get(item.waiting_team_id, []) if pk in people]


def _deciders_now(
    item: ApprovalRequest, team: Team | None, people: Iterable[Access], now: datetime
) -> Deciders:
    names = sorted({short_name(person.name) for person in people if may("approve", item, person)})
    if team is None:
        return Deciders(names=names)
    return Deciders(
        names=names,
        place=team.place,
        open_until=hours.closes(team, now),
        opens_at=hours.opens_next(team, now),
    )


# --- Search ----------------------------------------------------------------------------------------


def exactly(text: str) -> Q:
    """The request itself, or all that carry exactly this ticket, order, account or customer.

    Case and surrounding spaces don't matter.
    """
    text = " ".join(text.split())
    return (
        Q(ref__iexact=text)
        | Q(ticket__iexact=text)
        | Q(customer__iexact=text)
        | Q(payload__order__iexact=text)
        | Q(payload__account__iexact=text)
    )


def matching(text: str) -> Q:
    """As `exactly`, and by the beginning of a reference or a part of a customer's name."""
    text = " ".join(text.split())
    return exactly(text) | Q(ref__istartswith=text) | Q(customer__icontains=text)


def by_cause(person: Access) -> dict[str, int]:
    """How many retrying requests there are for each cause."""
    found = ApprovalRequest.objects.filter(visible_to(person), state=State.RETRYING)
    return dict(found.values_list("cause").annotate(Count("pk")))


def decided_by(person: Access, *, limit: int = 50) -> QuerySet[Decision]:
    """What this person decided, newest first, on requests that they may see."""
    visible = ApprovalRequest.objects.filter(visible_to(person))
    return (
        Decision.objects.filter(person_key=person.person_key, item__in=visible)
        .select_related("item")
        .order_by("-decided_at", "-id")[:limit]
    )


def last_seen_revision(item: ApprovalRequest, person: Access) -> int | None:
    """The newest revision that this person decided on before the current one."""
    earlier = [
        decision.revision
        for decision in item.decisions.all()
        if decision.person_key == person.person_key and decision.revision < item.revision
    ]
    return max(earlier, default=None)


def effect_of(item: ApprovalRequest) -> Effect | None:
    return getattr(item, "effect", None)
