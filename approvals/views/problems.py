"""The page of each type of problem: its address is the type that a program was given."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from approvals.api.problems import PROBLEMS


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    lines = [
        {"code": code, "url": f"/problems/{code}", "status": kind.status, "title": kind.title}
        for code, kind in PROBLEMS.items()
    ]
    return render(request, "approvals/problems.html", {"problems": lines})


@require_GET
def problem(request: HttpRequest, code: str) -> HttpResponse:
    kind = PROBLEMS.get(code)
    if kind is None:
        raise Http404(code)
    return render(request, "approvals/problem.html", {"code": code, "problem": kind})
