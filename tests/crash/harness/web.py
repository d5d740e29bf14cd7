"""One sending of one form, as a browser does it, and what its answer promises."""

import http.client
import random
import time
from collections.abc import Sequence
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.crash.harness.history import BROKEN, BUSY, OK, REFUSED, UNKNOWN, Answer, Command
from tests.crash.harness.world import Account

TIMEOUT_S = 12
TOKEN = "a" * 32  # a form's token and the cookie's: what counts is that they are the same
BUSY_PAGE = b"Somebody is changing this right now"
REFUSALS = (400, 403, 404, 409, 412, 422)


class Web:
    """The web servers, any of which will do: `places` are address and port of each.

    `signed_out` are statuses that send people to sign in, after which they come again.
    """

    def __init__(self, places: Sequence[tuple[str, int]], signed_out: Sequence[int] = ()) -> None:
        self.places, self.signed_out = list(places), signed_out

    def send(self, account: Account, command: Command, draw: random.Random) -> Answer:
        """Never raises: whatever goes wrong on the way is an unknown outcome."""
        form = {
            "csrfmiddlewaretoken": TOKEN,
            "idempotency_key": command.key,
            **command.form,
        }
        began = time.monotonic()
        address, port = draw.choice(self.places)
        connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT_S)
        try:
            connection.request(
                "POST",
                command.path,
                body=urlencode(form),
                headers={
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Cookie": f"aq_session={account.session}; aq_csrf={TOKEN}",
                    "Connection": "close",
                },
            )
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            return Answer(UNKNOWN, took_s=time.monotonic() - began)
        finally:
            connection.close()
        if response.status in self.signed_out:
            return Answer(BUSY, response.status, took_s=time.monotonic() - began)
        place = response.headers.get("Location", "")
        return Answer(
            kind=classified(response.status, place, body),
            status=response.status,
            place=place,
            said=_said(response.headers.get_all("Set-Cookie") or []),
            took_s=time.monotonic() - began,
        )


def classified(status: int, place: str, body: bytes) -> str:
    if status in (302, 303) and place.startswith("/requests/"):
        return OK
    if status == 409 and BUSY_PAGE in body:
        return BUSY
    if status in REFUSALS:
        return REFUSED
    if status in (429, 502, 503, 504):
        return UNKNOWN
    return BROKEN


def _said(cookies: Sequence[str]) -> str:
    """The sentence that the next page will show; the product carries it in a signed cookie."""
    from django.contrib.messages.storage.cookie import CookieStorage

    for header in cookies:
        found = SimpleCookie(header).get("messages")
        if found and found.value:
            messages = CookieStorage(None)._decode(found.value) or []
            return " ".join(str(message) for message in messages)
    return ""
