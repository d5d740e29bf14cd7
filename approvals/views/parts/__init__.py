"""The gallery of parts, for who builds pages: every component with example values. DEBUG only."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from approvals.views.parts.catalogue import groups


@require_GET
def parts(request: HttpRequest) -> HttpResponse:
    if not settings.DEBUG:
        raise Http404
    return render(request, "approvals/parts.html", {"groups": groups(timezone.now())})
