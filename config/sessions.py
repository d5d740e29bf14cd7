"""What a session needs on its way to a page: not to be too old, and a second factor where one is due."""

import time
from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from accounts import second_factor, sessions
from accounts.second_factor import FACTOR

Handler = Callable[[HttpRequest], HttpResponse]

FINE = "fine"
WITHOUT_SESSIONS = ("/livez", "/readyz", "/metrics", "/static/", "/hooks/", "/csp-reports/")
SETTING_IT_UP = ("/accounts/", "/help/")
SENTENCE = "Your team needs a second factor. Set one up, then go on."


class SessionLimits:
    """Ends what lasted too long; what is left is noted as used, once in five minutes.

    It gets a new key when somebody confirmed in it that it is them.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _has_session(request) and request.user.is_authenticated:
            now = time.time()
            if sessions.is_over(request.session, now):
                request.session.flush()
                request.user = AnonymousUser()
                # What they were writing is kept in a cookie: nothing of the browser's is cleared.
                return self.get_response(request)
            if sessions.wants_touch(request.session, now) and not _is_read_only():
                _touch(request, now)
            return self._answered(request)
        return self.get_response(request)

    def _answered(self, request: HttpRequest) -> HttpResponse:
        before = sessions.confirmed_at(request.session)
        response = self.get_response(request)
        if not request.user.is_authenticated:
            response["Clear-Site-Data"] = '"cache", "cookies", "storage"'
        elif sessions.confirmed_at(request.session) not in (None, before):
            sessions.renew(request.session)
        return response


class SecondFactorDue:
    """Nothing but setting one up, for whoever needs a second factor and has none."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _has_session(request) or not request.user.is_authenticated:
            return self.get_response(request)
        if request.path.startswith(SETTING_IT_UP) or request.path == "/me/":
            request.session.pop(FACTOR, None)
            return self.get_response(request)
        if request.session.get(FACTOR) != FINE:
            if second_factor.is_missing(request.user):
                return _refused(request)
            request.session[FACTOR] = FINE
            sessions.keep(request.session)
        return self.get_response(request)


def _has_session(request: HttpRequest) -> bool:
    if request.path.startswith(WITHOUT_SESSIONS):
        return False
    return settings.SESSION_COOKIE_NAME in request.COOKIES


def _is_read_only() -> bool:
    """A standby, or a database whose disk is nearly full: pages are still read there."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return cursor.fetchone() == ("on",)


def _touch(request: HttpRequest, now: float) -> None:
    """Whether a second factor is due is asked anew, too: a team may need one since."""
    sessions.touch(request.session, now)
    request.session.pop(FACTOR, None)
    sessions.keep(request.session)
    UserSession.objects.create_from_request(request)


def _refused(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        problem = {"type": "/problems/not-allowed", "title": "Not allowed", "status": 403}
        return JsonResponse(
            {**problem, "detail": SENTENCE}, status=403, content_type="application/problem+json"
        )
    if request.headers.get("HX-Request"):
        return HttpResponse(status=403, headers={"HX-Redirect": "/accounts/2fa/"})
    if request.method in ("GET", "HEAD"):
        messages.info(request, SENTENCE, extra_tags="retrying")
        return redirect("mfa_index")
    context = {
        "heading": "Nothing was recorded",
        "sentence": SENTENCE,
        "back_url": "/accounts/2fa/",
    }
    return render(request, "approvals/refused.html", context, status=403)
