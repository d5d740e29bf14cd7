"""What leaves the house, and what never does."""

import json

import pytest

from approvals.commands.systems import hold_system
from tests.webhooks.common import follow, make
from webhooks import payload

pytestmark = pytest.mark.usefixtures("committed_db")
FIELDS = {
    "ref",
    "kind",
    "queue",
    "state",
    "revision",
    "version",
    "outcome",
    "stream",
    "seq",
    "hash",
    "actor_type",
    "request_id",
}


@pytest.fixture
def bodies(cast, now):
    """The bodies of everything that happens inside of `happen`."""
    endpoint, _ = make(cast)

    def of(happen) -> list[str]:
        happen()
        follow(now)
        return [delivery.body for delivery in endpoint.deliveries.order_by("pk")]

    return of


def test_it_is_thin_and_says_where_the_event_stands(cast, bodies):
    [body] = bodies(cast.ask)
    item, told = cast.get("RF-1001"), json.loads(body)
    assert set(told) == {"type", "timestamp", "data"}
    assert (told["type"], told["timestamp"]) == ("request.submit", "2026-11-24T09:12:00.000000Z")
    assert set(told["data"]) == FIELDS
    assert told["data"]["ref"] == item.ref
    assert (told["data"]["kind"], told["data"]["queue"]) == ("refund", "refunds")
    assert (told["data"]["state"], told["data"]["revision"]) == ("pending", 1)
    assert (told["data"]["stream"], told["data"]["seq"]) == (item.stream, 1)
    assert (told["data"]["actor_type"], len(told["data"]["hash"])) == ("person", 64)


def test_nobody_s_name_no_customer_no_reason_and_no_amount_is_in_it(cast, bodies):
    def happen() -> None:
        item = cast.ask(
            customer="Wilhelmina Oosterhout",
            ticket="ZD-777777",
            reason="A very private reason.",
            payload={"amount": 43_219},
        )
        cast.approve(item)

    text = " ".join(bodies(happen))
    item = cast.get("RF-1001")
    kept = [*item.payload.values(), item.customer, item.ticket, item.reason]
    names = [cast.requester.name, cast.approver.name, cast.approver.email]
    for secret in (*kept, *names):
        assert str(secret) not in text, secret


def test_it_stays_far_below_the_limit(cast, bodies):
    for body in bodies(lambda: cast.approve(cast.ask())):
        assert len(body.encode()) < 1000 < payload.LARGEST_BODY
        assert body.isascii()


def test_every_field_is_there_for_a_system_too(cast, bodies, now):
    [body] = bodies(
        lambda: hold_system(slug="stripe", by=cast.operator, at=now, key="K", reason="Secret plan.")
    )
    told = json.loads(body)
    assert (told["type"], told["data"]["ref"]) == ("system.hold", "stripe")
    assert set(told["data"]) == FIELDS
    assert (told["data"]["kind"], told["data"]["queue"]) == (None, None)
    assert "plan" not in body
