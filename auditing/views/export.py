"""What the explorer lists as a file, all of it: recorded first, then streamed."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from approvals.exporting import file_name
from auditing import exporting, searching
from auditing.commands.reading import record_export
from auditing.forms import ExplorerFilter
from auditing.rules import readable_by
from auditing.views import frame


@require_POST
def export(request: HttpRequest) -> HttpResponse:
    person, now = frame.audit_reader(request), timezone.now()
    format, form = request.POST.get("format", ""), ExplorerFilter(request.POST)
    if format not in exporting.FORMATS:
        sentence = "The record can be exported as csv, jsonl or ocsf."
        return render(request, "400.html", {"sentence": sentence}, status=400)
    if not form.is_valid():
        sentence = " ".join(error for errors in form.errors.values() for error in errors)
        return render(request, "400.html", {"sentence": sentence}, status=400)
    record_export(person=person, what={"filters": form.filters, "format": format}, at=now)
    events = searching.all_of(form.wanted, readable_by(person))
    _, extension, content_type = exporting.FORMATS[format]
    response = StreamingHttpResponse(
        exporting.lines(events, format=format, product_version=settings.PRODUCT_VERSION or ""),
        content_type=content_type,
    )
    name = file_name("audit", now, extension)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
