"""The catalogue of actions, for whoever reads the record."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from auditing import catalogue
from auditing.views import frame


@require_GET
def catalogue_page(request: HttpRequest) -> HttpResponse:
    frame.audit_reader(request)
    groups = [
        {"title": title, "id": words[0].group, "words": words}
        for title, words in catalogue.grouped()
    ]
    return render(request, "auditing/catalogue.html", {"groups": groups})
