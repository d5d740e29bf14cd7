"""What happened? For support: one search, a plain answer, and a reply that can be copied."""

from datetime import datetime

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from approvals import kinds, queries
from approvals.answers import answer
from approvals.explain import Waiting
from approvals.models import ApprovalRequest
from approvals.views.frame import reader
from approvals.wording import visible

MOST, MOST_OTHERS = 20, 5


@require_GET
def lookup(request: HttpRequest) -> HttpResponse:
    typed = visible(request.GET.get("q", "").replace("\x00", ""))[:100].strip()
    context: dict = {"q": typed}
    if typed:
        context |= _results(request, typed)
    return render(request, "approvals/lookup.html", context)


def _results(request: HttpRequest, typed: str) -> dict:
    seen, now = queries.seen_by(reader(request)), timezone.now()
    hits = _newest(seen, queries.exactly(typed)) or _newest(seen, queries.matching(typed))
    if not hits:
        return {"empty": f"No request for “{typed}”. Check the number, or search by customer."}
    wanted = Q(pk__in=[pk for pk, _ in hits])
    hit, customer = hits[0]
    if len(hits) == 1:
        others = _in_order(seen.filter(customer__iexact=customer).exclude(pk=hit))
        wanted |= Q(pk__in=others.values("pk")[:MOST_OTHERS])
    found = list(_in_order(seen.filter(wanted)))
    waiting = queries.explained(found, now)
    if len(hits) > 1:
        return {"results": [_line(item, waiting[item.pk]) for item in found]}
    item = next(item for item in found if item.pk == hit)
    return {
        "answer": _answer(item, waiting[hit], now),
        "also": [_line(other, waiting[other.pk]) for other in found if other is not item],
    }


def _newest(seen: QuerySet[ApprovalRequest], named: Q) -> list[tuple[int, str]]:
    """The newest that are named like this: id and customer."""
    return list(_in_order(seen.filter(named)).values_list("pk", "customer")[:MOST])


def _in_order(found: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    return found.order_by("-created_at", "-id")


def _answer(item: ApprovalRequest, waiting: Waiting, now: datetime) -> dict:
    said = answer(item, waiting, now)
    return {
        "url": f"/requests/{item.ref}/",
        "ref": item.ref,
        "title": visible(kinds.kind_of(item.kind).title(item.payload)),
        "asked_at": item.created_at,
        "as_of": said.as_of,
        "agent": said.agent,
        "customer": said.customer,
        "safe": said.safe,
        "unsafe": said.unsafe,
    }


def _line(item: ApprovalRequest, waiting: Waiting) -> dict:
    return {
        "ref": item.ref,
        "title": visible(kinds.kind_of(item.kind).title(item.payload)),
        "url": f"/requests/{item.ref}/",
        "lookup_url": f"/lookup/?q={item.ref}",
        "status": {"label": waiting.label, "tone": waiting.tone},
        "created_at": item.created_at,
    }
