"""What a person was told: newest first, with what has settled itself shown as such."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from approvals.paging import BadCursor
from approvals.views.frame import reader, whole, with_query
from approvals.wording import visible
from notifications import commands, queries
from notifications.models import Notice, Topic

WORDS = {
    Topic.DECISIONS: "Decision",
    Topic.MINE: "Yours",
    Topic.MENTIONS: "Mention",
    Topic.WATCHED: "Watched",
    Topic.SHIFTS: "Shift",
    Topic.CAUSES: "Failures",
    Topic.ACCOUNT: "Sign-in",
}


@require_GET
def inbox(request: HttpRequest) -> HttpResponse:
    shows_all = request.GET.get("show") == "all"
    try:
        page = queries.inbox(
            reader(request), only_new=not shows_all, cursor=request.GET.get("cursor", "")
        )
    except BadCursor as error:
        raise Http404(str(error)) from error
    context = {
        "notices_told": [_line(notice) for notice in page.items],
        "tabs": [
            {"label": "New", "url": "/inbox/", "current": not shows_all},
            {"label": "All", "url": "/inbox/?show=all", "current": shows_all},
        ],
        "newest": max((notice.pk for notice in page.items), default=0),
        "shows_all": shows_all,
        "empty": {
            "sentence": "You were told nothing in the last 30 days."
            if shows_all
            else "Nothing new. What you are told of appears here."
        },
        "first_url": with_query(request, cursor=None) if "cursor" in request.GET else "",
        "next_url": with_query(request, cursor=page.next_cursor) if page.next_cursor else "",
    }
    return render(request, "notifications/inbox.html", context)


@require_POST
def mark_read(request: HttpRequest) -> HttpResponse:
    """One notice, or all up to the newest that was on the page: what came later stays new."""
    only, until = (whole(request.POST.get(name), digits=18) for name in ("notice", "until"))
    if only is None and until is None:
        raise Http404
    count = commands.read(by=request.user, at=timezone.now(), only=only, until=until or 0)
    if only is None:
        words = "1 notice is read." if count == 1 else f"{count} notices are read."
        messages.success(request, words, extra_tags="done")
    return redirect("inbox")


def _line(notice: Notice) -> dict:
    return {
        "number": notice.pk,
        "sentence": visible(notice.sentence),
        "url": notice.url,
        "topic": WORDS[notice.topic],
        "at": notice.at,
        "is_new": notice.read_at is None and not notice.settled,
        "now": _now(notice),
    }


def _now(notice: Notice) -> str:
    """What became of it, where that is no longer what the sentence says."""
    if notice.settled:
        return f"Settled: {notice.item.get_state_display().lower()} now, nothing waits for you."
    if notice.item is not None and not notice.item.is_open:
        return f"{notice.item.get_state_display()} now."
    return ""
