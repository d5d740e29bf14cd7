"""The queue's list as a file: what the same address lists on the page, all of it."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from approvals.commands.exports import record_export
from approvals.exporting import FORMATS, MOST, as_csv, as_json, file_name, is_too_long, rows
from approvals.views.frame import reader
from approvals.views.listing import Listing


@require_GET
def export(request: HttpRequest) -> HttpResponse:
    wanted = request.GET.get("format", "csv")
    if wanted not in FORMATS:
        sentence = "A list can be exported as csv or json."
        return render(request, "400.html", {"sentence": sentence}, status=400)
    now = timezone.now()
    listing = Listing(request, request.GET, now)
    if is_too_long(listing.found):
        sentence = f"This list has more than {MOST:,} requests. Narrow it with filters first."
        return render(request, "400.html", {"sentence": sentence}, status=400)
    record_export(person=reader(request), query=request.GET.urlencode(), format=wanted, at=now)
    lines = rows(listing.found, now=now, root=request.build_absolute_uri("/").rstrip("/"))
    response = StreamingHttpResponse(
        {"csv": as_csv, "json": as_json}[wanted](lines), content_type=FORMATS[wanted]
    )
    name = file_name(f"queue-{listing.view}", now, wanted)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
