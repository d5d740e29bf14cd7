"""Go to a request, a ticket or a page by typing a part of its name."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from approvals import finding, kinds, queries
from approvals.views.frame import page_frame, reader
from approvals.wording import visible

MOST = 8


@require_GET
def go(request: HttpRequest) -> HttpResponse:
    typed = visible(request.GET.get("q", ""))[:100].strip()
    found = _requests(request, typed) if typed else []
    if len(found) == 1 and not request.htmx and found[0].ref.endswith(typed.upper()):
        return redirect("request", ref=found[0].ref)
    links = [
        {
            "url": f"/requests/{item.ref}/",
            "label": f"{item.ref} {visible(kinds.kind_of(item.kind).title(item.payload))}",
            "hint": visible(item.customer),
        }
        for item in found
    ]
    pages = [
        {"url": link["url"], "label": link["label"], "hint": "Page"}
        for link in _pages(request)
        if not typed or typed.casefold() in link["label"].casefold()
    ]
    return render(request, "approvals/go.html", {"q": typed, "links": links + pages})


def _pages(request: HttpRequest) -> list[dict]:
    frame = page_frame(request)
    return [*frame["nav"], *frame["nav_more"]]


def _requests(request: HttpRequest, typed: str) -> list:
    """A bare number is the number of a reference."""
    seen = queries.seen_by(reader(request)).order_by("-created_at", "-id")
    if typed.isascii() and typed.isdigit():
        by_number = list(seen.filter(ref__endswith=f"-{typed}")[:MOST])
        if by_number:
            return by_number
    return list(seen.filter(finding.matching(typed))[:MOST])
