"""The record, newest first: filters, pages that stay where they are, and what the last check found."""

from datetime import datetime

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from approvals.paging import BadCursor, cursor_at, place_in
from approvals.views.frame import with_query
from approvals.wording import visible
from auditing import queries, searching
from auditing.commands.reading import record_reading
from auditing.exporting import FORMATS
from auditing.forms import ExplorerFilter
from auditing.rules import may_verify, readable_by
from auditing.searching import LONGEST_LOOK, Looked, Place
from auditing.views import frame

CURSOR = "audit"


@require_GET
def explorer(request: HttpRequest) -> HttpResponse:
    person, now = frame.audit_reader(request), timezone.now()
    form, readable = ExplorerFilter(request.GET), readable_by(person)
    try:
        looked = _looked(request, form, readable)
    except BadCursor as error:
        return render(request, "400.html", {"sentence": str(error)}, status=400)
    if form.is_valid():
        record_reading(person=person, what={"filters": form.filters}, at=now)
    context = {
        **_filters(request, form),
        **_list(request, form, looked, now),
        "is_partial": bool(readable),
        "formats": [{"value": value, "label": words} for value, (words, _, _) in FORMATS.items()],
        "may_verify": may_verify(person),
        "last": queries.last_result(),
    }
    template = "auditing/explorer.html#region" if request.htmx else "auditing/explorer.html"
    response = render(request, template, context, status=200 if form.is_valid() else 422)
    response["Vary"] = "HX-Request"
    return response


def _looked(request: HttpRequest, form: ExplorerFilter, readable: Q) -> Looked:
    """Nothing at all for filters that cannot be understood. Raises `BadCursor`."""
    cursor = request.GET.get("cursor", "")
    place = _place(cursor) if cursor else None
    if not form.is_valid():
        return Looked([], None)
    return searching.look(form.wanted, readable, after=place)


def _place(cursor: str) -> Place:
    at, number = place_in(cursor, of=CURSOR)
    return Place(parse_datetime(at), number)


def _filters(request: HttpRequest, form: ExplorerFilter) -> dict:
    return {
        "filter_form": form,
        "filter_label": "Filter the events",
        "clear_url": request.path,
        "active_filters": [
            {
                "label": f"{form.fields[name].label}: {_shown(form, name, text)}",
                "remove_url": with_query(request, **{name: None, "cursor": None}),
            }
            for name, text in form.filters.items()
        ],
        "exported": list(form.filters.items()) if form.is_valid() else None,
        "people": [
            {"name": visible(one.name), "url": with_query(request, who=str(one.pk), cursor=None)}
            for one in form.people
            if "who" in form.errors
        ],
    }


def _shown(form: ExplorerFilter, name: str, text: str) -> str:
    """What was typed; a person's number by their name."""
    if name == "outcome":
        return str(dict(form.fields["outcome"].choices).get(text, text))
    return visible(text)


def _list(request: HttpRequest, form: ExplorerFilter, looked: Looked, now: datetime) -> dict:
    return {
        "events": [frame.described(event, now) for event in looked.events],
        "caption": _caption(form, looked),
        "looked_back_to": _looked_back_to(looked, now),
        "first_url": with_query(request, cursor=None) if request.GET.get("cursor") else "",
        "next_url": _next_url(request, looked),
        "empty": _empty(request, form, looked),
    }


def _caption(form: ExplorerFilter, looked: Looked) -> str:
    count = len(looked.events)
    events = "1 event" if count == 1 else f"{count} events"
    matching = " match the filters" if form.filters else ""
    return f"{events} on this page{matching}, newest first."


def _looked_back_to(looked: Looked, now: datetime) -> SafeString | str:
    """For a look that ended before the page was full: until when it has looked."""
    return frame.to_the_second(looked.next.recorded_at, now) if looked.ended_early else ""


def _next_url(request: HttpRequest, looked: Looked) -> str:
    if looked.next is None:
        return ""
    place = [looked.next.recorded_at.isoformat(), looked.next.id]
    return with_query(request, cursor=cursor_at(place, of=CURSOR))


def _empty(request: HttpRequest, form: ExplorerFilter, looked: Looked) -> dict:
    sentence = (
        "No event matches these filters." if form.filters else "Nothing has been recorded yet."
    )
    if looked.ended_early:
        sentence = f"Nothing among the {LONGEST_LOOK:,} events that were looked through."
    if form.errors:
        sentence = " ".join(error for errors in form.errors.values() for error in errors)
    return {
        "sentence": sentence,
        "action_url": request.path if form.filters else "",
        "action_label": "Remove the filters",
    }
