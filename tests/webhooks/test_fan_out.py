"""Never a gap and never twice: each endpoint is told every settled event that it takes."""

import threading

import pytest
from django.db import connections, transaction

from approvals.commands.systems import hold_system
from approvals.refusals import NotAllowed
from audit.feed import is_settled
from audit.models import Event
from tests.demo.conftest import until
from tests.webhooks.common import follow, make, pump
from webhooks import fan_out
from webhooks.commands import disable_endpoint, enable_endpoint
from webhooks.models import Delivery

pytestmark = pytest.mark.usefixtures("committed_db")


def told(endpoint) -> list[tuple[str, int]]:
    found = endpoint.deliveries.select_related("event").order_by("pk")
    return [(delivery.event.stream, delivery.event.seq) for delivery in found]


def happened() -> list[tuple[str, int]]:
    found = Event.objects.filter(stream__startswith="request/").order_by("xid", "pk")
    return list(found.values_list("stream", "seq"))


def test_every_event_of_a_request_becomes_one_delivery(cast, endpoint, now):
    cast.approve(cast.ask())
    assert follow(now) == [endpoint.pk]
    assert told(endpoint) == happened() != []
    assert follow(now) == []
    assert told(endpoint) == happened()


def test_a_new_endpoint_is_told_what_happens_from_then_on(cast, now):
    cast.ask()
    until(is_settled)  # a transaction of another test may be older and still open
    endpoint, _ = make(cast)
    follow(now)
    assert told(endpoint) == []
    item = cast.ask()
    follow(now)
    assert told(endpoint) == [(item.stream, 1)]


def test_sign_ins_refused_attempts_and_management_stay_in_the_house(cast, endpoint, client, now):
    item = cast.ask()
    client.force_login(cast.requester)
    with pytest.raises(NotAllowed):
        cast.approve(item, by=cast.requester)
    make(cast, name="Other")
    assert Event.objects.filter(outcome="denied").exists()
    follow(now)
    assert told(endpoint) == [(item.stream, 1)]


def test_an_endpoint_may_take_only_some_types(cast, receiver, now):
    endpoint, _ = make(cast, url=receiver.url, actions=["request.approve"])
    cast.approve(cast.ask())
    follow(now)
    assert {delivery.event.action for delivery in endpoint.deliveries.all()} == {"request.approve"}


def test_an_endpoint_may_take_only_some_queues(cast, receiver, now):
    endpoint, _ = make(cast, url=receiver.url, queues=["account-changes"])
    cast.ask()
    change = cast.ask_for_account_change()
    hold_system(slug="stripe", by=cast.operator, at=now, key="K", reason="Maintenance.")
    follow(now)
    assert told(endpoint) == [(change.stream, 1), ("system/stripe", 1)]


def test_a_batch_that_dies_in_the_middle_is_done_again_whole(cast, endpoint, now):
    cast.ask()

    def die(endpoint_id: int) -> None:
        assert Delivery.objects.exists()
        raise RuntimeError("killed")

    until(is_settled)
    with pytest.raises(RuntimeError):
        fan_out.run(at=now, wake=die)
    assert told(endpoint) == []
    follow(now)
    assert told(endpoint) == happened()


def test_two_at_once_tell_nothing_twice(cast, endpoint, now):
    for _ in range(5):
        cast.ask()
    until(is_settled)
    is_inside, may_go_on = threading.Event(), threading.Event()

    def wait(endpoint_id: int) -> None:
        is_inside.set()
        assert may_go_on.wait(20)

    def first() -> None:
        fan_out.run(at=now, wake=wait)
        connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    assert is_inside.wait(20)
    assert follow(now) == []
    may_go_on.set()
    thread.join(20)
    follow(now)
    assert told(endpoint) == happened()


def test_a_slow_transaction_is_waited_for(cast, endpoint, now):
    """Its events have lower numbers than those that are told before it ends."""
    is_written, may_commit = threading.Event(), threading.Event()

    def slowly() -> None:
        with transaction.atomic():
            cast.ask()
            is_written.set()
            assert may_commit.wait(20)
        connections.close_all()

    thread = threading.Thread(target=slowly)
    thread.start()
    assert is_written.wait(20)
    cast.ask_for_account_change()
    follow(now, settled=False)
    may_commit.set()
    thread.join(20)
    follow(now)
    assert sorted(told(endpoint)) == sorted(happened())
    assert len(happened()) == 2


def test_what_is_far_behind_comes_in_batches(cast, endpoint, now, monkeypatch):
    monkeypatch.setattr(fan_out, "AT_ONCE", 2)
    for _ in range(5):
        cast.ask()
    follow(now)
    assert told(endpoint) == happened()
    assert len(happened()) == 5


def test_a_disabled_endpoint_keeps_its_place(cast, endpoint, receiver, clock, now):
    said = {"endpoint_id": endpoint.pk, "by": cast.admin, "at": now}
    disable_endpoint(**said, key="K1", reason="It moves.")
    item = cast.ask()
    assert follow(now) == []
    enable_endpoint(**said, key="K2")
    follow(now)
    assert told(endpoint) == [(item.stream, 1)]
    assert pump(endpoint, clock) == 1
    assert len(receiver.heard) == 1
