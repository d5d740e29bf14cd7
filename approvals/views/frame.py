"""What every page has around it: navigation, the time, and what the last command answered."""

import uuid
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone

from accounts import access
from accounts.access import Access
from approvals import counting
from approvals.counting import Counted, Tally
from approvals.models import Queue
from approvals.rules import SEEING
from approvals.views import kept

MOST_LINKS = 5


def reader(request: HttpRequest) -> Access:
    """Who reads this page, with their rights of this moment; loaded once for each request."""
    if not hasattr(request, "reader"):
        request.reader = access.of_loaded(request.user, Queue, at=timezone.now())
    return request.reader


def page_frame(request: HttpRequest) -> dict:
    """The context of every page."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"product_version": settings.PRODUCT_VERSION}
    now = timezone.now()
    local = now.astimezone(user.zone)
    differs = local.utcoffset() != now.utcoffset()
    return {
        "product_version": settings.PRODUCT_VERSION,
        "writer": kept.writer(user),
        "nav": (links := _navigation(request))[:MOST_LINKS],
        "nav_more": links[MOST_LINKS:],
        "clock": {
            "at": now,
            "utc": f"{now.astimezone(UTC):%H:%M} UTC",
            "local": f"{local:%H:%M} {user.place}" if differs else "",
            "zone": user.zone,
            "city": user.place,
        },
        "notices": [
            {"tone": message.extra_tags or "done", "text": message.message}
            for message in messages.get_messages(request)
        ],
    }


def _navigation(request: HttpRequest) -> list[dict]:
    """The most used first: what does not fit the bar stands under “More”."""
    person = reader(request)
    links = []
    if audits := bool(person.queues_with("audit_queue")):
        links.append(_link(request, "Audit", "/audit/"))
    if person.queues_with("view_queue", "operate_request", "audit_queue"):
        links.append(_link(request, "Queue", "/queue/"))
    if person.queues_with("decide_request"):
        links.append(_link(request, "Decisions", "/decisions/", _waiting_for(request)))
    if person.queues_with(*_LOOKUP):
        links.append(_link(request, "Lookup", "/lookup/"))
    if person.queues_with(*SEEING):
        links.append(_link(request, "Failures", "/failures/", _causes_needing(request) or None))
        links.append(_link(request, "Handoff", "/handoff/"))
        links.append(_link(request, "Dashboard", "/dashboard/"))
    if person.queues_with("submit_request"):
        links.append(_link(request, "New request", "/requests/new/"))
    if person.queues_with(*SEEING):
        links.append(_link(request, "Systems", "/systems/"))
    if not audits and (person.is_staff or person.queues_with(*SEEING)):
        links.append(_link(request, "Audit", "/audit/"))
    return [*links, *_seldom_used(request)]


def _seldom_used(request: HttpRequest) -> list[dict]:
    person = reader(request)
    links = []
    if person.is_staff or person.queues_with(*SEEING, "manage_policy"):
        links.append(_link(request, "Policies", "/policies/"))
    if person.queues_with("audit_queue", "operate_request"):
        links.append(_link(request, "Second looks", "/second-looks/"))
    if person.is_staff or person.queues_with("audit_queue"):
        links.append(_link(request, "Access", "/access/"))
    if person.is_staff:
        links.append(_link(request, "People", "/people/"))
        links.append(_link(request, "Webhooks", "/webhooks/"))
        links.append(_link(request, "Administration", "/admin/"))
    return links


_LOOKUP = ("answer_request", "view_queue", "operate_request", "decide_request", "audit_queue")


def _link(request: HttpRequest, label: str, url: str, count: int | None = None) -> dict:
    current = request.path == url or (url != "/" and request.path.startswith(url))
    return {"label": label, "url": url, "current": current, "count": count}


def _causes_needing(request: HttpRequest) -> int:
    return sum(not tally.is_quiet for tally in tallies(request).values())


def tallies(request: HttpRequest) -> dict[str, Tally]:
    """By cause, what fails now for this reader."""
    return _counted(request).tallies


def watched(request: HttpRequest) -> dict[str, int]:
    """By cause that this reader watches, with how many more it is news to them."""
    return _counted(request).watched


def counts(request: HttpRequest, now: datetime) -> dict[str, int]:
    """How many requests each view of the queue holds for this reader; with what the bar counts."""
    request.counted = counting.count(reader(request), now)
    return request.counted.views


def _waiting_for(request: HttpRequest) -> int:
    """How many requests the reader can decide; a page that has counted them says so itself."""
    return request.can_decide if hasattr(request, "can_decide") else _counted(request).decide


def _counted(request: HttpRequest) -> Counted:
    """What the bar counts; once for each request."""
    if not hasattr(request, "counted"):
        request.counted = counting.count(reader(request), timezone.now(), views=False)
    return request.counted


def form_key(request: HttpRequest) -> str:
    """The key of the form that is shown: the one it was sent with, or a new one."""
    return request.POST.get("idempotency_key") or new_key()


def new_key() -> str:
    return str(uuid.uuid4())


def whole(text: str | None, *, digits: int = 9) -> int | None:
    """A whole number as a form sends it; None for anything else, and for more digits."""
    if text and text.isascii() and text.isdigit() and len(text) <= digits:
        return int(text)
    return None


def with_query(request: HttpRequest, **changes: str | None) -> str:
    """This page's address with some of its query changed; None takes a name out."""
    query = {name: value for name, value in request.GET.items() if value}
    query |= changes
    kept = {name: value for name, value in query.items() if value}
    return f"{request.path}?{urlencode(kept)}" if kept else request.path
