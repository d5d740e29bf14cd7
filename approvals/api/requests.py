"""Requests: the list, one of them, and what stands around one."""

from datetime import datetime

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from ninja import Query, Router
from pydantic import BaseModel

from accounts.access import Access
from accounts.models import Scope
from approvals import answers, finding, queries
from approvals.api import cursors, showing
from approvals.api.callers import caller, needs
from approvals.api.problems import Problem
from approvals.api.shapes import (
    AnswerFilters,
    AnswerShape,
    ApproverShape,
    ApproversShape,
    AttemptsShape,
    EventsPage,
    Filters,
    PageFilters,
    RequestShape,
    RequestsPage,
)
from approvals.models import ApprovalRequest, State
from approvals.refusals import NotFound
from approvals.rules import may
from approvals.wording import is_storable
from audit import timeline

router = Router(tags=["Requests"])


def sent(shape: BaseModel, *, etag: int | None = None) -> HttpResponse:
    """A shape as an answer of 200."""
    response = HttpResponse(shape.model_dump_json(), content_type="application/json")
    if etag is not None:
        response["ETag"] = f'"{etag}"'
    return response


@router.get("", response=RequestsPage, operation_id="listRequests", summary="List requests")
@needs(Scope.READ)
def requests(request: HttpRequest, filters: Query[Filters]) -> HttpResponse:
    """The newest first. Follow `next_cursor` until it is null; each request is seen once."""
    now = timezone.now()
    person = caller(request)
    kept = filters.model_dump(exclude={"cursor", "limit"}, exclude_none=True)
    found = _filtered(queries.seen_by(person), filters, person, now)
    if filters.cursor:
        found = found.filter(_before(cursors.read(filters.cursor, of="requests", filters=kept)))
    page, has_more = cursors.page(found.order_by("-created_at", "-id"), filters.limit)
    next_cursor = None
    if has_more:
        place = [page[-1].created_at.isoformat(), page[-1].pk]
        next_cursor = cursors.write(place, of="requests", filters=kept)
    return sent(RequestsPage(items=showing.shaped(page, now), next_cursor=next_cursor))


@router.get("/{ref}", response=RequestShape, operation_id="getRequest", summary="Read a request")
@needs(Scope.READ)
def one(request: HttpRequest, ref: str) -> HttpResponse:
    """As it stands now. `ETag` is its version, for `If-Match`."""
    item = _find(request, ref)
    return sent(showing.shaped([item], timezone.now())[0], etag=item.version)


@router.get(
    "/{ref}/events", response=EventsPage, operation_id="listEvents", summary="What happened to it"
)
@needs(Scope.READ)
def events(request: HttpRequest, ref: str, filters: Query[PageFilters]) -> HttpResponse:
    """Its history, the newest first."""
    item = _find(request, ref)
    found = timeline.of_stream(item.stream)
    if filters.cursor:
        found = found.filter(seq__lt=cursors.read(filters.cursor, of=f"events/{item.ref}")[0])
    page, has_more = cursors.page(found, filters.limit)
    next_cursor = cursors.write([page[-1].seq], of=f"events/{item.ref}") if has_more else None
    return sent(EventsPage(items=showing.events_shaped(page), next_cursor=next_cursor))


@router.get(
    "/{ref}/attempts",
    response=AttemptsShape,
    operation_id="listAttempts",
    summary="Every call to the outside system",
)
@needs(Scope.READ)
def attempts(request: HttpRequest, ref: str) -> HttpResponse:
    """In order. For those who may see calls; others are refused with the sentence of the rule."""
    item = _find(request, ref)
    verdict = may("inspect", item, caller(request))
    if not verdict:
        raise Problem("not-allowed", verdict.sentence, rule=verdict.code)
    effect = queries.effect_of(item)
    calls = list(effect.tries.all()) if effect is not None else []
    shapes = [showing.attempt_shaped(call) for call in calls]
    return sent(AttemptsShape(key=effect.key if effect else None, items=shapes))


@router.get(
    "/{ref}/answer", response=AnswerShape, operation_id="getAnswer", summary="What support may say"
)
@needs(Scope.READ)
def answer(request: HttpRequest, ref: str, filters: Query[AnswerFilters]) -> HttpResponse:
    """`customer` names nobody, promises nothing that is not known, and can be copied as it is."""
    item, now = _find(request, ref), timezone.now()
    waiting = queries.explained([item], now)[item.pk]
    return sent(showing.answer_shaped(answers.answer(item, waiting, now, filters.language)))


@router.get(
    "/{ref}/approvers",
    response=ApproversShape,
    operation_id="listApprovers",
    summary="Who can decide now",
)
@needs(Scope.READ)
def approvers(request: HttpRequest, ref: str) -> HttpResponse:
    """Everybody of the open step's team: who can decide it, and for who can't, why."""
    item = _find(request, ref)
    if item.state != State.PENDING:
        return sent(ApproversShape(step=None, team=None, approvers=[]))
    people = queries.candidates_of(item, timezone.now())
    verdicts = [(person, may("approve", item, person)) for person in people]
    shapes = [
        ApproverShape(
            id=str(person.user_id),
            name=person.name,
            can_decide=bool(verdict),
            rule=verdict.code or None,
            why_not=verdict.sentence or None,
        )
        for person, verdict in verdicts
    ]
    return sent(ApproversShape(step=item.step, team=item.open_step.team.name, approvers=shapes))


def _find(request: HttpRequest, ref: str) -> ApprovalRequest:
    item = queries.find(ref.upper(), caller(request)) if is_storable(ref) else None
    if item is None:
        raise NotFound(ref)
    return item


def _before(place: list) -> Q:
    """Everything behind `place`, counted from the newest."""
    created_at, pk = parse_datetime(place[0]), place[1]
    return Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk)


# --- Filters ---------------------------------------------------------------------------------------

_PLAIN = {
    "state": "state",
    "kind": "kind",
    "queue": "queue__slug",
    "customer": "customer",
    "ticket": "ticket",
    "cause": "cause",
    "created_after": "created_at__gt",
    "created_before": "created_at__lt",
}


def _filtered(
    found: QuerySet[ApprovalRequest], filters: Filters, person: Access, now: datetime
) -> QuerySet[ApprovalRequest]:
    texts = [value for value in filters.model_dump().values() if isinstance(value, str)]
    if not all(is_storable(text) for text in texts):
        return found.none()
    for name, lookup in _PLAIN.items():
        value = getattr(filters, name)
        if value is not None:
            found = found.filter(**{lookup: value})
    if filters.waiting_on is not None:
        found = found.filter(_waiting_on(filters.waiting_on, person, now))
    if filters.owner is not None:
        found = found.filter(_owned_by(filters.owner, person))
    if filters.stuck is not None:
        is_stuck = queries.in_view("stuck", person, now)
        found = found.filter(is_stuck if filters.stuck == "true" else ~is_stuck)
    if filters.q is not None:
        found = found.filter(finding.matching(filters.q))
    return found


def _waiting_on(wanted: str, person: Access, now: datetime) -> Q:
    if wanted in ("me", "people", "systems"):
        return queries.in_view(wanted, person, now)
    return Q(state=State.PENDING, waiting_team__name=wanted)


def _owned_by(wanted: str, person: Access) -> Q:
    if wanted == "me":
        return Q(owner=person.user_id)
    return Q(owner=None) if wanted == "nobody" else Q(owner__email__iexact=wanted)
