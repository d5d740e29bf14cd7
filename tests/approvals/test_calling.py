"""Providers that do their worst, on real sockets (AC55): bounded, in time, and never a success."""

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from approvals.kinds import calling, refund
from approvals.kinds.account_change import AccountChange
from approvals.kinds.base import Absent, Done, Effect, Kind, Refused, Unknown
from approvals.kinds.refund import Refund

REFUND = Effect(
    id="aq-RF-1-abc",
    key="aq-RF-1-abc",
    ref="RF-1",
    payload={
        "order": "O-1",
        "payment": "pi_1",
        "amount": 8800,
        "currency": "EUR",
        "reason_code": "duplicate",
    },
    reason="Lost.",
)
CHANGE = Effect(
    id="aq-AC-1-abc",
    key="aq-AC-1-abc",
    ref="AC-1",
    payload={"account": "acct_1", "change": "email", "to": "new@example.test"},
    reason="Asked.",
)
REFUNDED = {
    "id": "re_1",
    "object": "refund",
    "status": "succeeded",
    "payment_intent": "pi_1",
    "amount": 8800,
    "currency": "eur",
    "metadata": {"approval_queue_effect_id": REFUND.id},
}
APPLIED = {"id": CHANGE.id, "status": "applied", "reference": "chg_1"}
LONG_S = 20

Reply = Callable[[socket.socket], object]


@dataclass
class Provider:
    """Answers each request with `reply` after it has read the whole of it."""

    listener: socket.socket
    reply: Reply = lambda connection: None
    requests: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        """Closing alone would leave the port open for as long as `accept` waits."""
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                connection.settimeout(LONG_S)
                while True:  # until the client leaves
                    self.requests.append(_whole_request(connection))
                    self.reply(connection)


def _whole_request(connection: socket.socket) -> bytes:
    read = _more(connection)
    while b"\r\n\r\n" not in read:
        read += _more(connection)
    head, _, body = read.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += _more(connection)
    return head + b"\r\n\r\n" + body


def _more(connection: socket.socket) -> bytes:
    if not (piece := connection.recv(65_536)):
        raise ConnectionError("The client left.")
    return piece


@pytest.fixture
def provider(settings) -> Iterator[Provider]:
    found = Provider(socket.create_server(("127.0.0.1", 0)))
    settings.STRIPE_API_KEY = "sk_test_1"
    settings.ACCOUNT_SERVICE_SECRET = "very-secret"
    settings.STRIPE_API_BASE = settings.ACCOUNT_SERVICE_URL = found.url
    settings.STRIPE_TIMEOUT_S = settings.ACCOUNT_SERVICE_TIMEOUT_S = LONG_S
    refund._client.cache_clear()
    threading.Thread(target=found.serve, daemon=True).start()
    yield found
    found.stop()
    refund._client.cache_clear()


def raw(*lines: str, body: bytes = b"", status: str = "200 OK") -> Reply:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines, "", ""])
    return lambda connection: connection.sendall(head.encode() + body)


def in_json(fields: object, status: str = "200 OK", *lines: str) -> Reply:
    return raw("Content-Type: application/json", *lines, body=_dump(fields), status=status)


def _dump(fields: object) -> bytes:
    return json.dumps(fields).encode()


