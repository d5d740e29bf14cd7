"""A hostile provider that we did not write: localstripe, which ignores idempotency keys (T2.3).

It runs as a process of its own and is never imported. Every repeat of a call is a second refund
there, so only asking before repeating keeps it at one.
"""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
import stripe
from django.conf import settings as django_settings

from approvals import timing
from approvals.kinds import refund
from approvals.models import Attempt, Effect, State
from demo.loopback import free_port
from tests.crash.common import assert_explained, environment, settle_down
from tests.demo.conftest import until

pytestmark = pytest.mark.usefixtures("committed_db")
KEY = "sk_test_localstripe"
LONG_DEAD = timing.LEASE + timedelta(minutes=3)


@dataclass
class Relay:
    """Stands between us and the provider, and can keep an answer or a request to itself."""

    upstream: tuple[str, int]
    keeps_answers: bool = False
    keeps_requests: bool = False
    kept: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while not self.over.is_set():
            with contextlib.suppress(OSError):
                client, _ = self.listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def stop(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(self.upstream) as provider:
            threading.Thread(target=self._send_on, args=(client, provider), daemon=True).start()
            with contextlib.suppress(OSError):
                while piece := provider.recv(65_536):
                    if self.keeps_answers:
                        self.kept.set()
                        self.over.wait(60)
                        return
                    client.sendall(piece)

    def _send_on(self, client: socket.socket, provider: socket.socket) -> None:
        """Also on a connection that was kept from an earlier call."""
        with contextlib.suppress(OSError):
            while piece := client.recv(65_536):
                if self.keeps_requests:
                    self.kept.set()
                    provider.shutdown(socket.SHUT_RDWR)
                    return
                provider.sendall(piece)


@dataclass
class LocalStripe:
    url: str
    relay: Relay

    @property
    def client(self) -> stripe.StripeClient:
        return stripe.StripeClient(KEY, base_addresses={"api": self.url}, max_network_retries=0)

    def post(self, path: str, **form: object) -> dict:
        answer = httpx.post(f"{self.url}{path}", data=form, auth=(KEY, ""), trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def pay(self, amount: int) -> str:
        """A payment that succeeded; its number."""
        card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
        method = self.post(
            "/v1/payment_methods",
            type="card",
            **{f"card[{name}]": value for name, value in card.items()},
        )
        paid = self.post(
            "/v1/payment_intents",
            amount=amount,
            currency="eur",
            payment_method=method["id"],
            confirm="true",
        )
        assert paid["status"] == "succeeded"
        return paid["id"]

    def refunds(self, payment: str) -> list[stripe.Refund]:
        return self.client.v1.refunds.list({"payment_intent": payment}).data


@pytest.fixture(scope="module")
def localstripe(tmp_path_factory) -> Iterator[str]:
    """Its address. It keeps what it has in one file of the machine; we never read that."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "localstripe", "--from-scratch", f"--port={port}"],
        cwd=tmp_path_factory.mktemp("localstripe"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: _listens(port) or process.poll() is not None)
    assert process.poll() is None, "localstripe ended at once; does this machine have IPv6?"
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def provider(localstripe: str, settings) -> Iterator[LocalStripe]:
    relay = Relay(("127.0.0.1", httpx.URL(localstripe).port))
    threading.Thread(target=relay.serve, daemon=True).start()
    settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = KEY, relay.url
    refund._client.cache_clear()
    yield LocalStripe(localstripe, relay)
    relay.stop()
    refund._client.cache_clear()


@pytest.fixture
def payment(provider: LocalStripe) -> str:
    return provider.pay(10_000)


@pytest.fixture
def approved(cast, provider, payment):
    return cast.approve(cast.ask(payload={"payment": payment, "amount": 8800}))


def test_it_is_hostile_the_same_call_with_the_same_key_makes_two_refunds(provider, payment):
    for _ in range(2):
        provider.client.v1.refunds.create(
            {"payment_intent": payment, "amount": 100}, {"idempotency_key": "one-key"}
        )
    assert len(provider.refunds(payment)) == 2


def test_three_wake_ups_make_one_refund(provider, cast, payment, approved):
    """T2.1"""
    assert [cast.run(approved) for _ in range(3)] == ["done", "nothing", "nothing"]
    [made] = provider.refunds(payment)
    assert cast.get(approved.ref).effect.provider_reference == made.id
    assert (made.amount, made.metadata["approval_queue_ref"]) == (8800, approved.ref)
    assert_explained()


def test_a_worker_killed_after_sending_leaves_one_refund(
    provider, cast, payment, approved, committed_db
):
    """T2.3: kill -9 between the effect and its answer."""
    provider.relay.keeps_answers = True
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.one_run", str(approved.pk)],
        cwd=django_settings.BASE_DIR,
        env={
            **environment(provider, committed_db),
            "STRIPE_API_KEY": KEY,
            "STRIPE_API_BASE": provider.relay.url,
        },
        stdout=subprocess.PIPE,
    )
    assert provider.relay.kept.wait(60)
    process.kill()
    process.wait()
    process.stdout.close()
    provider.relay.keeps_answers = False
    [made] = provider.refunds(payment)
    assert cast.get(approved.ref).state == State.EXECUTING
    assert settle_down(cast, approved, start=LONG_DEAD) == State.DONE
    assert [one.id for one in provider.refunds(payment)] == [made.id]
    assert cast.get(approved.ref).effect.provider_reference == made.id
    assert Attempt.objects.filter(cause="worker-died").count() == 1
    assert_explained()


def test_an_answer_that_was_lost_is_found_not_repeated(provider, cast, payment, approved, settings):
    """T2.2"""
    settings.STRIPE_TIMEOUT_S = 1
    provider.relay.keeps_answers = True
    assert cast.run(approved) == "in doubt"
    provider.relay.keeps_answers = False
    assert settle_down(cast, approved) == State.DONE
    assert len(provider.refunds(payment)) == 1


def test_a_request_that_was_lost_is_sent_again_after_asking(provider, cast, payment, approved):
    provider.relay.keeps_requests = True
    assert cast.run(approved) == "in doubt"
    provider.relay.keeps_requests = False
    assert provider.refunds(payment) == []
    assert settle_down(cast, approved) == State.DONE
    assert len(provider.refunds(payment)) == 1
    assert_explained()


def test_a_refund_that_was_doubled_behind_our_back_is_not_hidden(
    provider, cast, payment, approved, settings
):
    """Somebody repeats our call: money moved twice, and nobody is told that all is well."""
    settings.STRIPE_TIMEOUT_S = 1
    provider.relay.keeps_answers = True
    assert cast.run(approved) == "in doubt"
    provider.relay.keeps_answers = False
    [made] = provider.refunds(payment)
    provider.client.v1.refunds.create(
        {
            "payment_intent": payment,
            "amount": 8800,
            "metadata": {"approval_queue_effect_id": Effect.objects.get(item=approved).key},
        }
    )
    cast.run(approved, at=cast.now + timedelta(minutes=5))
    assert cast.get(approved.ref).state != State.DONE
    question = Attempt.objects.order_by("-number").first()
    assert question.cause == "found-twice"
    assert made.id in question.evidence


def test_a_reason_that_it_does_not_take_is_a_clear_refusal(provider, cast, payment):
    """It knows no `reason`; where we have one that Stripe knows it is sent, and refused for good."""
    item = cast.approve(
        cast.ask(payload={"payment": payment, "amount": 8800, "reason_code": "duplicate"})
    )
    assert cast.run(item) == "needs a person"
    assert cast.get(item.ref).cause == "refused-by-provider"
    assert provider.refunds(payment) == []
