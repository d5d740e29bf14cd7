"""Queues × teams × rights: what is given, and changing it for one queue."""

from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Team, User
from approvals.models import Queue
from approvals.views.frame import reader, whole
from approvals.wording import visible
from rights import queries
from rights.forms import WhyForm
from rights.queries import Holder, Rights
from rights.rules import may_read_people
from rights.views import frame
from rights.words import RIGHTS


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    teams = queries.teams()
    found = queries.on_queues(queries.queues(frame.readable(request)), teams)
    administers = may_read_people(reader(request))
    waiting = list(queries.waiting()) if administers else []
    context = {
        "queues": [_queue(rights) for rights in found],
        "columns": [right.label for right in RIGHTS.values()],
        "administers": administers,
        "waiting": len(waiting),
        "teams": [(team.pk, visible(team.name)) for team in teams] if administers else [],
        "empty": {"sentence": "There is no queue yet."},
    }
    return render(request, "rights/index.html", context)


def _queue(rights: Rights) -> dict[str, Any]:
    url = f"/access/queues/{rights.queue.slug}/"
    return {
        "name": visible(rights.queue.name),
        "slug": rights.queue.slug,
        "url": url,
        "rows": [
            {"holder": _name(holder), "kind": _kind(holder), "cells": _cells(held)}
            for holder, held in rights.held.items()
        ],
        "who": [{"label": right.label, "url": f"{url}{code}/"} for code, right in RIGHTS.items()],
    }


def _cells(held: Iterable[str]) -> list[dict[str, Any]]:
    return [{"label": right.label, "is_held": code in held} for code, right in RIGHTS.items()]


def _name(holder: Holder) -> str:
    return visible(holder.name)


def _kind(holder: Holder) -> str:
    return "" if isinstance(holder, Team) else "single person"


# --- One queue --------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Tick what each may do; what is seen and what is wanted are compared, so two tabs don't undo."""
    queue = frame.found_queue(request, slug)
    frame.administrator(request)
    if request.method != "POST" or "add" in request.POST:
        return _edit_page(request, queue, WhyForm(initial={"reason": request.POST.get("reason")}))
    form = WhyForm(request.POST)
    if not form.is_valid():
        return _edit_page(request, queue, form, status=422)
    seen, wanted = set(request.POST.getlist("seen")), set(request.POST.getlist("right"))
    written = [
        one
        for give, marks in ((True, wanted - seen), (False, seen - wanted))
        for mark in sorted(marks)
        if (one := _written(mark, queue, give=give))
    ]
    back = f"/access/queues/{slug}/"
    return frame.check_page(request, written, reason=form.cleaned_data["reason"], back=back)


def _written(mark: str, queue: Queue, *, give: bool) -> dict[str, Any] | None:
    """“team-3-decide_request”, as the form marks a box."""
    what, _, rest = mark.partition("-")
    number, _, right = rest.partition("-")
    pk = whole(number)
    if what not in ("team", "person") or pk is None or right not in RIGHTS:
        return None
    return {"what": "right", what: pk, "right": right, "queue": queue.pk, "give": give}


def _edit_page(
    request: HttpRequest, queue: Queue, form: WhyForm, *, status: int = 200
) -> HttpResponse:
    teams = queries.teams()
    held = queries.on_queues(queries.queues(None).filter(pk=queue.pk), teams)[0].held
    ticked = set(request.POST.getlist("right")) if request.method == "POST" else None
    singles = [holder for holder in held if isinstance(holder, User)]
    added = whole(request.POST.get("person") or request.GET.get("person"))
    others = queries.people().filter(is_active=True).exclude(pk__in=[one.pk for one in singles])
    more = [*others.filter(pk=added)] if added is not None else []
    holders = [*teams, *singles, *more]
    context = {
        "name": visible(queue.name),
        "columns": [right.label for right in RIGHTS.values()],
        "rows": [_row(holder, held.get(holder, set()), ticked) for holder in holders],
        "people": [(person.pk, visible(person.name)) for person in others],
        "added": added if more else "",
        "form": form,
        "back_url": "/access/",
        "legend": [f"{right.label}: {right.phrase}" for right in RIGHTS.values()],
    }
    return render(request, "rights/edit.html", context, status=status)


def _row(holder: Holder, held: Iterable[str], ticked: set[str] | None) -> dict[str, Any]:
    what = "team" if isinstance(holder, Team) else "person"
    boxes = []
    for code, right in RIGHTS.items():
        mark = f"{what}-{holder.pk}-{code}"
        boxes.append(
            {
                "mark": mark,
                "label": right.label,
                "was": code in held,
                "is_ticked": code in held if ticked is None else mark in ticked,
            }
        )
    return {"holder": _name(holder), "kind": _kind(holder), "boxes": boxes}


@require_GET
def who(request: HttpRequest, slug: str, right: str) -> HttpResponse:
    """Who may do this on that queue, and through what."""
    queue = frame.found_queue(request, slug)
    if right not in RIGHTS:
        raise Http404(right)
    ways = queries.ways_to(right, queue)
    administers = may_read_people(reader(request))
    context = {
        "name": visible(queue.name),
        "phrase": RIGHTS[right].phrase,
        "people": _people(ways, administers=administers),
        "is_seat": right == "decide_request",
        "back_url": "/access/",
        "empty": {"sentence": f"Nobody may {RIGHTS[right].phrase} on {visible(queue.name)}."},
    }
    return render(request, "rights/who.html", context)


def _people(ways: Iterable[queries.Way], *, administers: bool) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for way in ways:
        person = way.person
        line = found.setdefault(
            person.pk,
            {
                "name": visible(person.name),
                "url": f"/people/{person.pk}/access/" if administers else "",
                "ways": [],
                "note": "account closed" if not person.is_active else _program(person),
            },
        )
        line["ways"].append(visible(way.through))
    return list(found.values())


def _program(person: User) -> str:
    return "a program" if person.is_service else ""