def drip(connection: socket.socket) -> None:
    """A byte now and then, so that no single read ever waits long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    _for_ever(connection, b" ", every_s=0.02)


def drip_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    _for_ever(connection, b"X-Slow: 1\r\n", every_s=0.02)


def _for_ever(connection: socket.socket, piece: bytes, *, every_s: float = 0) -> None:
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        connection.sendall(piece)
        if every_s:
            time.sleep(every_s)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    _for_ever(connection, b" " * 65_536)


def endless_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    _for_ever(connection, b"X-Long: " + b"x" * 60_000 + b"\r\n")


def cut(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def cut_in_the_middle(connection: socket.socket) -> None:
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
    )
    connection.shutdown(socket.SHUT_RDWR)


YES = _dump({**REFUNDED, **APPLIED, "status": "succeeded"})
HUGE = {**REFUNDED, "description": "x" * calling.LARGEST_ANSWER}
WORST = {
    "page": raw("Content-Type: text/html", body=b"<html>Welcome</html>"),
    "page said to be json": raw("Content-Type: application/json", body=b"<html>"),
    "json said to be a page": raw("Content-Type: text/html", body=YES),
    "json of no type": raw(body=YES),
    "nothing": raw("Content-Type: application/json"),
    "nothing to say": raw(status="204 No Content"),
    "not utf-8": raw("Content-Type: application/json", body=b'{"id": "\xff"}'),
    "a list": in_json([REFUNDED]),
    "a number": in_json(7),
    "null": in_json(None),
    "not a number": raw("Content-Type: application/json", body=b'{"amount": NaN}'),
    "deep": raw("Content-Type: application/json", body=b"[" * 200_000),
    "odd object": in_json({**REFUNDED, "object": ["refund"]}),
    "odd error": in_json({"error": None}, "400 Bad Request"),
    "odd code": in_json({"error": {"code": ["x"], "message": 7}}, "500 Odd"),
    "error as text": in_json({"error": "no"}, "503 Busy"),
    "huge": in_json(HUGE),
    "huge no": in_json({"error": {"code": "x" * calling.LARGEST_ANSWER}}, "400 Bad Request"),
    "endless": endless,
    "endless head": endless_head,
    "packed": raw(
        "Content-Type: application/json", "Content-Encoding: gzip", body=gzip.compress(YES)
    ),
    "bomb": raw(
        "Content-Type: application/json",
        "Content-Encoding: gzip",
        body=gzip.compress(b" " * 50_000_000),
    ),
    "moved": raw("Location: /elsewhere", status="301 Moved"),
    "found elsewhere": raw("Location: /elsewhere", status="302 Found"),
    "send it elsewhere": raw("Location: /elsewhere", status="307 Temporary Redirect"),
    "moved for good": raw("Location: /elsewhere", status="308 Permanent Redirect"),
    "not http": lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "cut": cut,
    "cut in the middle": cut_in_the_middle,
}
BOTH = [(Refund(), REFUND), (AccountChange(), CHANGE)]


@pytest.mark.parametrize(("kind", "effect"), BOTH, ids=["refund", "account change"])
@pytest.mark.parametrize("name", WORST)
def test_the_worst_answer_is_neither_a_yes_nor_a_no(provider, kind: Kind, effect: Effect, name):
    """AC55. Nothing is asked a second time, wherever the provider points to."""
    provider.reply = WORST[name]
    assert type(kind.send(effect)) is Unknown
    assert type(kind.look_up(effect)) is Unknown
    assert [request.split(b" ")[0] for request in provider.requests] in (
        [b"POST", b"GET"],
        [b"PUT", b"GET"],
    )
    assert not any(b"/elsewhere" in request for request in provider.requests)


@pytest.mark.parametrize(("kind", "effect"), BOTH, ids=["refund", "account change"])
@pytest.mark.parametrize("reply", [drip, drip_head, lambda connection: None])
def test_one_deadline_counts_for_the_whole_call(provider, settings, kind, effect, reply):
    """However slowly the other side drips: the call ends well before the lease does."""
    settings.STRIPE_TIMEOUT_S = settings.ACCOUNT_SERVICE_TIMEOUT_S = 0.3
    provider.reply = reply
    seen = kind.send(effect)
    assert (type(seen), seen.cause) == (Unknown, "no-answer")


@pytest.mark.parametrize(("kind", "effect"), BOTH, ids=["refund", "account change"])
def test_a_closed_port_proves_that_nothing_was_sent(provider, kind, effect):
    provider.stop()
    seen = kind.send(effect)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, "not-reached", False)
    assert type(kind.look_up(effect)) is Unknown


@pytest.mark.parametrize(("kind", "effect"), BOTH, ids=["refund", "account change"])
def test_a_host_without_a_name_proves_that_nothing_was_sent(provider, settings, kind, effect):
    settings.STRIPE_API_BASE = settings.ACCOUNT_SERVICE_URL = "http://nowhere.invalid"
    refund._client.cache_clear()
    assert kind.send(effect).cause == "not-reached"


@pytest.mark.parametrize("secret", ["gehéim", "two\nlines", "nul\x00"])
@pytest.mark.parametrize(("kind", "effect"), BOTH, ids=["refund", "account change"])
def test_a_secret_that_no_header_can_carry_is_not_sent(provider, settings, kind, effect, secret):
    settings.STRIPE_API_KEY = settings.ACCOUNT_SERVICE_SECRET = secret
    refund._client.cache_clear()
    seen = kind.send(effect)
    assert (type(seen), seen.cause, provider.requests) == (Refused, "not-configured", [])


def test_a_host_is_reached_at_another_of_its_addresses(provider, monkeypatch):
    monkeypatch.setattr(calling, "_addresses", lambda host, port: ["127.0.0.2", "127.0.0.1"])
    provider.reply = in_json(REFUNDED)
    assert type(Refund().send(REFUND)) is Done


def test_a_host_at_which_nothing_listens_anywhere_is_not_reached(provider, monkeypatch):
    monkeypatch.setattr(calling, "_addresses", lambda host, port: ["127.0.0.2", "127.0.0.3"])
    assert Refund().send(REFUND).cause == "not-reached"


def test_a_proxy_in_the_environment_is_not_used(provider, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    provider.reply = in_json(REFUNDED)
    assert type(Refund().send(REFUND)) is Done


def test_a_good_answer_is_a_yes(provider):
    """That the tests above can fail."""
    provider.reply = in_json(REFUNDED)
    assert Refund().send(REFUND).reference == "re_1"
    assert b"\r\nIdempotency-Key: aq-RF-1-abc\r\n" in provider.requests[0]
    provider.reply = in_json(APPLIED)
    assert AccountChange().send(CHANGE).reference == "chg_1"
    provider.reply = in_json(APPLIED, "200 OK", "Content-Encoding: identity")
    assert AccountChange().look_up(CHANGE).reference == "chg_1"


def test_an_empty_list_is_no_trace(provider):
    provider.reply = in_json({"object": "list", "data": [], "has_more": False})
    assert type(Refund().look_up(REFUND)) is Absent


def test_a_no_of_stripe_s_own_is_read_from_the_wire(provider):
    error = {"error": {"type": "idempotency_error", "message": "Keys for idempotent requests"}}
    provider.reply = in_json(error, "400 Bad Request")
    assert Refund().send(REFUND).cause == "key-mismatch"
    provider.reply = in_json({"error": {"type": "api_error"}}, "429 Slow", "Retry-After: 9")
    assert Refund().send(REFUND).retry_after_s == 9


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*REFUNDED, "data", "has_more", "error", "code"]), inner)
    ),
    max_leaves=12,
)


@with_settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(answer=st.dictionaries(st.sampled_from([*REFUNDED, "data", "has_more", "error"]), JSON))
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Odd"])
def test_no_json_breaks_the_reading_of_stripe_s_answers(provider, status, answer):
    provider.reply = in_json({"object": "refund", **answer}, status)
    assert type(Refund().send(REFUND)) in (Unknown, Refused)
    assert type(Refund().look_up(REFUND)) is Unknown
    Refund().examine(REFUND.payload)


# --- Encrypted connections ------------------------------------------------------------------------


@pytest.fixture
def self_signed() -> ssl.SSLContext:
    """A server with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("nobody_vouches.pem"))
    return context


def test_a_certificate_that_is_not_trusted_proves_that_nothing_was_sent(
    provider,
    settings,
    self_signed,
):
    provider.tls = self_signed
    settings.STRIPE_API_BASE = provider.url
    refund._client.cache_clear()
    seen = Refund().send(REFUND)
    assert (type(seen), seen.cause, seen.permanent) == (Refused, "not-reached", False)
    assert provider.requests == []


def test_an_encrypted_connection_that_breaks_after_sending_may_have_done_it(
    provider,
    settings,
    self_signed,
    monkeypatch,
):
    """I1, I10: only a handshake that failed proves that nothing was sent."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    monkeypatch.setattr(calling, "_trusted", lambda: trusting)

    def broken(connection: ssl.SSLSocket) -> None:
        plain = socket.socket(fileno=connection.detach())
        plain.sendall(b"\x17\x03\x03\x00\x20" + b"garbage" * 8)

    provider.tls, provider.reply = self_signed, broken
    settings.STRIPE_API_BASE = provider.url
    refund._client.cache_clear()
    assert type(Refund().send(REFUND)) is Unknown
    assert provider.requests[0].startswith(b"POST /v1/refunds")
