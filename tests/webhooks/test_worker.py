"""A real worker: webhooks leave beside the effects, in slots of their own, and end in order."""

import signal
import threading

import pytest
from django.utils import timezone
from procrastinate.contrib.django import app

from approvals.management.commands.worker import _parts
from tests.crash.common import is_done
from tests.demo.conftest import until
from tests.webhooks.common import make, test_event
from webhooks.models import Delivery, DeliveryAttempt


def test_every_queue_belongs_to_one_part_of_the_worker():
    parts = list(_parts(app, "worker", 8))
    queues = [queue for _, queues, _ in parts for queue in queues]
    systems = ["effects-account-service", "effects-stripe"]
    assert sorted(queues) == sorted({task.queue for task in app.tasks.values()} | {*systems})
    assert parts[1:] == [
        ("worker-effects-account-service", ["effects-account-service"], 8),
        ("worker-effects-stripe", ["effects-stripe"], 8),
        ("worker-webhooks", ["webhooks"], 4),
        ("worker-mail", ["mail"], 1),
        ("worker-verification", ["verification"], 1),
    ]
    assert "effects" in parts[0][1]


@pytest.mark.usefixtures("committed_db")
def test_receivers_that_hang_take_no_slot_of_an_effect(
    cast,
    receiver,
    start_worker,
    monkeypatch,
):
    monkeypatch.setenv("WEBHOOK_TEST_ADDRESSES", receiver.place)
    cast.now = timezone.now()
    may_answer = threading.Event()
    receiver.before = lambda: may_answer.wait(60)
    for number in range(6):
        endpoint, _ = make(cast, url=receiver.url, name=f"Slow {number}")
        test_event(cast, endpoint)
    worker = start_worker()
    until(lambda: DeliveryAttempt.objects.filter(finished_at=None).count() == 4)
    item = cast.approve(cast.ask())
    until(lambda: is_done(cast, item))
    assert not Delivery.objects.exclude(state="waiting").exists()
    may_answer.set()
    about_it = Delivery.objects.filter(event__target_id=item.ref, state="delivered")
    until(lambda: about_it.count() == 6 * 4)  # asked, approved, started, done
    until(lambda: not Delivery.objects.exclude(state="delivered").exists())
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=60) == 0
