"""The queue: five views with counts, filters, and on each row why it is waiting."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from approvals import kinds, queries
from approvals.explain import Waiting
from approvals.forms import QueueFilter
from approvals.models import OPEN, ApprovalRequest, State
from approvals.rules import may
from approvals.views.frame import reader, with_query
from approvals.wording import duration, short_name, shortened, visible

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
    view = request.GET.get("view", "")
    view = view if view in queries.VIEWS else "all"
    filters = QueueFilter(_query(request, view), queryset=_found(request, view, now))
    try:
        page = queries.queue_page(filters.qs, cursor=request.GET.get("cursor", ""))
    except queries.BadCursor as error:
        return render(request, "400.html", {"sentence": str(error)}, status=400)
    counts = queries.counts(person, now)
    active = _active_filters(request, filters)
    context = {
        "page": {
            "views": _tabs(view, counts),
            "caption": _caption(view, counts[view], len(page.items), bool(active)),
            "checked_at": now,
            "rows": rows(request, page.items, now),
            "first_url": with_query(request, cursor=None) if request.GET.get("cursor") else "",
            "next_url": with_query(request, cursor=page.next_cursor) if page.next_cursor else "",
            "empty": _empty(request, view, counts, active),
        },
        "filter_form": filters.form,
        "active_filters": active,
        "clear_url": f"{request.path}?view={view}",
        "may_create": bool(person.queues_with("submit_request")),
    }
    template = "approvals/queue.html#region" if request.htmx else "approvals/queue.html"
    response = render(request, template, context)
    response["Vary"] = "HX-Request"
    return response


def _query(request: HttpRequest, view: str) -> dict:
    return {**request.GET.dict(), "view": view}


def _found(request: HttpRequest, view: str, now: datetime):
    """A chosen status beats the view: rejected requests, say, are in none of the open ones."""
    found = queries.seen_by(reader(request))
    if request.GET.get("state") in [state.value for state in State if state not in OPEN]:
        return found
    return found.filter(queries.in_view(view, reader(request), now), state__in=OPEN)


def _tabs(view: str, counts: dict[str, int]) -> list[dict]:
    return [
        {
            "label": LABELS[name],
            "url": f"/queue/?view={name}",
            "count": counts[name],
            "current": name == view,
        }
        for name in queries.VIEWS
    ]


def _caption(view: str, count: int, shown: int, is_filtered: bool) -> str:
    if is_filtered:
        return f"{shown} {_plural(shown)} on this page match the filters: {ORDER_SENTENCE}."
    what = {"stuck": "stuck ", "all": "open "}.get(view, "")
    return f"{count} {what}{_plural(count)}: {ORDER_SENTENCE}."


def _plural(count: int) -> str:
    return "request" if count == 1 else "requests"


def _empty(request: HttpRequest, view: str, counts: dict[str, int], active: list) -> dict:
    if active:
        return {
            "sentence": "No request matches these filters.",
            "action_url": f"{request.path}?view={view}",
            "action_label": "Remove the filters",
        }
    open_now = counts["all"]
    rest = f" {open_now} {_plural(open_now)} are open." if open_now and view != "all" else ""
    return {
        "sentence": EMPTY[view] + rest,
        "action_url": "/queue/?view=all" if rest else "",
        "action_label": "See all open",
    }


def _active_filters(request: HttpRequest, filters: QueueFilter) -> list[dict]:
    found = []
    for name, field in filters.form.fields.items():
        value = request.GET.get(name)
        if not value or name == "view" or name in filters.form.errors:
            continue
        shown = value
        if choices := getattr(field, "choices", None):
            shown = next((str(text) for key, text in choices if str(key) == value), value)
        remove = with_query(request, **{name: None, "cursor": None})
        found.append({"label": f"{field.label}: {visible(shown)}", "remove_url": remove})
    return found


# --- Rows --------------------------------------------------------------------------------------------


def rows(request: HttpRequest, items: Sequence[ApprovalRequest], now: datetime) -> list[dict]:
    """What the table of requests shows, here and on the page of a cause. Constant queries."""
    waiting = queries.explained(items, now)
    causes = queries.by_cause(reader(request))
    return [_row(request, item, waiting[item.pk], causes, now) for item in items]


def _row(
    request: HttpRequest, item: ApprovalRequest, waiting: Waiting, causes: dict, now: datetime
) -> dict:
    kind = kinds.kind_of(item.kind)
    late = item.due_at is not None and item.due_at < now
    same = causes.get(item.cause, 0) if item.state == State.RETRYING else 0
    return {
        "ref": item.ref,
        "url": f"/requests/{item.ref}/",
        "title": visible(kind.title(item.payload)),
        "subtitle": f"{visible(kind.subtitle(item.payload))}, {visible(item.customer)}",
        "status": {"label": waiting.label, "tone": waiting.tone},
        "why": waiting.sentence,
        "next": waiting.next if item.state in (State.RETRYING, State.NEEDS_PERSON) else "",
        "same": {"label": f"{same} with this cause", "url": f"/failures/{item.cause}/"}
        if same > 1
        else None,
        "due_at": item.due_at,
        "due_label": _distance(item.due_at, now) if item.due_at else "",
        "late": late,
        "owner": shortened(visible(short_name(item.owner.name)), 30) if item.owner else "Unclaimed",
        "action": _action(request, item),
    }


def _distance(due: datetime, now: datetime) -> str:
    return f"{duration(now - due)} late" if due < now else f"in {duration(due - now)}"


def _action(request: HttpRequest, item: ApprovalRequest) -> dict | None:
    """One verb at most, the safest that helps."""
    person = reader(request)
    if item.state == State.PENDING and may("approve", item, person):
        return {"label": "Review", "url": f"/requests/{item.ref}/#decide", "tone": "default"}
    if item.owner_id is None and item.is_open and may("claim", item, person):
        return {
            "label": "Claim",
            "url": f"/requests/{item.ref}/claim/",
            "method": "post",
            "tone": "default",
            "key": str(uuid.uuid4()),
            "version": item.version,
        }
    return None
