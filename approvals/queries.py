"""The reads: what a person may see, the five views of the queue, its pages and counts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from django.contrib.auth.models import Group
from django.db.models import (
    BooleanField,
    ExpressionWrapper,
    F,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Value,
)
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan
from django.utils.dateparse import parse_datetime

from accounts import grants, hours
from accounts.access import Access
from accounts.models import Membership, User
from approvals import stuck, switches
from approvals.deciders import can_decide, candidates
from approvals.explain import Deciders, Waiting, explain
from approvals.models import (
    OPEN,
    ApprovalRequest,
    BreakGlass,
    Decision,
    Effect,
    Queue,
    SavedView,
    State,
)
from approvals.paging import Page, cut, place_in
from approvals.rules import covered_by, may, visible_to
from approvals.whole import read, requests
from approvals.wording import short_name

VIEWS = ("me", "stuck", "people", "systems", "all")
BY_STATE = ("people", "systems", "all")  # of the views, those that are a list of open states
PAGE = 50
MOST_DECISIONS = 100
MOST_OTHERS = 5
DECISION_ORDER = ("due_order", "created_at", "id")
ORDER = ("rank", "due_order", "created_at", "id")
_IN_ORDER = attrgetter(*ORDER)
WITH_PEOPLE = (State.PENDING, State.SENT_BACK, State.NEEDS_PERSON)
WITH_SYSTEMS = (State.APPROVED, State.EXECUTING, State.RETRYING, State.IN_DOUBT)


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


def open_requests(person: Access) -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.filter(visible_to(person), state__in=OPEN)


# --- Pages -------------------------------------------------------------------------------------------


def queue_page(
    found: QuerySet[ApprovalRequest], *, cursor: str = "", size: int = PAGE
) -> Page[ApprovalRequest]:
    """A page in the fixed order of the queue. Raise `BadCursor` for a cursor we didn't make."""
    items = read(_from(found, cursor).values("pk")[: size + 1])
    items.sort(key=_IN_ORDER)
    return cut(items, size=size, of="queue", place=_place_of)


def refs_on_page(found: QuerySet[ApprovalRequest], *, cursor: str) -> list[str]:
    """The references of the same page."""
    return list(_from(found, cursor).values_list("ref", flat=True)[:PAGE])


def _from(found: QuerySet[ApprovalRequest], cursor: str) -> QuerySet[ApprovalRequest]:
    """In the order of the queue, behind this place."""
    if cursor:
        found = found.filter(_after(_place(cursor)))
    return found.order_by(*ORDER)


def _place_of(item: ApprovalRequest) -> list:
    rank, due, created, pk = _IN_ORDER(item)
    return [rank, due.isoformat(), created.isoformat(), pk]


def _after(place: Mapping[str, Any]) -> Q:
    """Everything behind `place` in the order; as a row, so that an index of it is entered there."""
    return Q(TupleGreaterThan(Tuple(*map(F, ORDER)), [place[name] for name in ORDER]))


def _place(cursor: str) -> dict[str, Any]:
    rank, due, created, pk = place_in(cursor, of="queue")
    return dict(zip(ORDER, (rank, parse_datetime(due), parse_datetime(created), pk), strict=True))


class Named(NamedTuple):
    """Something that is chosen by its name. `text` is a queue's slug or a view's query string."""

    what: str
    number: int
    name: str
    text: str


def choices(person: Access) -> dict[str, list[Named]]:
    """By what they are, by name: teams, queues, and the views this person saved; one query."""
    parts = [
        Group.objects.annotate(what=Value("team"), text=Value("")),
        Queue.objects.annotate(what=Value("queue"), text=F("slug")),
        SavedView.objects.filter(user=person.user_id).annotate(what=Value("view"), text=F("query")),
    ]
    first, *more = (found.order_by().values_list("what", "pk", "name", "text") for found in parts)
    by_what: dict[str, list[Named]] = {"team": [], "queue": [], "view": []}
    for row in first.union(*more, all=True).order_by("name", "pk"):
        by_what[row[0]].append(Named(*row))
    return by_what


# --- Who can act ---------------------------------------------------------------------------------


def deciders_of(items: Iterable[ApprovalRequest], now: datetime) -> dict[int, Deciders]:
    """By request id, who can decide it now; asked of `may()` itself. Constant queries."""
    pending = [item for item in items if item.state == State.PENDING]
    glass = {item.glass_by_id for item in pending if item.glass_by_id}
    teams = {team for item in pending for team in _teams_asked(item)}
    people = candidates(teams, now, also=glass)
    return {item.pk: _deciders_now(item, people, now) for item in pending}


def candidates_of(item: ApprovalRequest, now: datetime) -> list[Access]:
    """Everybody in the team that the open step waits for and whoever covers one, by name."""
    return candidates(_teams_asked(item), now, also={item.glass_by_id} - {None})


def _teams_asked(item: ApprovalRequest) -> set[int]:
    """Whose members may decide one of its open steps."""
    return {team for step in item.open_steps for team in step.team_ids}


def operators_of(queues: Iterable[int]) -> QuerySet[User]:
    """Everybody who can own requests of all these queues, by name."""
    found = User.objects.filter(is_active=True, is_service=False)
    for queue in queues:
        found = found.filter(
            grants.holds("operate_request", Queue, user=OuterRef("pk"), object_id=queue)
        )
    return found.order_by("name")


