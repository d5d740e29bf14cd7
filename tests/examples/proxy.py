"""Between a client and the web server: what passes is counted, and strikes fall where they are set.

A strike falls at a call that is counted, never at a moment, so each run is the same.
"""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

Forward = Callable[[], httpx.Response]
Effect = Callable[["Answering", Forward], None]
LONGEST_CALL_S = 30


@dataclass
class Strike:
    """What happens at the `at`-th call of this method and path, counted from the strike before."""

    method: str
    path: str
    at: int
    effect: Effect

    def is_due(self, method: str, path: str) -> bool:
        if method != self.method or not path.startswith(f"/api/v1{self.path}"):
            return False
        self.at -= 1
        return self.at == 0


@dataclass
class Proxy:
    upstream: str
    strikes: list[Strike] = field(default_factory=list)
    seen: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, key
    lock: threading.RLock = field(default_factory=threading.RLock)
    url: str = ""

    @property
    def keys(self) -> list[str]:
        """Of every command that came, in order; with all its repeats."""
        return [key for method, _, key in self.seen if method == "POST"]

    def next_strike(self, method: str, path: str) -> Strike | None:
        if self.strikes and self.strikes[0].is_due(method, path):
            return self.strikes.pop(0)
        return None

    @contextmanager
    def serving(self) -> Iterator["Proxy"]:
        handler = type("Handler", (Answering,), {"proxy": self})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


class Answering(http.server.BaseHTTPRequestHandler):
    """One connection, one call: the client is one process, and asks one thing at a time."""

    proxy: Proxy

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        with self.proxy.lock:
            key = self.headers.get("Idempotency-Key", "")
            self.proxy.seen.append((self.command, self.path, key))
            strike = self.proxy.next_strike(self.command, self.path)
            try:
                if strike is not None:
                    strike.effect(self, lambda: self._forward(body))
                else:
                    self.pass_on(self._forward(body))
            except httpx.HTTPError:
                """The server is down: the client sees its connection end, too."""

    def _forward(self, body: bytes) -> httpx.Response:
        skipped = ("host", "connection", "content-length", "accept-encoding")
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in skipped
        }
        return httpx.request(
            self.command,
            f"{self.proxy.upstream}{self.path}",
            headers=headers,
            content=body,
            timeout=LONGEST_CALL_S,
            trust_env=False,
        )

    def pass_on(self, answer: httpx.Response, *, cut_to: int | None = None) -> None:
        """The whole answer, or so many bytes of its body and then nothing."""
        self.send_response(answer.status_code)
        for name in ("Content-Type", "Retry-After", "Idempotent-Replayed"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content[:cut_to])
        self.wfile.flush()

    def say(self, status: int, body: bytes, **headers: str) -> None:
        """What a machine in between would say in the server's place."""
        self.pass_on(
            httpx.Response(
                status,
                content=body,
                headers={name.replace("_", "-"): value for name, value in headers.items()},
            )
        )

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the test knows what came."""
