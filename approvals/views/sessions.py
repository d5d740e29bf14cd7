"""Ending another of one's own sessions; the list of them is allauth's page."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.browsers import browser_called
from accounts.sessions import end_one

GONE = "That session is not there any more."


@require_POST
@reauthentication_required
def end(request: HttpRequest, number: int) -> HttpResponse:
    session = request.user.usersession_set.filter(pk=number).first()
    if session is not None and session.is_current():
        return redirect("account_logout")
    if session is None or not end_one(session):
        messages.info(request, GONE, extra_tags="retrying")
    else:
        called = browser_called(session.user_agent)
        messages.success(request, f"{called} is signed out.", extra_tags="done")
    return redirect("usersessions_list")
