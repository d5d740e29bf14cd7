"""The dashboard: how much is open, how old it is, what got done, and how long things take."""

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from approvals import charts, figures
from approvals.charts import Chart
from approvals.exporting import cell, file_name
from approvals.figures import AGES, ON_TIME_TARGET
from approvals.models import Queue
from approvals.rules import SEEING
from approvals.views.frame import reader
from approvals.wording import clock, duration, visible

PERIODS = {"24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
AGE_WORDS = {"1h": "Under 1 h", "4h": "1 to 4 h", "24h": "4 to 24 h", "more": "Over 24 h"}


@require_GET
def dashboard(request: HttpRequest) -> HttpResponse:
    person, now = reader(request), timezone.now()
    if not person.queues_with(*SEEING):
        raise Http404("dashboard")
    queues = list(Queue.objects.filter(pk__in=person.queues_with(*SEEING)).order_by("name"))
    queue = request.GET.get("queue", "")
    queue = queue if queue in [one.slug for one in queues] else ""
    period = request.GET.get("period", "")
    period = period if period in PERIODS else "24h"
    found, since = figures.of_queue(person, queue), figures.began(period, now)
    counted = figures.counts(found, now)
    waits = figures.waits(found, since)
    all_charts = [
        _ages(counted),
        _flow(figures.flow(found, since, figures.COLUMNS[period], now), period, now),
        _on_time(figures.on_time(found, since)),
        _retries(figures.retries(found)),
    ]
    context = {
        "now": now,
        "queues": [
            {"slug": one.slug, "name": visible(one.name), "current": one.slug == queue}
            for one in queues
        ],
        "periods": [
            {"slug": slug, "name": name, "current": slug == period}
            for slug, name in PERIODS.items()
        ],
        "figures": _figures(counted, queue),
        "age_links": _age_links(counted, queue),
        "waits": _waits(waits),
        "charts": all_charts,
        "csv_url": f"/dashboard/?{urlencode({'queue': queue, 'period': period, 'format': 'csv'})}",
    }
    if request.GET.get("format") == "csv":
        return _csv(context, now)
    return render(request, "approvals/dashboard.html", context)


def _link(queue: str, **query: str) -> str:
    kept = {"view": "all", **query, **({"queue": queue} if queue else {})}
    return f"/queue/?{urlencode(kept)}"


def _figures(counted: figures.Counts, queue: str) -> list[dict]:
    """Each with the address that lists exactly these requests."""
    return [
        {"label": "Open", "value": counted.open, "url": _link(queue)},
        {"label": "Stuck", "value": counted.stuck, "url": _link(queue, view="stuck")},
        {"label": "Due in 1 h", "value": counted.due, "url": _link(queue, due="1h")},
        {
            "label": "Unknown outcome",
            "value": counted.unknown,
            "url": _link(queue, state="in_doubt"),
        },
        {
            "label": "Done since 00:00 UTC",
            "value": counted.done,
            "url": _link(queue, state="done", done="today"),
        },
    ]


def _age_links(counted: figures.Counts, queue: str) -> list[dict]:
    return [
        {
            "label": f"{AGE_WORDS[age]}, {words}",
            "value": counted.ages[age][place],
            "url": _link(queue, view=view, age=age),
        }
        for age in AGES
        for place, (view, words) in enumerate([("people", "on people"), ("systems", "on systems")])
    ]


def _waits(waits: figures.Waits) -> list[dict]:
    return [
        {"label": label, "value": _length(length)}
        for label, length in [
            ("Approval", waits.approval),
            ("Execution", waits.execution),
            ("Retry", waits.retry),
        ]
    ]


def _length(length: timedelta | None) -> str:
    if length is None:
        return "None in this period"
    seconds = length.total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else duration(length)


# --- The four charts ----------------------------------------------------------------------------------


def _ages(counted: figures.Counts) -> Chart:
    rows = [(AGE_WORDS[age], both) for age, both in counted.ages.items()]
    height, shapes, labels = charts.bars(rows)
    old = sum(counted.ages["more"])
    return Chart(
        name="ages",
        title="Age of what is open",
        sentence=f"{old} of {counted.open} open for more than 24 h.",
        height=height,
        shapes=shapes,
        labels=labels,
        series=["Waiting on people", "Waiting on systems"],
        head=["Age", "On people", "On systems"],
        table=[[label, str(people), str(systems)] for label, (people, systems) in rows],
    )


def _flow(lines: list[tuple[datetime, int, int]], period: str, now: datetime) -> Chart:
    rows = [(clock(at, now), asked, done) for at, asked, done in lines]
    height, shapes, labels = charts.columns(rows)
    asked, done = figures.totals(lines)
    each = {"24h": "hour", "7d": "6 hours", "30d": "day"}[period]
    return Chart(
        name="flow",
        title=f"Asked and done per {each}",
        sentence=f"{asked} asked for, {done} done.",
        height=height,
        shapes=shapes,
        labels=labels,
        series=["Asked", "Done"],
        head=["From", "Asked", "Done"],
        table=[[label, str(asked), str(done)] for label, asked, done in rows],
    )


def _on_time(lines: list[figures.OnTime]) -> Chart:
    rows = [(f"{visible(line.team)}, {line.closed} decided", (line.percent,)) for line in lines]
    height, shapes, labels = charts.bars(rows, top=100, unit=" %")
    late = sum(line.closed - line.in_time for line in lines)
    total = sum(line.closed for line in lines)
    return Chart(
        name="on-time",
        title="Decided on time",
        sentence=f"{total - late} of {total} steps before they were due, target {ON_TIME_TARGET} %."
        if total
        else "No step with a due time was decided in this period.",
        height=height,
        shapes=shapes,
        labels=labels,
        target=charts.target(len(rows), ON_TIME_TARGET / 100),
        head=["Team", "Decided", "On time", "Percent"],
        table=[
            [visible(line.team), str(line.closed), str(line.in_time), f"{line.percent} %"]
            for line in lines
        ],
    )


def _retries(lines: list[tuple[str, str, int]]) -> Chart:
    rows = [(words.capitalize(), (count,)) for _, words, count in lines]
    height, shapes, labels = charts.bars(rows)
    total = sum(count for _, _, count in lines)
    return Chart(
        name="retries",
        title="Retrying now, by cause",
        sentence=f"{total} retrying for {len(lines)} cause{'s' if len(lines) != 1 else ''}."
        if total
        else "Nothing is retrying.",
        height=height,
        shapes=shapes,
        labels=labels,
        head=["Cause", "Requests"],
        table=[[words.capitalize(), str(count)] for _, words, count in lines],
    )


# --- As a file ------------------------------------------------------------------------------------------


def _csv(context: dict, now: datetime) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name("dashboard", now, "csv")}"'
    writer = csv.writer(response)
    writer.writerows([cell(value) for value in line] for line in _lines(context, now))
    return response


def _lines(context: dict, now: datetime) -> Iterator[list[str]]:
    yield ["Figure", "Value", "Detail"]
    yield ["As of", f"{now:%Y-%m-%dT%H:%M:%SZ}", ""]
    for figure in (*context["figures"], *context["age_links"], *context["waits"]):
        yield [figure["label"], str(figure["value"]), ""]
    for chart in context["charts"]:
        for row in chart.table:
            yield [f"{chart.title}: {row[0]}", *row[1:]]
