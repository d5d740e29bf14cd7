"""Where browsers report what the policy of contents kept them from. Logged and counted, kept nowhere.

A report says that a page of ours tried something it must not, or that something in a browser did. It is
anybody's word: nothing of it is shown, and few are read from one address.
"""

import json
import logging
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from prometheus_client import Counter

from accounts import limits

PATH = "/csp-reports/"
GROUP = "csp"
LARGEST_BODY = 16 * 1024
MOST_AT_ONCE = 20
LIMIT = limits.Limit("csp", 30, timedelta(minutes=1))
DIRECTIVES = (
    *("default-src", "script-src", "script-src-elem", "script-src-attr", "style-src"),
    *("style-src-elem", "style-src-attr", "img-src", "font-src", "connect-src", "form-action"),
    *("base-uri", "object-src", "frame-ancestors", "frame-src", "worker-src", "manifest-src"),
)
REPORTS = Counter("approvals_csp_reports", "Violations that browsers reported.", ("directive",))
log = logging.getLogger("approvals.csp")


@csrf_exempt
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """By the Reporting API a list, by `report-uri` one."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
        return HttpResponse(status=413)
    if _is_too_often(request):
        return HttpResponse(status=429)
    try:
        said = json.loads(request.body)
    except (ValueError, RecursionError):
        return HttpResponse(status=400)
    for one in (said if isinstance(said, list) else [said])[:MOST_AT_ONCE]:
        _tell(one)
    return HttpResponse(status=204)


def _is_too_often(request: HttpRequest) -> bool:
    """Without the database nobody counts, and nothing is read."""
    try:
        return limits.take(LIMIT, request.client_address, at=timezone.now()).is_refused
    except OperationalError:
        return True


def _tell(one: Any) -> None:
    body = one.get("csp-report", one.get("body")) if isinstance(one, dict) else None
    if not isinstance(body, dict):
        return
    words = str(body.get("effectiveDirective") or body.get("violated-directive") or "").split()
    directive = words[0] if words and words[0] in DIRECTIVES else "other"
    REPORTS.labels(directive).inc()
    facts = {
        "directive": directive,
        "page": _path(body.get("documentURL") or body.get("document-uri")),
        "blocked": _host(body.get("blockedURL") or body.get("blocked-uri")),
    }
    log.warning("A browser was kept from something by the policy of contents", extra=facts)


def _path(url: object) -> str:
    """Without its query, where people's words stand."""
    try:
        return urlsplit(str(url)).path[:200]
    except ValueError:
        return ""


def _host(url: object) -> str:
    """“inline”, “eval”, or where from; never more of an address."""
    try:
        parts = urlsplit(str(url))
    except ValueError:
        return ""
    return (f"{parts.scheme}://{parts.hostname}" if parts.hostname else parts.path)[:200]
