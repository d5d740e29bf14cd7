"""A comment that was sent after its session had ended: the browser keeps it until it is sent again.

A signed cookie holds it, for the one page and the one person that it belongs to: the form says who
wrote, because its session no longer does. The server keeps nothing.
"""

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import Resolver404, resolve

from accounts.models import User

NAME, SALT, WRITER = "aq_kept", "kept comment", "writer of a comment"
SECONDS = 1800
LONGEST = 3500  # of the signed text: a longer one does not fit into a cookie


class _OurForm(CsrfViewMiddleware):
    """Asked as a question: the reason why not, instead of a page that says so."""

    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


def writer(user: User) -> str:
    """What a form with a comment carries: who writes in it, signed."""
    return signing.dumps(user.pk, salt=WRITER)


def sealed(request: HttpRequest) -> str:
    """The comment of a form of ours, signed; empty where there is none or it is too long.

    No other site may put words into somebody's mouth, so the form's token is looked at.
    """
    text = request.POST.get("reason", "").strip()
    if not text or not _has_a_page(request.path):
        return ""
    if _OurForm(lambda _: HttpResponse()).process_view(request, None, (), {}) is not None:
        return ""
    try:
        wrote = signing.loads(request.POST.get("writer", ""), salt=WRITER)
    except (signing.BadSignature, ValueError):
        return ""
    signed = signing.dumps([request.path, wrote, text], salt=SALT, compress=True)
    return signed if len(signed) <= LONGEST else ""


def _has_a_page(path: str) -> bool:
    try:
        return resolve(path).url_name == "verb"
    except Resolver404:
        return False


def keep(response: HttpResponse, request: HttpRequest, signed: str) -> None:
    response.set_cookie(
        NAME,
        signed,
        max_age=SECONDS,
        path=request.path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def comment(request: HttpRequest) -> str:
    """The one that this person wrote on this page, or nothing."""
    try:
        path, wrote, text = signing.loads(request.COOKIES.get(NAME, ""), salt=SALT, max_age=SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return text if (path, wrote) == (request.path, request.user.pk) else ""


def forget(response: HttpResponse, request: HttpRequest) -> None:
    if NAME in request.COOKIES:
        response.delete_cookie(NAME, path=request.path, samesite="Lax")
