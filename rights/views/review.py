"""The access review: a page that says what is in it, and the file, which is recorded."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from approvals.exporting import as_csv, file_name
from approvals.views.frame import reader
from rights import queries, review
from rights.commands.reviews import record_review
from rights.views import frame


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    frame.readable(request)
    context = {"formats": [("csv", "CSV"), ("json", "JSON")], "columns": review.COLUMNS}
    return render(request, "rights/review.html", context)


@require_POST
def file(request: HttpRequest) -> HttpResponse:
    found, now = queries.queues(frame.readable(request)), timezone.now()
    wanted = request.POST.get("format", "csv")
    if wanted not in review.FORMATS:
        sentence = "A review can be taken along as csv or json."
        return render(request, "400.html", {"sentence": sentence}, status=400)
    rows = review.rows(found)
    record_review(person=reader(request), format=wanted, rows=len(rows), at=now)
    lines = as_csv(rows, review.COLUMNS) if wanted == "csv" else review.as_json(rows)
    response = HttpResponse("".join(lines), content_type=review.FORMATS[wanted])
    name = file_name("access-review", now, wanted)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
