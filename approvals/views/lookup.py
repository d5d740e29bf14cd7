"""What happened? For support: one search, a plain answer, and a reply that can be copied."""

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

MOST = 20


@require_GET
def lookup(request: HttpRequest) -> HttpResponse:
    typed = visible(request.GET.get("q", "").replace("\x00", ""))[:100].strip()
    context: dict = {"q": typed}
    if typed:
        context |= _results(request, typed)
    return render(request, "approvals/lookup.html", context)


def _results(request: HttpRequest, typed: str) -> dict:
    seen = queries.seen_by(reader(request))
    newest = seen.order_by("-created_at", "-id")
    found = list(newest.filter(queries.exactly(typed))[:MOST])
    if not found:
        found = list(newest.filter(queries.matching(typed))[:MOST])
    if not found:
        return {"empty": f"No request for “{typed}”. Check the number, or search by customer."}
    if len(found) > 1:
        return {"results": _listed(found)}
    item = found[0]
    others = newest.filter(customer__iexact=item.customer).exclude(pk=item.pk)[:5]
    return {"answer": _answer(item), "also": _listed(list(others))}


def _answer(item: ApprovalRequest) -> dict:
    now = timezone.now()
    said = answer(item, queries.explained([item], now)[item.pk], now)
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


def _listed(items: list[ApprovalRequest]) -> list[dict]:
    now = timezone.now()
    waiting = queries.explained(items, now)
    return [_line(item, waiting[item.pk]) for item in items]


def _line(item: ApprovalRequest, waiting: Waiting) -> dict:
    return {
        "ref": item.ref,
        "title": visible(kinds.kind_of(item.kind).title(item.payload)),
        "url": f"/requests/{item.ref}/",
        "lookup_url": f"/lookup/?q={item.ref}",
        "status": {"label": waiting.label, "tone": waiting.tone},
        "created_at": item.created_at,
    }
