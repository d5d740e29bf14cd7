"""Runbooks: what to do, with the verbs as buttons for the request that it is read for."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from approvals import failures, kinds, queries, runbooks
from approvals.causes import cause as cause_of
from approvals.models import ApprovalRequest
from approvals.rules import may
from approvals.runbooks import Offer, Runbook
from approvals.views.frame import reader
from approvals.views.verbs import VERBS, offers
from approvals.wording import visible

MOST_SHOWN = 20


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    lines = [
        {"title": one.title, "url": f"/runbooks/{one.slug}/"}
        for one in sorted(runbooks.all_runbooks().values(), key=lambda one: one.title)
    ]
    return render(request, "approvals/runbooks.html", {"runbooks": lines})


@require_GET
def runbook(request: HttpRequest, slug: str) -> HttpResponse:
    found = runbooks.find(slug)
    if found is None:
        raise Http404(slug)
    affected = _affected(request, found)
    item = _chosen(request, affected)
    context = {
        "title": found.title,
        "html": runbooks.html(found, _offer(request, item)),
        "item": _line(item) if item else None,
        "affected": [_line(one, slug) for one in affected[:MOST_SHOWN]],
        "count": len(affected),
        "needs_choice": bool(found.verbs) and item is None and bool(affected),
        "back_url": f"/requests/{item.ref}/" if item else "/runbooks/",
        "back_label": f"Back to {item.ref}" if item else "All runbooks",
    }
    return render(request, "approvals/runbook.html", context)


def _affected(request: HttpRequest, found: Runbook) -> list[ApprovalRequest]:
    """The newest open requests that it is about, as far as the reader sees them."""
    if not found.causes:
        return []
    open_now = failures.of_runbook(reader(request), found.causes)
    return list(open_now.select_related("effect").order_by("-waiting_since")[: MOST_SHOWN + 1])


def _chosen(request: HttpRequest, affected: list[ApprovalRequest]) -> ApprovalRequest | None:
    """The request named in the address, or the only one that it is about."""
    if ref := request.GET.get("request", ""):
        item = queries.find(ref, reader(request)) if len(ref) <= 20 and ref.isprintable() else None
        if item is None:
            raise Http404(ref)
        return item
    return affected[0] if len(affected) == 1 else None


def _offer(request: HttpRequest, item: ApprovalRequest | None) -> Offer:
    """The address of a verb's page, where this reader may do it with this request now."""

    def address(verb: str) -> str | None:
        name = verb.replace("-", "_")
        if item is None or name not in VERBS or not offers(name, item):
            return None
        return f"/requests/{item.ref}/{verb}/" if may(name, item, reader(request)) else None

    return address


def _line(item: ApprovalRequest, slug: str = "") -> dict:
    kind = kinds.kind_of(item.kind)
    return {
        "ref": item.ref,
        "title": visible(kind.title(item.payload)),
        "url": f"/runbooks/{slug}/?request={item.ref}" if slug else f"/requests/{item.ref}/",
        "cause": cause_of(item.cause).plain,
    }
