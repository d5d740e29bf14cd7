"""T5.8, AC54 on real sockets: what is refused is never even connected to."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from approvals.kinds import calling
from approvals.kinds.calling import CallFailed, call
from tests.webhooks.common import listening, make, pump, test_event
from webhooks.addresses import is_public
from webhooks.models import DeliveryAttempt

FORBIDDEN = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]


@dataclass
class Watched:
    """A port of this machine. `visits`: who connected."""

    listener: socket.socket
    visits: list[object] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.listener.getsockname()[1]

    def watch(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, who = self.listener.accept()
                self.visits.append(who)
                connection.close()

    def was_visited(self) -> bool:
        """Whether anybody came before our own visit, which is the last in the line."""
        with socket.create_connection(self.listener.getsockname(), timeout=10) as own:
            own.recv(1)
            mine = own.getsockname()
        return self.visits != [mine]


@pytest.fixture
def watched() -> Iterator[Watched]:
    found = Watched(socket.create_server(("127.0.0.1", 0)))
    threading.Thread(target=found.watch, daemon=True).start()
    yield found
    found.listener.close()


@pytest.fixture
def resolves(monkeypatch):
    """Let names lead to these addresses, one list for each time that somebody asks."""
    asked: list[str] = []

    def to(*answers: list[str]) -> list[str]:
        left = list(answers)

        def addresses(host: str, port: int) -> list[str]:
            asked.append(host)
            return left.pop(0) if len(left) > 1 else left[0]

        monkeypatch.setattr(calling, "_addresses", addresses)
        return asked

    return to


def send(port: int, accepts=is_public) -> object:
    return call(
        "POST",
        f"http://receiver.example:{port}/",
        headers={},
        content=b"{}",
        seconds=10,
        accepts=accepts,
    )


@pytest.mark.parametrize("address", FORBIDDEN)
def test_nothing_connects_to_an_address_that_is_not_public(watched, resolves, address):
    resolves([address])
    with pytest.raises(CallFailed) as failure:
        send(watched.port)
    assert (failure.value.cause, failure.value.never_sent) == ("address-not-allowed", True)
    assert not watched.was_visited()


def test_one_forbidden_address_among_public_ones_is_enough(watched, resolves):
    resolves(["93.184.216.34", "127.0.0.1"])
    with pytest.raises(CallFailed, match="address-not-allowed"):
        send(watched.port)
    assert not watched.was_visited()


def test_a_name_that_leads_elsewhere_the_second_time_gains_nothing(watched, resolves):
    """Rebinding: 127.0.0.2 stands for a public address, 127.0.0.1 for a private one."""
    asked = resolves(["127.0.0.2"], ["127.0.0.1"])
    with pytest.raises(CallFailed, match="not-reached"):
        send(watched.port, accepts=lambda address: address == "127.0.0.2")
    assert asked == ["receiver.example"]
    with pytest.raises(CallFailed, match="address-not-allowed"):
        send(watched.port, accepts=lambda address: address == "127.0.0.2")
    assert not watched.was_visited()


def test_the_host_s_name_is_kept_when_its_address_is_called(resolves):
    resolves(["127.0.0.1"])
    with listening() as receiver:
        port = receiver.server.server_address[1]
        assert send(port, accepts=lambda address: True).status == 204
    assert receiver.heard[0].headers["host"] == f"receiver.example:{port}"


@pytest.mark.usefixtures("db")
def test_a_delivery_to_a_private_address_is_not_called_and_says_why(
    cast, clock, watched, monkeypatch
):
    monkeypatch.setattr(calling, "_addresses", lambda host, port: ["127.0.0.1"])
    endpoint, _ = make(cast)
    delivery = test_event(cast, endpoint)
    assert pump(endpoint, clock) == 1
    delivery.refresh_from_db()
    attempt = DeliveryAttempt.objects.get(delivery=delivery)
    assert (delivery.state, attempt.cause) == ("waiting", "address-not-allowed")
    assert attempt.evidence == "example.com leads to 127.0.0.1."
    assert not watched.was_visited()


@pytest.mark.usefixtures("db")
def test_a_saved_url_that_is_not_allowed_any_more_is_not_called(cast, clock, receiver, settings):
    endpoint, _ = make(cast, url=receiver.url)
    test_event(cast, endpoint)
    settings.WEBHOOK_TEST_ADDRESSES = []
    pump(endpoint, clock)
    assert DeliveryAttempt.objects.get().cause == "url-not-allowed"
    assert receiver.heard == []
