from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET


@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "approvals/help.html", {"shows_parts": settings.DEBUG})


@require_GET
def keys(request: HttpRequest) -> HttpResponse:
    return render(request, "approvals/help_keys.html")
