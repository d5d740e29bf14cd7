"""Refusals and errors as pages. Each refusal of a command is shown in one place, here."""

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from approvals import unavailable
from approvals.refusals import (
    KeyReused,
    NotFound,
    Refusal,
    RevisionMismatch,
    StepClosed,
    TransitionNotAllowed,
    VersionMismatch,
)
from audit.correlation import current_request_id

CHANGED = (RevisionMismatch, StepClosed, VersionMismatch, TransitionNotAllowed)


def refused(
    request: HttpRequest,
    refusal: Refusal,
    *,
    ref: str,
    kept_text: str = "",
    changes: list | None = None,
    back: str = "",
) -> HttpResponse:
    """The page for a command that was not carried out; typed text is kept.

    `back` is where to look at what it was about; the request's page when not given.
    """
    if isinstance(refusal, NotFound):
        return not_found(request)
    back = back or f"/requests/{ref}/"
    if isinstance(refusal, CHANGED):
        context = {
            "ref": ref,
            "message": refusal.sentence,
            "changes": changes or [],
            "kept_text": kept_text,
            "review_url": back,
            "review_label": f"Review {ref} as it is now",
            "back_url": "/queue/",
        }
        return render(request, "approvals/conflict.html", context, status=409)
    context = {
        "heading": _HEADINGS.get(refusal.code, "This was not done"),
        "sentence": sentence_of(refusal),
        "back_url": back,
    }
    return render(request, "approvals/refused.html", context, status=refusal.status)


def sentence_of(refusal: Refusal) -> str:
    """A refusal in words that suit a page."""
    return _SENTENCES.get(refusal.code, refusal.sentence)


_SENTENCES = {  # where a page can say it in its own words
    KeyReused.code: "This form was already sent with other content. Nothing more was recorded. "
    "Reload it.",
}
_HEADINGS = {
    "not-allowed": "You cannot do this",
    KeyReused.code: "This form was already sent",
    "command-in-flight": "Somebody is changing this right now",
    "idempotency-key-malformed": "This form is not complete",
}


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: sent by a signed-out person, or from another site."""
    if request.user.is_authenticated:
        return render(request, "403_csrf.html", status=403)
    context = {
        "sentence": "You are signed out. Nothing was recorded. Sign in, then send it again.",
        "back_url": "/accounts/login/",
        "back_label": "Sign in",
    }
    return render(request, "403_csrf.html", context, status=403)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """Without anything that could fail again: no database, no context of a page.

    A database that doesn't answer, or may only be read, is said as what it is: 503, and what to do next.
    """
    error = sys.exc_info()[1]
    if unavailable.is_away(error) or unavailable.is_read_only(error):
        return HttpResponse(render_to_string("503.html"), status=503)
    page = render_to_string("500.html", {"request_id": current_request_id()})
    return HttpResponse(page, status=500)