def with_look_due(person: Access) -> QuerySet[ApprovalRequest]:
    """Requests decided past their team that nobody has looked at, the oldest first; constant queries."""
    breaks = Prefetch("glass_breaks", BreakGlass.objects.select_related("opened_by"))
    rights = person.queues_with("audit_queue", "operate_request")
    found = ApprovalRequest.objects.filter(look_due=True, queue__in=rights)
    return found.prefetch_related(breaks).order_by("id")


def auditors_of(queue: int) -> QuerySet[User]:
    """Who reads the record of this queue, by name."""
    audits = grants.holds("audit_queue", Queue, user=OuterRef("pk"), object_id=queue)
    return User.objects.filter(audits, is_active=True, is_service=False).order_by("name")


def queues_decided_by(person: Access) -> QuerySet[Queue]:
    """Queues where this person decides, or leads somebody who does."""
    teams = [pk for pk, member in person.teams.items() if member.is_lead]
    own = person.queues_with("decide_request")
    led = grants.given_to(teams, "decide_request", Queue)
    return Queue.objects.filter(Q(pk__in=own) | Q(pk__in=led)).order_by("name")


def led_by(person: Access) -> QuerySet[User]:
    """Members of the teams that this person leads."""
    teams = [pk for pk, member in person.teams.items() if member.is_lead]
    return (
        User.objects.filter(memberships__group__in=teams, is_active=True, is_service=False)
        .distinct()
        .order_by("name")
    )


def leads_of(team_id: int | None) -> QuerySet[User]:
    """Who leads this team, by name."""
    leads = Membership.objects.filter(group=team_id, is_lead=True)
    return User.objects.filter(pk__in=leads.values("user"), is_active=True).order_by("name")


def may_cover(person: Access) -> QuerySet[User]:
    """People who decide in a queue where this person can set cover."""
    queues = queues_decided_by(person).values("pk")
    can = grants.holds_any("decide_request", Queue, user=OuterRef("pk"), objects_in=queues)
    return User.objects.filter(can, is_active=True, is_service=False).order_by("name")


def explained(
    items: Sequence[ApprovalRequest],
    now: datetime,
    deciders: Mapping[int, Deciders] | None = None,
) -> dict[int, Waiting]:
    """By request id, what it waits for; constant queries. `deciders` if they are known already."""
    deciders = deciders_of(items, now) if deciders is None else deciders
    is_sent = any(item.state in WITH_SYSTEMS for item in items)
    of_kind = switches.switch_of_kind() if is_sent else {}
    return {
        item.pk: explain(item, deciders.get(item.pk, Deciders()), now, of_kind.get(item.kind))
        for item in items
    }


def _deciders_now(item: ApprovalRequest, people: Iterable[Access], now: datetime) -> Deciders:
    names = _names(item, people)
    team = getattr(item.waiting_team, "team", None)  # a plain group has neither place nor hours
    if team is None:
        return Deciders(names=names)
    return Deciders(
        names=names,
        place=team.place,
        open_until=hours.closes(team, now),
        opens_at=hours.opens_next(team, now),
    )


def _names(item: ApprovalRequest, people: Iterable[Access]) -> list[str]:
    """Who can decide; who is covered by one of them is named as that: “L. Sand for I. Weber”."""
    able = {p.user_id: p for p in people if may("approve", item, p)}
    covered = {pk: covered_by(item, person) for pk, person in able.items()}
    away = {one.user_id for one in covered.values() if one is not None}
    return sorted(
        {
            short_name(person.name)
            + (f" for {short_name(covered[pk].name)}" if covered[pk] is not None else "")
            for pk, person in able.items()
            if pk not in away
        }
    )


# --- Decisions ---------------------------------------------------------------------------------------


def decided_by(person: Access, *, limit: int = 50) -> QuerySet[Decision]:
    """What this person decided, newest first, on requests that they may see."""
    visible = ApprovalRequest.objects.filter(visible_to(person))
    return (
        Decision.objects.filter(person_key=person.person_key, item__in=visible)
        .select_related("item", "covered")
        .order_by("-decided_at", "-id")[:limit]
    )


def decisions(person: Access) -> tuple[list[ApprovalRequest], list[ApprovalRequest]]:
    """What waits for this person's decision, then a few that wait for a team of theirs but not for
    them; none of these for who has very many to decide. Constant queries."""
    is_mine = ExpressionWrapper(can_decide(person), output_field=BooleanField())
    pending = seen_by(person).filter(state=State.PENDING).annotate(is_mine=is_mine)
    theirs = Q(waiting_team__in=person.teams) | Q(also_waiting_ids__overlap=[*person.teams])
    found = pending.filter(Q(is_mine=True) | theirs).order_by("-is_mine", *DECISION_ORDER)[
        : MOST_DECISIONS + MOST_OTHERS
    ]
    mine = [item for item in found if item.is_mine]
    others = [item for item in found if not item.is_mine]
    return mine[:MOST_DECISIONS], others[:MOST_OTHERS]


def decisions_of(person: Access) -> list[str]:
    """The references of what waits for this person's decision, as “My decisions” lists them."""
    mine = open_requests(person).filter(can_decide(person), state=State.PENDING)
    return list(mine.order_by(*DECISION_ORDER).values_list("ref", flat=True)[:MOST_DECISIONS])


def last_seen_revision(item: ApprovalRequest, person: Access) -> int | None:
    """The newest revision that this person decided on before the current one."""
    earlier = [
        decision.revision
        for decision in item.every_decision
        if decision.person_key == person.person_key and decision.revision < item.revision
    ]
    return max(earlier, default=None)


def effect_of(item: ApprovalRequest) -> Effect | None:
    return getattr(item, "effect", None)
