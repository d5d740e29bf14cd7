"""What no well-behaved client sends, byte by byte: an answer for each, and the server goes on."""

import socket

import pytest

from approvals.models import ApprovalRequest

pytestmark = pytest.mark.worker


def exchange(port: int, sent: bytes, *, close: bool = True) -> bytes:
    """Everything that comes back for these bytes; we say that no more will follow."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(sent)
        if close:
            connection.shutdown(socket.SHUT_WR)
        found = b""
        while piece := connection.recv(65536):
            found += piece
        return found


def request(secret: str, *headers: str, path: str = "/requests", body: bytes = b"{}") -> bytes:
    lines = [
        f"POST /api/v1{path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {secret}",
        "Content-Type: application/json",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def server(serve):
    return serve(workers=1, threads=4)


def test_a_body_that_breaks_off(server, everything, cast) -> None:
    item = cast.ask()
    sent = request(
        everything, "Content-Length: 100", "Idempotency-Key: k", path=f"/requests/{item.ref}/claim"
    )
    answer = exchange(server.port, sent)
    assert b"400" in answer.split(b"\r\n")[0]
    assert b"/problems/malformed" in answer
    assert ApprovalRequest.objects.get(pk=item.pk).owner is None


def test_two_keys_are_no_key(server, everything, cast) -> None:
    """T1.6"""
    item = cast.ask()
    keys = ("Content-Length: 2", "Idempotency-Key: k1", "Idempotency-Key: k2")
    for pair in (keys, (*keys[:1], 'Idempotency-Key: "k1"', 'Idempotency-Key: "k2"')):
        sent = request(everything, *pair, path=f"/requests/{item.ref}/claim")
        assert b"/problems/idempotency-key-malformed" in exchange(server.port, sent)
    assert ApprovalRequest.objects.get(pk=item.pk).version == 1


def test_a_body_without_a_length(server, everything) -> None:
    chunked = b"2\r\n{}\r\n0\r\n\r\n"
    sent = request(everything, "Transfer-Encoding: chunked", "Idempotency-Key: k", body=chunked)
    assert b"/problems/malformed" in exchange(server.port, sent)


def test_both_lengths_at_once_are_not_believed(server, everything) -> None:
    sent = request(
        everything,
        "Content-Length: 2",
        "Transfer-Encoding: chunked",
        "Idempotency-Key: k",
        body=b"0\r\n\r\nPOST /api/v1/requests HTTP/1.1\r\n\r\n",
    )
    first = exchange(server.port, sent).split(b"\r\n")[0]
    assert b" 4" in first


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "99999999999999999999", "a", "2, 2"])
def test_a_length_that_is_none(server, everything, length) -> None:
    sent = request(everything, f"Content-Length: {length}", "Idempotency-Key: k")
    assert exchange(server.port, sent).split(b"\r\n")[0].split(b" ")[1][:1] in (b"4",)


def test_the_server_goes_on_after_all_that(server, everything) -> None:
    for junk in (b"\x00" * 100, b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\xff" * 5000):
        exchange(server.port, junk)
    assert server.client(everything).get("/requests").status_code == 200


IMPATIENT = """
from config import gunicorn
from config.gunicorn import *
gunicorn.LONGEST_SILENCE_S = 1
"""


def test_a_client_that_falls_silent_does_not_hold_the_server(serve, everything, tmp_path) -> None:
    """With our own settings of gunicorn: one thread, and the silent one is let go."""
    config = tmp_path / "impatient.py"
    config.write_text(IMPATIENT)
    server = serve(workers=1, threads=1, config=str(config))
    sent = request(everything, "Content-Length: 100", "Idempotency-Key: k")
    assert b"/problems/malformed" in exchange(server.port, sent, close=False)
    assert server.client(everything).get("/requests").status_code == 200
