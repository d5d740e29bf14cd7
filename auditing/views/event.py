"""One event with everything that was recorded of it."""

import json
from datetime import datetime
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import Access
from approvals import kinds
from approvals.hiding import hidden
from approvals.wording import visible
from audit.models import Event
from auditing import catalogue, queries
from auditing.commands.reading import record_reading
from auditing.views import frame


@require_GET
def event(request: HttpRequest, pk: int) -> HttpResponse:
    person, now = frame.audit_reader(request), timezone.now()
    shown = queries.find_event(pk, person)
    if shown is None:
        raise Http404(str(pk))
    record_reading(person=person, what={"event": f"{shown.stream}#{shown.seq}"}, at=now)
    context = {
        **frame.described(shown, now),
        "title": f"{catalogue.sentence(shown)}: {frame.object_of(shown)}",
        "when": _when(shown, now),
        "who": _named(_who(shown)),
        "what": _named(_what(shown)),
        "changes": [_change(change) for change in shown.changes],
        "facts": _named([(name, _text(value)) for name, value in sorted(shown.facts.items())]),
        "origin": _named(_origin(shown)),
        "interaction_url": _explorer(interaction=shown.context.get("correlation_id", "")),
        "about_url": _about_url(shown),
        "by_url": _explorer(who=shown.actor_id),
        "stream": visible(shown.stream),
        "seq": shown.seq,
        "hash": bytes(shown.hash).hex(),
        "prev_hash": bytes(shown.prev_hash).hex(),
        **_beside(shown, person),
    }
    return render(request, "auditing/event.html", context)


def _when(event: Event, now: datetime) -> list[dict]:
    return [
        {"label": "Recorded", "value": frame.to_the_second(event.recorded_at, now)},
        {"label": "Happened", "value": frame.to_the_second(event.occurred_at, now)},
    ]


def _who(event: Event) -> list[tuple[str, str]]:
    return [
        ("Actor", event.actor_label or event.actor_id),
        ("Type and id", f"{event.actor_type} {event.actor_id}"),
        ("In the place of", event.on_behalf_of or str(event.facts.get("for", ""))),
        ("Signed in by", event.auth_method),
    ]


def _what(event: Event) -> list[tuple[str, str]]:
    return [
        ("Action", event.action),
        ("Object", frame.object_of(event)),
        ("Version before", _number(event.version_before)),
        ("Version after", _number(event.version_after)),
        ("Rule", event.reason_code),
        ("Policy", event.policy),
    ]


def _origin(event: Event) -> list[tuple[str, str]]:
    context = event.context
    return [
        ("Request id", context.get("request_id", "")),
        ("Correlation id", context.get("correlation_id", "")),
        ("Trace id", context.get("trace_id", "")),
        ("Source address", context.get("source_ip", "")),
        ("Hash of the request’s key", event.key_hash),
        ("Schema version", str(event.schema_version)),
    ]


def _named(pairs: list[tuple[str, str]]) -> list[dict]:
    """Without what is empty."""
    return [
        {"label": visible(name), "value": visible(str(value))} for name, value in pairs if value
    ]


def _number(version: int | None) -> str:
    return "" if version is None else f"{version:,}"


def _change(change: dict) -> dict:
    field = str(change.get("field", ""))
    show = hidden if field in kinds.private_labels() else str
    return {
        "field": visible(field),
        "before": visible(show(_text(change.get("before")))),
        "after": visible(show(_text(change.get("after")))),
    }


def _text(value: object) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _explorer(**filters: str) -> str:
    """The list with these filters; "" when there is nothing to filter by."""
    return f"/audit/?{urlencode(filters)}" if all(filters.values()) else ""


def _about_url(event: Event) -> str:
    is_request = event.target_type == "request"
    about = event.target_id if is_request else f"{event.target_type}/{event.target_id}"
    return _explorer(object=about)


def _beside(event: Event, person: Access) -> dict:
    beside = queries.neighbours(event, person)
    return {
        "before_url": _url(beside.get(event.seq - 1)),
        "after_url": _url(beside.get(event.seq + 1)),
    }


def _url(pk: int | None) -> str:
    return f"/audit/events/{pk}/" if pk else ""
