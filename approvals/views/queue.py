"""The queue: five views with counts, filters, and on each row why it is waiting."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from approvals import queries
from approvals.paging import BadCursor
from approvals.queries import Named
from approvals.views import place
from approvals.views.changes import cursor_of
from approvals.views.frame import counts as counted
from approvals.views.frame import reader, with_query
from approvals.views.listing import Listing
from approvals.views.rows import plural, rows
from approvals.wording import visible

LABELS = {
    "me": "Needs me",
    "stuck": "Stuck",
    "people": "Waiting on people",
    "systems": "Waiting on systems",
    "all": "All open",
}
EMPTY = {
    "me": "Nothing waits for you.",
    "stuck": "Nothing is stuck.",
    "people": "Nothing waits for a person.",
    "systems": "Nothing waits for a system.",
    "all": "Nothing is open.",
}
ORDER_SENTENCE = "unknown outcome first, then needs a person, overdue, due soonest, oldest"


@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    person, now = reader(request), timezone.now()
    listing = Listing(request, request.GET, now)
    view = listing.view
    try:
        page = queries.queue_page(listing.found, cursor=request.GET.get("cursor", ""))
    except BadCursor as error:
        return render(request, "400.html", {"sentence": str(error)}, status=400)
    counts = counted(request, now)
    views = listing.choices["view"]
    saved = _opened(request, views)
    query = request.GET.urlencode()
    context = {
        "page": {
            "views": [*_tabs("" if saved else view, counts), *_saved_tabs(views, saved)],
            "deletes": {"url": f"/queue/views/{saved.number}/delete/", "name": visible(saved.name)}
            if saved
            else None,
            "query": query,
            "cursor": cursor_of(query, page.items),
            "caption": _caption(view, counts[view], len(page.items), bool(listing.active)),
            "checked_at": now,
            "rows": rows(request, page.items, now),
            "first_url": with_query(request, cursor=None) if request.GET.get("cursor") else "",
            "next_url": with_query(request, cursor=page.next_cursor) if page.next_cursor else "",
            "empty": _empty(request, view, counts, listing.active),
        },
        "filter_form": listing.filters.form,
        "active_filters": listing.active,
        "clear_url": f"{request.path}?view={view}",
        "picks": bool(person.queues_with("operate_request")),
        "may_create": bool(person.queues_with("submit_request")),
    }
    template = "approvals/queue.html#region" if request.htmx else "approvals/queue.html"
    response = render(request, template, context)
    response["Vary"] = "HX-Request"
    place.keep(request, response)
    return response


def _tabs(view: str, counts: dict[str, int]) -> list[dict]:
    return [
        {
            "label": LABELS[name],
            "url": f"/queue/?view={name}",
            "count": counts[name],
            "current": name == view,
            "id": f"count-{name}",
        }
        for name in queries.VIEWS
    ]


def _saved_tabs(views: list[Named], opened: Named | None) -> list[dict]:
    return [
        {
            "label": visible(one.name),
            "url": f"/queue/?{one.text}&saved={one.number}",
            "current": one == opened,
        }
        for one in views
    ]


def _opened(request: HttpRequest, views: list[Named]) -> Named | None:
    """The person's own view that the address names; when it is gone the page says so."""
    number = request.GET.get("saved")
    if not number:
        return None
    found = next((one for one in views if str(one.number) == number), None)
    if found is None:
        sentence = "This view was deleted. The list shows what its address still says."
        messages.info(request, sentence, extra_tags="retrying")
    return found


def _caption(view: str, count: int, shown: int, is_filtered: bool) -> str:
    if is_filtered:
        return f"{plural(shown)} on this page match the filters: {ORDER_SENTENCE}."
    what = {"stuck": "stuck ", "all": "open "}.get(view, "")
    return f"{count} {what}request{'s' if count != 1 else ''}: {ORDER_SENTENCE}."


def _empty(request: HttpRequest, view: str, counts: dict[str, int], active: list) -> dict:
    if active:
        return {
            "sentence": "No request matches these filters.",
            "action_url": f"{request.path}?view={view}",
            "action_label": "Remove the filters",
        }
    open_now = counts["all"]
    rest = f" {plural(open_now)} are open." if open_now and view != "all" else ""
    return {
        "sentence": EMPTY[view] + rest,
        "action_url": "/queue/?view=all" if rest else "",
        "action_label": "See all open",
    }
