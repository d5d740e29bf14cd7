"""Where in the queue a reader was, so that “Back to queue” leads to the same filters, page and row.

Kept in a cookie that only pages of requests are sent; nothing depends on it.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from approvals.views.listing import known_query

COOKIE = "aq_place"
LONGEST = 1000
KEPT_S = 12 * 3600


def keep(request: HttpRequest, response: HttpResponse) -> None:
    """Remember the list that is being shown."""
    query = known_query(request.GET.urlencode(), "cursor")
    if len(query) <= LONGEST:
        response.set_cookie(
            COOKIE,
            query,
            max_age=KEPT_S,
            path="/requests/",
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def back(request: HttpRequest, ref: str) -> str:
    """The address of that list, at the row of `ref`; all open requests when there was none."""
    query = known_query(request.COOKIES.get(COOKIE, ""), "cursor")
    return f"/queue/?{query or 'view=all'}#open-{ref}"
