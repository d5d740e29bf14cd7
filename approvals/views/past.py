"""A request as it was at a moment, `/requests/<ref>/?at=<time>`. Nothing is done from here."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from approvals import history, kinds
from approvals.models import ApprovalRequest, State
from approvals.views import told
from approvals.wording import clock, visible
from audit.models import Event

TONES = {
    State.PENDING: "waiting",
    State.SENT_BACK: "waiting",
    State.APPROVED: "running",
    State.EXECUTING: "running",
    State.RETRYING: "retrying",
    State.IN_DOUBT: "unknown",
    State.NEEDS_PERSON: "failed",
    State.DONE: "done",
}


def page(request: HttpRequest, item: ApprovalRequest, typed: str) -> HttpResponse:
    """`item` as it is now, for who may see it; `typed` is a time, in UTC where it names no zone."""
    at = parsed(typed)
    if at is None:
        sentence = "Write the time like 2026-11-24T09:05:00Z."
        return render(request, "400.html", {"sentence": sentence}, status=400)
    past = history.as_of(item.stream, at)
    context = {
        "ref": item.ref,
        "now_url": f"/requests/{item.ref}/",
        "at_field": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
        "as_of": f"{clock(at, timezone.now()).removesuffix(' UTC')}:{at.astimezone(UTC):%S} UTC",
        "steps": _around(item, past, at),
    }
    if past is not None:
        context |= _shown(past, at)
    return render(request, "approvals/past.html", context)


def parsed(typed: str) -> datetime | None:
    """What an address or a date-and-time field says, whole seconds meaning all of that second."""
    try:
        at = parse_datetime(typed.strip().replace(" ", "+"))
    except ValueError:
        return None
    if at is None or not 1 < at.year < 9999:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at if at.microsecond else at + timedelta(microseconds=999_999)


def url_before(item: ApprovalRequest, newest_first: Sequence[Event]) -> str:
    """As it was before its newest event; nothing while there is only one."""
    return _url(item, newest_first[1].occurred_at) if len(newest_first) > 1 else ""


def _url(item: ApprovalRequest, at: datetime) -> str:
    stamp = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return f"/requests/{item.ref}/?{urlencode({'at': stamp})}"


def _around(item: ApprovalRequest, past: history.Past | None, at: datetime) -> list[dict]:
    """The event before and the one after, each as a link to the moment of it."""
    newest = past.events[-1].seq if past else 0
    found = Event.objects.filter(stream=item.stream, seq__in=[newest - 1, newest + 1])
    return [
        {
            "label": "Before event" if event.seq < newest else "At event",
            "number": event.seq + 1 if event.seq < newest else event.seq,
            "url": _url(item, event.occurred_at),
        }
        for event in found.order_by("seq")
    ]


def _shown(past: history.Past, at: datetime) -> dict:
    item = past.item
    kind = kinds.kind_of(item.kind)
    return {
        "title": "" if past.is_forgotten else visible(kind.title(item.payload)),
        "status": {"label": State(item.state).label, "tone": TONES.get(item.state, "neutral")},
        "count": len(past.events),
        "is_forgotten": past.is_forgotten,
        "facts": _how_it_stood(item, at),
        "content": [] if past.is_forgotten else told.what_was_asked(item, kind, at),
        "timeline": [told.entry(event) for event in reversed(past.events)],
    }


def _how_it_stood(item: ApprovalRequest, at: datetime) -> list[dict]:
    version = item.policy_version
    team = visible(item.waiting_team.name) if item.waiting_team else ""
    lines = [
        ("Since", clock(item.waiting_since, at)),
        ("Waited for", team),
        ("Due", clock(item.due_at, at) if item.due_at else ""),
        ("Owner", visible(item.owner.name) if item.owner else "Unclaimed"),
        ("Held", _held(item, at)),
        ("Revision and version", f"{item.revision} and {item.version}"),
        ("Policy", f"{version.policy.name}, version {version.number}: {item.policy_rule}"),
    ]
    return [{"label": label, "value": value} for label, value in lines if value]


def _held(item: ApprovalRequest, at: datetime) -> str:
    if item.held_at is None:
        return ""
    return (
        f"by {visible(item.held_by.name)}, {clock(item.held_at, at)}: {visible(item.hold_reason)}"
    )
