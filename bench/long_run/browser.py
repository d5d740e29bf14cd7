"""One reading of one page or call, on a connection of its own."""

import http.client
import time
from dataclasses import dataclass

TIMEOUT_S = 30


@dataclass(frozen=True)
class Seen:
    """`status` is 0 when no answer came."""

    status: int
    took_s: float

    @property
    def is_read(self) -> bool:
        return self.status == 200


def get(port: int, path: str, *, session: str = "", token: str = "") -> Seen:
    headers = {"Connection": "close"}
    if session:
        headers["Cookie"] = f"aq_session={session}"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return _asked(port, "GET", path, headers, None)


def post(port: int, path: str, *, session: str, body: str) -> Seen:
    token = "a" * 32  # the form's and the cookie's: what counts is that they are the same
    headers = {
        "Connection": "close",
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"aq_session={session}; aq_csrf={token}",
    }
    return _asked(port, "POST", path, headers, f"csrfmiddlewaretoken={token}&{body}")


def _asked(port: int, method: str, path: str, headers: dict[str, str], body: str | None) -> Seen:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        response.read()
        status = response.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return Seen(status, time.monotonic() - began)
