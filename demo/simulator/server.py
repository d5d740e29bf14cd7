"""The HTTP side: reads a call, finds its route, writes the answer."""

import json
import os
import re
import selectors
import socket
import socketserver
import sys
import threading
import time
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from . import account_changes, control, receivers, refunds
from .answers import Answer, Refused, error
from .call import Call
from .provider import Provider

HOST = "127.0.0.1"
MAX_BODY_BYTES = 64 * 1024
MAX_DISCARDED_BYTES = 1024 * 1024
HUGE_BYTES = 20_000_000

Route = tuple[str, re.Pattern[str], Callable[..., Answer | None]]

SERVICE_ROUTES: list[Route] = [
    ("POST", re.compile(r"/v1/refunds"), refunds.create_refund),
    ("GET", re.compile(r"/v1/refunds"), refunds.list_refunds),
    ("GET", re.compile(r"/v1/refunds/([^/]+)"), refunds.get_refund),
    ("GET", re.compile(r"/v1/payment_intents/([^/]+)"), refunds.get_payment_intent),
    ("PUT", re.compile(r"/accounts/([^/]+)/changes/([^/]+)"), account_changes.put_change),
    ("GET", re.compile(r"/accounts/([^/]+)/changes/([^/]+)"), account_changes.get_change),
]
CONTROL_ROUTES: list[Route] = [
    ("GET", re.compile(r"/healthz"), control.get_health),
    ("GET", re.compile(r"/ledger"), control.get_ledger),
    ("GET", re.compile(r"/faults"), control.get_faults),
    ("POST", re.compile(r"/faults"), control.set_faults),
    ("DELETE", re.compile(r"/faults"), control.clear_faults),
    ("POST", re.compile(r"/receivers/([^/]+)"), receivers.hear),
]


class SimulatorServer(ThreadingHTTPServer):
    """Listens as soon as it is made; port 0 picks a free one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, provider: Provider, address: str = HOST):
        self.provider = provider
        self.address = address
        self._stop_reader, self._stop_writer = os.pipe()
        self._serving = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        super().__init__((address, port), Handler)

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.server_address[1]}"

    def server_bind(self) -> None:
        # HTTPServer's own asks the name service for our name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.address, self.server_address[1]

    def start(self) -> None:
        self._serving.start()

    def stop(self) -> None:
        os.close(self._stop_writer)
        self.shutdown()
        self.server_close()

    def wait(self, client: socket.socket, seconds: float) -> None:
        """Less than these seconds when the client leaves or the server stops."""
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as watched:
            stopping = watched.register(self._stop_reader, selectors.EVENT_READ)
            watched.register(client, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0:
                ready = [key for key, _ in watched.select(left)]
                if stopping in ready or (ready and _has_left(client)):
                    return
                if ready:
                    # It has sent its next call already, so it is still there.
                    watched.unregister(client)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    server: SimulatorServer
    protocol_version = "HTTP/1.1"
    server_version = "ProviderSimulator"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 60

    def do_GET(self) -> None:
        try:
            answer = self._recorded_answer()
        except ConnectionError:
            raise
        except Exception:
            traceback.print_exc()
            answer = error(500, "internal", "The simulator has a bug.", type="api_error")
        self._send(answer)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _recorded_answer(self) -> Answer | None:
        """Answers, and records the calls to the services; control calls are not theirs."""
        if any(pattern.fullmatch(self.path.partition("?")[0]) for _, pattern, _ in CONTROL_ROUTES):
            return self._answer()
        ledger = self.server.provider.ledger
        call_id = ledger.record_call(
            method=self.command,
            path=self.path,
            key=self.headers.get("Idempotency-Key"),
            traceparent=self.headers.get("traceparent"),
            request_id=self.headers.get("X-Request-ID"),
        )
        answer = self._answer()
        ledger.record_answered(call_id, str(answer.status) if answer else "closed")
        return answer

    def _answer(self) -> Answer | None:
        try:
            call = self._read_call()
            return _dispatch(self.server.provider, call)
        except Refused as refusal:
            return refusal.answer

    def _read_call(self) -> Call:
        path, _, query = self.path.partition("?")
        return Call(
            method=self.command,
            path=path,
            query=query,
            headers=self.headers,
            body=self._read_body(),
            wait=lambda seconds: self.server.wait(self.connection, seconds),
        )

    def _read_body(self) -> bytes:
        length_text = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refused(error(411, "length_required", "Send a Content-Length."))
        if not (length_text.isascii() and length_text.isdigit() and len(length_text) < 16):
            self.close_connection = True
            raise Refused(error(400, "malformed", "The Content-Length is not a number."))
        length = int(length_text)
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            # Closing on unread bytes would reset the connection and lose the answer.
            self.rfile.read(min(length, MAX_DISCARDED_BYTES))
            raise Refused(error(413, "too_large", f"A body has at most {MAX_BODY_BYTES} bytes."))
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("The client left in the middle of its body.")
        return body

    def _send(self, answer: Answer | None) -> None:
        if answer is None:
            self.close_connection = True
            return
        body = _body(answer)
        self.send_response(answer.status)
        is_page = answer.disguise == "garbage"
        self.send_header("Content-Type", "text/html" if is_page else "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.disguise == "drip":
            self._drip(body)
        else:
            self.wfile.write(body)

    def _drip(self, body: bytes) -> None:
        for place in range(len(body)):
            self.server.wait(self.connection, self.server.provider.durations.drip_seconds)
            self.wfile.write(body[place : place + 1])

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses, such as a broken request line, is JSON as well."""
        self.close_connection = True
        self._send(error(int(code), "malformed", message or "The request was not understood."))

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the ledger has every call."""


def _dispatch(provider: Provider, call: Call) -> Answer | None:
    allowed = []
    for method, pattern, endpoint in SERVICE_ROUTES + CONTROL_ROUTES:
        if match := pattern.fullmatch(call.path):
            if method == call.method:
                return endpoint(provider, call, *map(unquote, match.groups()))
            allowed.append(method)
    if not allowed:
        return error(404, "not_found", f"There is nothing at {call.path}.")
    refusal = error(405, "method_not_allowed", f"Use {' or '.join(allowed)}.")
    return refusal.with_header("Allow", ", ".join(allowed))


def _body(answer: Answer) -> bytes:
    if answer.disguise == "garbage":
        return b"<!doctype html><title>Welcome</title><p>Sign in to the network."
    if answer.disguise == "huge":
        return json.dumps({**answer.body, "description": "x" * HUGE_BYTES}).encode()
    return json.dumps(answer.body).encode()


def _has_left(client: socket.socket) -> bool:
    try:
        return client.recv(1, socket.MSG_PEEK) == b""
    except ConnectionError:
        return True
