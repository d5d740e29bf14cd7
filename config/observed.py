"""Every web request leaves one line in the log and counts in the metrics, once, by its route."""

import logging
import time
from collections.abc import Callable
from http import HTTPMethod

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

# Asked every few seconds by machines; files are the browser's business.
QUIET_PATHS = ("/livez", "/readyz", "/metrics")
NO_ROUTE = "none"
# A link to choose a password is as good as the password, until it is used.
LINKS = "/accounts/password/reset/key/"
LABELS = ("route", "method", "status")
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
REQUESTS = Counter("approvals_http_requests", "Web requests answered.", LABELS)
SECONDS = Histogram(
    "approvals_http_request_seconds", "Time until the answer was made.", LABELS, buckets=BUCKETS
)
log = logging.getLogger("approvals.access")


class Observed:
    """Inside of `Correlation`, so that the line has the request's ids."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path in QUIET_PATHS or request.path.startswith(settings.STATIC_URL):
            return self.get_response(request)
        began = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - began
        _count(request, response, seconds)
        _log(request, response, seconds)
        return response


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    return match.view_name if match and match.view_name else NO_ROUTE


def _method(request: HttpRequest) -> str:
    """Callers can write any word; a label may hold few."""
    return request.method if request.method in HTTPMethod.__members__ else "other"


def _count(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    labels = (_route(request), _method(request), f"{response.status_code // 100}xx")
    REQUESTS.labels(*labels).inc()
    SECONDS.labels(*labels).observe(seconds)


def _log(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    facts = {
        "method": _method(request),
        "route": _route(request),
        "path": _path(request),
        "status": response.status_code,
        "duration_ms": round(seconds * 1000),
        "user": _user_id(request),
    }
    log.info("request", extra=facts)


def _path(request: HttpRequest) -> str:
    return LINKS if request.path.startswith(LINKS) else request.path[:200]


def _user_id(request: HttpRequest) -> int | None:
    """Only if the request has found it out: writing a line asks the database nothing."""
    user = getattr(request, "_cached_user", None)
    return user.pk if user else None
