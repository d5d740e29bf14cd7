"""A connection is kept from one whole answer to the next call, and nothing is ever sent again by itself."""

import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from approvals.kinds import calling
from approvals.kinds.calling import CallFailed, call

BODY = b'{"id": 1}'
HEAD = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
FINE = HEAD % (b"200 OK", len(BODY)) + BODY
REFUSED = HEAD % (b"400 Bad Request", len(BODY)) + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
NOTHING = b""  # the connection is closed instead


class Server:
    """Says what it is told to, one answer after the other, and knows which connection asked."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers, self.asked, self.connections = iter(answers), [], 0
        self.after_answer: Callable[[socket.socket], None] = lambda connection: None
        self.closed = threading.Event()
        self._listens = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listens.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        self._listens.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listens.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=[connection, self.connections]).start()

    def _talk(self, connection: socket.socket, number: int) -> None:
        with connection:
            while request := connection.recv(65536):
                self.asked.append((number, request.split()[1].decode()))
                if not (answer := next(self.answers)):
                    return
                connection.sendall(answer)
                self.after_answer(connection)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    calling._KEPT.drop()
    started = []

    def begin(*answers: bytes) -> Server:
        started.append(Server([*answers]))
        return started[-1]

    yield begin
    calling._KEPT.drop()
    for server in started:
        server.stop()


def ask(server: Server, name: str, *, keeps: bool = True) -> int:
    address = f"{server.url}{name}"
    return call("POST", address, headers={}, content=b"", seconds=5, keeps=keeps).status


def test_the_next_call_goes_over_the_same_connection(serve):
    server = serve(FINE, FINE)
    assert [ask(server, "a"), ask(server, "b")] == [200, 200]
    assert server.asked == [(1, "/a"), (1, "/b")]


def test_without_asking_for_it_nothing_is_kept(serve):
    server = serve(FINE, FINE)
    assert [ask(server, "a", keeps=False), ask(server, "b", keeps=False)] == [200, 200]
    assert server.asked == [(1, "/a"), (2, "/b")]


def test_each_thread_has_connections_of_its_own(serve):
    server = serve(FINE, FINE)
    ask(server, "a")
    other = threading.Thread(target=ask, args=[server, "b"])
    other.start()
    other.join()
    assert server.asked == [(1, "/a"), (2, "/b")]


def test_what_was_on_its_way_when_a_kept_connection_broke_is_in_doubt_and_not_sent_again(serve):
    server = serve(FINE, NOTHING, FINE)
    ask(server, "a")
    with pytest.raises(CallFailed) as failed:
        ask(server, "b")
    assert (failed.value.cause, failed.value.never_sent) == ("connection-lost", False)
    assert server.asked == [(1, "/a"), (1, "/b")]
    assert ask(server, "c") == 200
    assert server.asked[2:] == [(2, "/c")]


def test_a_connection_that_was_closed_meanwhile_is_not_used(serve):
    server = serve(FINE, FINE)

    def leave(connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_RDWR)
        server.closed.set()

    server.after_answer = leave
    ask(server, "a")
    assert server.closed.wait(10)
    assert ask(server, "b") == 200
    assert server.asked == [(1, "/a"), (2, "/b")]


@pytest.mark.parametrize("answer", [REFUSED, FINE + REFUSED, FINE + b"x", CHUNKED])
def test_after_anything_but_one_plain_yes_it_is_closed(serve, answer):
    """What came too much would be taken for the answer to the next call."""
    server = serve(answer, FINE)
    ask(server, "a")
    assert ask(server, "b") == 200
    assert server.asked == [(1, "/a"), (2, "/b")]


def test_the_time_counts_anew_for_each_call(serve, monkeypatch):
    server = serve(FINE, FINE)
    ask(server, "a")
    later = calling.time.monotonic() + 100
    clock = SimpleNamespace(monotonic=lambda: later, time=calling.time.time)
    monkeypatch.setattr(calling, "time", clock)
    assert ask(server, "b") == 200
    assert server.asked == [(1, "/a"), (1, "/b")]
