"""Telling the product what happened, as Stripe does: signed, repeated until heard, never in a hurry.

Deliveries run in threads of their own and never hold up an answer. They live in memory: what a
killed simulator had not delivered is lost, except for what is still to come
(`refunds.tell_what_is_to_come`).
"""

import hashlib
import heapq
import hmac
import http.client
import itertools
import json
import random
import secrets
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

WORKERS = 4
MOST_WAITING = 10_000
TIMEOUT_S = 10
WAITS_S = (0.5, 1, 2, 4, 8)  # after each delivery that was not heard; then it is given up


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where webhooks go, and what they are signed with."""

    url: str
    secret: str


class Courier:
    """Delivers each event at its time, and again when it was not heard."""

    def __init__(self, endpoint: Endpoint):
        self._endpoint = endpoint
        self._random = random.Random()
        self._number = itertools.count()
        self._waiting: list[tuple[float, int, bytes, int]] = []
        self._changed = threading.Condition()
        self._is_over = False
        for _ in range(WORKERS):
            threading.Thread(target=self._work, daemon=True).start()

    def tell(self, events: list[dict[str, Any]], *, at: float, again: bool = False) -> None:
        """`again`: each two or three times, in any order, as a provider is allowed to."""
        told = [
            event for event in events for _ in range(self._random.randint(2, 3) if again else 1)
        ]
        if again:
            self._random.shuffle(told)
        for event in told:
            self._put(at, json.dumps(event).encode(), 0)

    def stop(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _put(self, at: float, body: bytes, tries: int) -> None:
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                print("Too many webhooks wait; one was dropped.", file=sys.stderr)
                return
            heapq.heappush(self._waiting, (at, next(self._number), body, tries))
            self._changed.notify()

    def _work(self) -> None:
        while (due := self._next()) is not None:
            body, tries = due
            if not self._is_heard(body) and tries < len(WAITS_S):
                self._put(time.time() + WAITS_S[tries], body, tries + 1)

    def _next(self) -> tuple[bytes, int] | None:
        """The next delivery that is due; None when it is over."""
        with self._changed:
            while not self._is_over:
                wait = self._waiting[0][0] - time.time() if self._waiting else None
                if wait is not None and wait <= 0:
                    _, _, body, tries = heapq.heappop(self._waiting)
                    return body, tries
                self._changed.wait(wait)
        return None

    def _is_heard(self, body: bytes) -> bool:
        parts = urlsplit(self._endpoint.url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(body, self._endpoint.secret, at=int(time.time())),
        }
        try:
            connection.request("POST", parts.path or "/", body, headers)
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def event(kind: str, refund: dict[str, Any], *, key: str | None, at: float) -> dict[str, Any]:
    """Stripe's envelope around a refund as it was at that moment."""
    return {
        "id": f"evt_{secrets.token_hex(12)}",
        "object": "event",
        "created": int(at),
        "data": {"object": refund},
        "livemode": False,
        "request": {"id": None, "idempotency_key": key},
        "type": kind,
    }


def signature(body: bytes, secret: str, *, at: int) -> str:
    """https://docs.stripe.com/webhooks#verify-manually"""
    signed = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"
