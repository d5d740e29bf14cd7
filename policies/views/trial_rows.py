"""The requests behind a number of a trial, as a page and as a file."""

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from approvals.exporting import FORMATS, as_csv, file_name
from approvals.views.frame import reader, whole
from approvals.wording import money, visible
from policies import listing
from policies.commands.exports import record_export
from policies.listing import Line
from policies.models import Trial
from policies.views.trials import IN_WORDS, found_trial

PAGE = 50


@require_GET
def listed(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Those that the reader may see."""
    one, way = _wanted(request, slug, pk)
    rows = listing.rows(one, way)
    page = list(rows.filter(pk__gt=whole(request.GET.get("after")) or 0)[: PAGE + 1])
    shown = page[:PAGE]
    lines = listing.lines(shown, one, reader(request))
    context = {
        "name": visible(one.policy.name),
        "back_url": f"/policies/{slug}/simulations/{pk}/",
        "label": IN_WORDS[way],
        "total": f"{rows.count():,}",
        "rows": [_shown(line) for line in lines],
        "hidden": len(shown) - len(lines),
        "csv_url": f"export/?way={way}",
        "next_url": f"?way={way}&after={shown[-1].pk}" if len(page) > PAGE else "",
    }
    return render(request, "policies/trial_rows.html", context)


def _shown(line: Line) -> dict:
    item = line.item
    return {
        "ref": item.ref,
        "url": f"/requests/{item.ref}/",
        "kind": listing.kind_label(line),
        "queue": visible(item.queue.name),
        "amount": "" if item.amount is None else money(item.amount, item.currency),
        "asked_at": item.created_at,
        "was": visible(line.row.was),
        "would_be": visible(line.row.would_be) or "No rule",
        "has_changed": line.has_changed,
    }


@require_GET
def export(request: HttpRequest, slug: str, pk: int) -> StreamingHttpResponse:
    """The same list, all of it: recorded first, then streamed."""
    one, way = _wanted(request, slug, pk)
    person, now = reader(request), timezone.now()
    record_export(person=person, trial=one, way=way, at=now)
    root = request.build_absolute_uri("/").rstrip("/")
    lines = (listing.cells(line, root) for line in listing.every_line(one, way, person))
    response = StreamingHttpResponse(as_csv(lines, listing.COLUMNS), content_type=FORMATS["csv"])
    name = file_name(f"{slug}-trial-{pk}-{way}", now, "csv")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _wanted(request: HttpRequest, slug: str, pk: int) -> tuple[Trial, str]:
    way = request.GET.get("way", "")
    if way not in IN_WORDS:
        raise Http404(way)
    return found_trial(request, slug, pk), way
