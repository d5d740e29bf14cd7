"""All handoffs: what waits for me, my drafts, and the history."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from approvals.paging import BadCursor
from approvals.views.frame import reader, with_query
from approvals.wording import visible
from handoffs import queries
from handoffs.models import Handoff
from handoffs.rules import may_hand_over
from handoffs.views import frame


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    frame.check_reader(request)
    person, now = reader(request), timezone.now()
    try:
        page = queries.history(person, cursor=request.GET.get("cursor", ""))
    except BadCursor as error:
        return render(request, "400.html", {"sentence": str(error)}, status=400)
    takes_part = may_hand_over(person)
    context = {
        "takes_part": takes_part,
        "waiting": _described(queries.waiting_for(person), now) if takes_part else [],
        "drafts": _described(queries.drafts_of(person), now) if takes_part else [],
        "history": _described(page.items, now),
        "first_url": with_query(request, cursor=None) if "cursor" in request.GET else "",
        "next_url": with_query(request, cursor=page.next_cursor) if page.next_cursor else "",
    }
    return render(request, "handoffs/index.html", context)


def _described(handoffs: object, now: datetime) -> list[dict]:
    return [_card(handoff, now) for handoff in handoffs]


def _card(handoff: Handoff, now: datetime) -> dict:
    return {
        "url": frame.url_of(handoff.pk),
        "heading": frame.heading(handoff),
        "sender": visible(handoff.sender.name),
        "span": frame.span(handoff, now),
        "status": frame.status(handoff, now),
        "sentence": frame.sentence(handoff, now),
        "created_at": handoff.created_at,
        "sent_at": handoff.sent_at,
        "answered": handoff.count - handoff.unanswered,
        "count": handoff.count,
    }
