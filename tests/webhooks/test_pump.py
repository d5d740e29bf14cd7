"""AC57: each endpoint has a pump of its own, so that a slow receiver holds up nobody."""

import threading

import pytest
from django.db import connections

from tests.webhooks.common import follow, make, pump
from webhooks import sending
from webhooks.models import Delivery

pytestmark = pytest.mark.usefixtures("committed_db")


def test_one_slow_receiver_takes_one_slot_and_holds_up_nobody(cast, receiver, clock, monkeypatch):
    slow, _ = make(cast, url=receiver.url, name="Slow")
    other, _ = make(cast, url=receiver.url, name="Other")
    cast.ask()
    follow(clock.now)
    is_called, may_answer = threading.Event(), threading.Event()
    real = sending.call

    def call(*place: object, **said: object) -> object:
        if threading.current_thread() is not threading.main_thread():
            is_called.set()
            assert may_answer.wait(20)
        return real(*place, **said)

    monkeypatch.setattr(sending, "call", call)

    def send_slowly() -> None:
        pump(slow, clock)
        connections.close_all()

    thread = threading.Thread(target=send_slowly)
    thread.start()
    assert is_called.wait(20)
    assert pump(slow, clock) == 0
    assert pump(other, clock) == 1
    may_answer.set()
    thread.join(20)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
