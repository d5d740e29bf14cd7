"""Failures: open requests grouped by cause, and one cause with all that is known and safe."""

from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import Access
from approvals import failures, queries, runbooks
from approvals.causes import ACCEPTED, CAUSES, Cause
from approvals.commands.bulk import MOST
from approvals.commands.watch import watch_cause
from approvals.failures import Group
from approvals.models import ApprovalRequest, State
from approvals.paging import BadCursor
from approvals.refusals import Invalid
from approvals.rules import SEEING, may
from approvals.views import bulk
from approvals.views.frame import reader, watched, whole
from approvals.views.rows import rows
from approvals.wording import listed, visible

VIEWS = {
    "all": "All",
    "person": "Needs a person",
    "retrying": "Retrying",
    "unknown": "Unknown",
    "held": "Held",
    "resolved": "Resolved",
}


@require_GET
def board(request: HttpRequest) -> HttpResponse:
    person, now = _operator(request), timezone.now()
    view = request.GET.get("view", "all")
    view = view if view in VIEWS else "all"
    found = failures.groups(person, now, watched(request))
    gone = failures.resolved(person, now)
    in_view = [group for group in found if _is_in(view, group)]
    context = {
        "summary": _summary(found),
        "tabs": [
            {
                "label": label,
                "url": f"/failures/?view={name}",
                "count": len(gone) if name == "resolved" else sum(_is_in(name, g) for g in found),
                "current": name == view,
            }
            for name, label in VIEWS.items()
        ],
        "groups": [_line(group) for group in in_view if not group.is_quiet],
        "quiet": [_line(group) for group in in_view if group.is_quiet],
        "resolved": _resolved(gone) if view in ("resolved", "all") else [],
        "empty": _empty(found),
    }
    return render(request, "approvals/failures.html", context)


@require_GET
def cause(request: HttpRequest, code: str) -> HttpResponse:
    person, now = _operator(request), timezone.now()
    if code not in CAUSES:
        raise Http404(code)
    why = CAUSES[code]
    found = failures.groups(person, now, watched(request), code=code)
    group = found[0] if found else Group(why)
    affected = queries.seen_by(person).filter(state__in=failures.FAILING, cause=code)
    try:
        page = queries.queue_page(affected, cursor=request.GET.get("cursor", ""))
    except BadCursor as error:
        return render(request, "400.html", {"sentence": str(error)}, status=400)
    context = {
        "title": _title(why),
        "cause": why,
        "group": _line(group) if found else None,
        "facts": _facts(group),
        "evidence": _evidence(request, page.items, code),
        "rows": rows(request, page.items, now),
        "next_url": f"?cursor={page.next_cursor}" if page.next_cursor else "",
        "actions": _actions(request, group),
        "runbook": runbooks.find(why.runbook),
        "above": group.above,
        "watch_value": max(group.count, 1) if group.above is None else group.above,
    }
    return render(request, "approvals/failure.html", context)


@require_POST
def watch(request: HttpRequest, code: str) -> HttpResponse:
    _operator(request)
    if code not in CAUSES:
        raise Http404(code)
    typed = request.POST.get("above", "").strip()
    always = "always" in request.POST
    above = whole(typed) or 0
    try:
        watch_cause(code=code, above=None if always else above, by=request.user, at=timezone.now())
    except Invalid as invalid:
        messages.error(request, " ".join(invalid.errors.values()), extra_tags="failed")
        return redirect("failure", code=code)
    said = (
        "You are told of it as usual."
        if always
        else f"It stays quiet for you until more than {above:,} requests have it."
    )
    messages.success(request, said, extra_tags="done")
    return redirect("failure", code=code)


def _operator(request: HttpRequest) -> Access:
    """Who reads the board: people who see what happens at providers."""
    person = reader(request)
    if not person.queues_with(*SEEING):
        raise Http404
    return person


# --- What is shown -----------------------------------------------------------------------------


def _resolved(gone: list[tuple[Cause, datetime]]) -> list[dict]:
    return [{"title": _title(why), "url": _url(why), "at": at} for why, at in gone]


def _empty(found: list[Group]) -> dict:
    if not found:
        return {"sentence": "Nothing fails. Every open request is on its way or with people."}
    return {
        "sentence": "No cause is in this view.",
        "action_url": "/failures/",
        "action_label": "See all causes",
    }


