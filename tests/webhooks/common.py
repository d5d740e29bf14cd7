"""A receiver on a real socket, a clock that is handed in, and what most tests begin with."""

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from approvals.kinds.calling import CallFailed
from audit.feed import is_settled
from tests.demo.conftest import until
from webhooks import commands, fan_out, sending
from webhooks.models import Delivery, Endpoint

MANY = {"name": "Warehouse", "url": "https://example.com/hooks/a1b2"}


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **length: float) -> datetime:
        self.now += timedelta(**length)
        return self.now


@dataclass
class Heard:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Answers 204, or what `replies` says: a status, or a status with headers and perhaps a body."""

    server: ThreadingHTTPServer
    heard: list[Heard] = field(default_factory=list)
    replies: list[Any] = field(default_factory=list)
    before: Callable[[], object] = lambda: None  # what it does before it answers

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.place}/hooks"

    @property
    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.heard]


@contextlib.contextmanager
def listening():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.heard.append(Heard(self.path, headers, body))
            found.before()
            reply = found.replies.pop(0) if found.replies else 204
            status, more, said = (*reply, "")[:3] if isinstance(reply, tuple) else (reply, {}, "")
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.encode())))
            self.end_headers()
            self.wfile.write(said.encode())

        do_GET = do_PUT = do_POST

        def log_message(self, *_: object) -> None:
            pass

    found = Receiver(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    threading.Thread(target=found.server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield found
    finally:
        found.server.shutdown()
        found.server.server_close()


def make(cast, **changes: Any) -> tuple[Endpoint, str]:
    """An endpoint made by the administrator, and its secret."""
    said = {**MANY, "by": cast.admin, "at": cast.now, "key": cast.key(), **changes}
    made = commands.create_endpoint(**said)
    return Endpoint.objects.get(pk=made.answer.ref), made.secret


def test_event(cast, endpoint: Endpoint) -> Delivery:
    """A delivery of its own, without the feed."""
    commands.send_test(endpoint_id=endpoint.pk, by=cast.admin, at=cast.now, key=cast.key())
    return endpoint.deliveries.order_by("-pk").first()


test_event.__test__ = False


def follow(at: datetime, *, settled: bool = True) -> list[int]:
    """One run of the fan-out, once all that happened is settled; who was woken."""
    if settled:
        until(is_settled)
    woken: list[int] = []
    fan_out.run(at=at, wake=woken.append)
    return woken


def pump(endpoint: Endpoint, clock: Callable[[], datetime]) -> int:
    return sending.run(endpoint.pk, wake=lambda pk: None, clock=clock)


def until_due(endpoint: Endpoint, clock: Clock) -> bool:
    """Move the clock to the next try; False when there is none."""
    endpoint.refresh_from_db()
    waiting = endpoint.deliveries.filter(state="waiting").order_by("next_at").first()
    if waiting is None or endpoint.disabled_at is not None:
        return False
    moments = [waiting.next_at, endpoint.quiet_until, clock.now]
    clock.now = max(moment for moment in moments if moment is not None)
    return True


def failing(cause: str = "not-reached", *, never_sent: bool = True) -> Callable:
    def call(*_: object, **__: object) -> None:
        raise CallFailed(cause, "ConnectError: refused", never_sent=never_sent)

    return call
