"""What browsers tell of where a request comes from, and which methods anybody may use.

Beside CSRF tokens and `SameSite` cookies: whatever another site does to a signed-in browser is refused
before a view sees it. Programs send none of these headers, and are not asked.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

Handler = Callable[[HttpRequest], HttpResponse]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OURS = ("", "same-origin", "none")  # "": a program, or a browser of before 2023; none: typed in
READING = ("GET", "HEAD")
SENTENCE = "This came from another site, so nothing was done. Open it here and try again."


class KnownMethods:
    """TRACE repeats what was sent, cookies included; what nobody needs nobody answers."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in METHODS:
            return self.get_response(request)
        return HttpResponse(status=405, headers={"Allow": ", ".join(METHODS)})


class NotForOtherSites:
    """Another site may lead a browser to a page, and do nothing else with it: neither send a form nor
    load, frame or read anything (Fetch Metadata, https://www.w3.org/TR/fetch-metadata/)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.headers.get("Sec-Fetch-Site", "") in OURS or _leads_here(request):
            return self.get_response(request)
        return render(request, "403.html", {"sentence": SENTENCE}, status=403)


def _leads_here(request: HttpRequest) -> bool:
    """A link in a mail, or the way back from single sign-on."""
    return (
        request.method in READING
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )
