"""Watching a request, and stopping."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from approvals.refusals import Invalid, Refusal
from approvals.views import errors
from notifications.commands import watch as watch_request


@require_POST
def watch(request: HttpRequest, ref: str) -> HttpResponse:
    wanted = request.POST.get("wanted") == "yes"
    try:
        sentence = watch_request(ref=ref, by=request.user, at=timezone.now(), wanted=wanted)
    except Invalid as invalid:
        messages.error(request, " ".join(invalid.errors.values()), extra_tags="failed")
    except Refusal as refusal:
        return errors.refused(request, refusal, ref=ref)
    else:
        messages.success(request, sentence, extra_tags="done")
    return redirect("request", ref=ref)
