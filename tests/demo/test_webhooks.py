"""The simulator's webhooks, as a receiver sees them: the real verifier, real HTTP."""

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import stripe

from .conftest import Simulator, Start, run_refused, until
from .test_simulator import refund

SECRET = "whsec_" + "s" * 32


@dataclass
class Receiver:
    """Keeps every delivery; answers with the next of `statuses`, then 200."""

    statuses: list[int] = field(default_factory=list)
    deliveries: list[tuple[bytes, str]] = field(default_factory=list)
    url: str = ""

    @property
    def events(self) -> list[stripe.Event]:
        return [
            stripe.Webhook.construct_event(body, signature, SECRET)
            for body, signature in self.deliveries
        ]

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def statuses_of(self, kind: str) -> set[str]:
        return {event.data.object.status for event in self.events if event.type == kind}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.deliveries.append((body, self.headers["Stripe-Signature"]))
            self.send_response(kept.statuses.pop(0) if kept.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_port}/hooks/stripe/"
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture
def telling(start: Start, receiver: Receiver):
    def begin(*options: str) -> Simulator:
        return start("--webhook", receiver.url, "--webhook-secret", SECRET, *options)

    return begin


def test_a_refund_is_told_in_stripes_form(telling, receiver):
    made = refund(telling())
    until(lambda: len(receiver.deliveries) == 2)
    assert sorted(receiver.types) == ["refund.created", "refund.updated"]
    told = receiver.events[0]
    assert told.data.object.id == made.id
    assert told.data.object.metadata["approval_queue_effect_id"] == "eff_1"
    assert told.request.idempotency_key == "key-1"


def test_what_was_not_heard_is_told_again_with_the_same_id(telling, receiver):
    receiver.statuses = [500, 404]
    refund(telling())
    until(lambda: len(receiver.deliveries) == 4)
    assert len({event.id for event in receiver.events}) == 2


def test_a_duplicated_webhook_has_one_id(telling, receiver):
    refund(telling("--fault", "duplicate_webhook=1"))
    until(lambda: len(receiver.deliveries) >= 4)
    ids = [event.id for event in receiver.events]
    assert len(set(ids)) == 2
    assert len(ids) <= 6


def test_a_refund_that_fails_later_is_told(telling, receiver):
    simulator = telling("--fault", "fail_later=1", "--fail-later-seconds", "0.3")
    assert refund(simulator).status == "succeeded"
    until(lambda: "refund.failed" in receiver.types)
    assert receiver.statuses_of("refund.created") == {"succeeded"}
    assert receiver.statuses_of("refund.failed") == {"failed"}


@pytest.mark.parametrize("status", ["pending", "requires_action"])
def test_a_refund_that_is_not_finished_succeeds_later(telling, receiver, status):
    simulator = telling("--fault", f"{status}=1", "--pending-seconds", "0.3")
    made = refund(simulator)
    assert made.status == status
    until(lambda: simulator.stripe.v1.refunds.retrieve(made.id).status == "succeeded")
    until(lambda: "succeeded" in receiver.statuses_of("refund.updated"))
    assert receiver.statuses_of("refund.created") == {status}


def test_nobody_who_hears_does_not_hold_up_the_answer(start):
    simulator = start("--webhook", "http://127.0.0.1:9/", "--webhook-secret", SECRET)
    assert [refund(simulator, key=f"k{n}").status for n in range(5)] == ["succeeded"] * 5


def test_what_is_to_come_is_told_after_a_restart(telling, receiver):
    before = telling("--fault", "fail_later=1", "--fail-later-seconds", "6")
    made = refund(before)
    before.kill()
    telling()
    until(lambda: "refund.failed" in receiver.types)
    [failed] = [event for event in receiver.events if event.type == "refund.failed"]
    assert (failed.data.object.id, failed.data.object.status) == (made.id, "failed")


def test_a_replayed_answer_is_not_told_again(telling, receiver):
    simulator = telling()
    refund(simulator)
    refund(simulator)
    refund(simulator, key="key-2", metadata={"approval_queue_effect_id": "eff_2"})
    until(lambda: len(receiver.deliveries) == 4)
    marks = [json.loads(body)["data"]["object"]["metadata"] for body, _ in receiver.deliveries]
    assert (
        sorted(mark["approval_queue_effect_id"] for mark in marks) == ["eff_1"] * 2 + ["eff_2"] * 2
    )


@pytest.mark.parametrize(
    "options",
    [
        ["--webhook", "http://127.0.0.1/"],
        ["--webhook-secret", SECRET],
        ["--webhook", "ftp://x/", "--webhook-secret", SECRET],
        ["--webhook", "/hooks/", "--webhook-secret", SECRET],
    ],
)
def test_half_an_endpoint_ends_with_a_sentence(tmp_path, options):
    ended = run_refused("--port", "0", "--ledger", str(tmp_path / "ledger.sqlite3"), *options)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
