"""What every web request passes through: an id, headers, readable text, a signed-in person."""

import ipaddress
import re
import uuid
from collections.abc import Callable
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from approvals.views import kept
from audit import trace
from audit.correlation import interaction
from audit.masking import holds_key

Handler = Callable[[HttpRequest], HttpResponse]

ACCEPTABLE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
OPEN_PATHS = (
    "/accounts/login/",
    "/accounts/password/reset/",
    "/accounts/2fa/authenticate/",
    "/accounts/2fa/webauthn/login/",
    "/accounts/oidc/",
    "/accounts/3rdparty/",
    "/accounts/inactive/",
    "/accounts/signup/",
    "/api/",
    "/problems/",
    "/hooks/",
    "/csp-reports/",
    "/livez",
    "/readyz",
    "/metrics",
    "/static/",
    "/admin/",
)
# Fields of forms that hold what a person wrote; a password or token is never given back.
TYPED_BY_HAND = [
    "reason",
    "instructions",
    "title",
    "order",
    "payment",
    "amount",
    "account",
    "to",
    "customer",
    "ticket",
    "reference",
]
PERMISSIONS_OFF = "accelerometer=(), camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class Correlation:
    """Give the request an id and a place in a trace, the caller's if they are harmless, and note
    who calls from where."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = self._request_id(request.headers.get("X-Request-ID", ""))
        within = trace.read(request.headers.get("traceparent", ""))
        request.client_address = client_address(request)
        with interaction(
            request_id, within=within, source_ip=request.client_address
        ) as traceparent:
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        response["traceparent"] = traceparent
        return response

    @staticmethod
    def _request_id(offered: str) -> str:
        if ACCEPTABLE_REQUEST_ID.fullmatch(offered) and not holds_key(offered):
            return offered
        return uuid.uuid4().hex


def client_address(request: HttpRequest) -> str:
    """Who called the outermost of our proxies; without proxies, who is connected.

    Each proxy adds the address that it was called from; what stands before ours may be made up.
    """
    connected = request.META.get("REMOTE_ADDR", "")
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    trusted = settings.TRUSTED_PROXY_COUNT
    if not 0 < trusted <= len(hops):
        return connected
    try:
        return str(ipaddress.ip_address(hops[-trusted]))
    except ValueError:
        return connected


class SecurityHeaders:
    """Headers that Django and django-csp don't set (security.md §1.6)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Permissions-Policy", PERMISSIONS_OFF)
        response.setdefault("Reporting-Endpoints", 'csp="/csp-reports/"')
        if not request.path.startswith(settings.STATIC_URL):
            response.setdefault("Cache-Control", "no-store")
        return response


class RefuseUnstorableText:
    """PostgreSQL can't store NUL, and text that isn't UTF-8 can't be shown: say so, keep nothing."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._is_unstorable(request):
            return render(
                request,
                "400.html",
                {"sentence": "The text holds characters that cannot be stored. Nothing was saved."},
                status=400,
            )
        return self.get_response(request)

    @staticmethod
    def _is_unstorable(request: HttpRequest) -> bool:
        if "\x00" in request.path:
            return True
        return any("\x00" in value for values in request.GET.lists() for value in values[1])


class SignedInForPages:
    """Every page needs a signed-in person, except the few that say otherwise by their path."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(OPEN_PATHS) or request.user.is_authenticated:
            return self.get_response(request)
        if request.headers.get("HX-Request"):
            return HttpResponse(status=401, headers={"HX-Redirect": settings.LOGIN_URL})
        if request.method in ("GET", "HEAD"):
            return redirect_to_login(request.get_full_path())
        return self._nothing_was_recorded(request)

    @staticmethod
    def _nothing_was_recorded(request: HttpRequest) -> HttpResponse:
        """A form sent after the session ended: what was typed comes back, and a comment stays."""
        typed = [
            {"name": name.replace("_", " "), "text": text}
            for name, text in request.POST.items()
            if name in TYPED_BY_HAND and text.strip()
        ]
        signed = kept.sealed(request)
        context = {
            "typed": typed,
            "is_kept": bool(signed),
            "sign_in_url": f"{settings.LOGIN_URL}?next=/",
        }
        if request.path.startswith("/requests/") and not request.path.endswith("/check/"):
            context["sign_in_url"] = f"{settings.LOGIN_URL}?next={quote(request.path)}"
        response = render(request, "signed_out.html", context, status=401)
        if signed:
            kept.keep(response, request, signed)
        return response