def _is_in(view: str, group: Group) -> bool:
    return {
        "all": True,
        "person": State.NEEDS_PERSON in group.states,
        "retrying": State.RETRYING in group.states,
        "unknown": _is_unknown(group),
        "held": group.held > 0,
        "resolved": False,
    }[view]


def _is_unknown(group: Group) -> bool:
    """In doubt, and not merely accepted and unfinished."""
    return State.IN_DOUBT in group.states and group.cause.code not in ACCEPTED


def _summary(found: list[Group]) -> str:
    """“1 cause needs a person, 1 is unknown, 1 retries on its own (3 requests)”."""
    parts = []
    for state, one, many in (
        (State.NEEDS_PERSON, "needs a person", "need a person"),
        (State.IN_DOUBT, "is unknown", "are unknown"),
        (State.RETRYING, "retries on its own", "retry on their own"),
    ):
        groups = [group for group in found if state in group.states]
        if state == State.IN_DOUBT:
            groups = [group for group in groups if _is_unknown(group)]
        if groups:
            count = sum(group.states[state] for group in groups)
            causes = (
                f"{len(groups)} cause{'s' if len(groups) > 1 else ''}"
                if not parts
                else f"{len(groups)}"
            )
            requests = f"{count} request{'s' if count > 1 else ''}"
            parts.append(f"{causes} {one if len(groups) == 1 else many} ({requests})")
    return ", ".join(parts) + "." if parts else ""


def _title(why: Cause) -> str:
    return why.plain[0].upper() + why.plain[1:]


def _url(why: Cause) -> str:
    return f"/failures/{why.code}/"


def _line(group: Group) -> dict:
    why = group.cause
    return {
        "tone": _tone(group),
        "title": _title(why),
        "url": _url(why),
        "systems": listed(group.systems),
        "count": group.count,
        "held": group.held,
        "first_seen": group.first_seen,
        "last_seen": group.last_seen,
        "trend": group.trend,
        "moved": why.moved,
        "meaning": why.meaning,
        "next": why.next_step,
        "next_at": group.next_at,
        "grown": f"Grew past {group.above:,}" if group.has_grown else "",
        "runbook_url": f"/runbooks/{why.runbook}/",
        "above": group.above,
    }


def _tone(group: Group) -> str:
    if group.cause.code in ACCEPTED:
        return "running"
    if State.IN_DOUBT in group.states:
        return "unknown"
    return "failed" if State.NEEDS_PERSON in group.states else "retrying"


def _facts(group: Group) -> list[dict]:
    """The figures of a cause; times are added by the page."""
    states = [
        f"{count} {State(state).label.lower()}" for state, count in sorted(group.states.items())
    ]
    lines = [{"label": "Open requests", "value": listed(states) if states else "None now"}]
    if group.systems:
        lines.append({"label": "System", "value": listed(group.systems)})
    if group.held:
        lines.append({"label": "Held", "value": f"{group.held} of {group.count}"})
    return lines


def _evidence(request: HttpRequest, items: list[ApprovalRequest], code: str) -> dict | None:
    """What a provider said last, where the reader may see calls."""
    person = reader(request)
    inspected = [item for item in items if may("inspect", item, person)]
    newest = failures.newest_evidence(inspected, code)
    if newest is None:
        return None
    ref = newest.effect.item.ref
    return {
        "text": visible(newest.evidence),
        "at": newest.started_at,
        "ref": ref,
        "url": f"/requests/{ref}/attempts/{newest.number}/",
    }


def _actions(request: HttpRequest, group: Group) -> list[dict]:
    """The verbs for many requests that this reader could do with at least one of them."""
    found = []
    if not reader(request).queues_with("operate_request"):
        return found
    for verb, count in bulk.counts(request, group.cause.code).items():
        if count:
            label = bulk.LABELS[verb]
            many = f"all {count}" if count > 1 else "1"
            most = f" (at most {MOST} at a time)" if count > MOST else ""
            found.append(
                {
                    "label": f"{label} {many}…{most}",
                    "url": f"/failures/{group.cause.code}/{verb}/",
                    "method": "get",
                    "tone": "default",
                }
            )
    return found
