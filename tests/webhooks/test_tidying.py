"""What is forgotten, and what is not."""

from datetime import timedelta

import pytest

from tests.webhooks.common import pump, test_event
from webhooks import commands, tidying
from webhooks.models import Delivery, DeliveryAttempt

pytestmark = pytest.mark.usefixtures("db")


def test_what_arrived_a_month_ago_is_removed_in_batches(cast, endpoint, clock, receiver):
    for _ in range(5):
        test_event(cast, endpoint)
    pump(endpoint, clock)
    test_event(cast, endpoint)
    receiver.replies = [500]
    pump(endpoint, clock)
    almost, later = clock.now + timedelta(days=29), clock.now + timedelta(days=30)
    assert tidying.forget_old(at=almost) == 0
    assert tidying.forget_old(at=later, at_once=2) == 5
    assert Delivery.objects.get().state == "waiting"
    assert DeliveryAttempt.objects.count() == 1


def test_an_old_secret_is_forgotten_after_its_overlap(cast, endpoint, clock):
    commands.rotate_secret(endpoint_id=endpoint.pk, by=cast.admin, at=clock.now, key="K")
    assert tidying.forget_old_secrets(at=clock.now + timedelta(hours=23)) == 0
    assert tidying.forget_old_secrets(at=clock.now + timedelta(hours=24)) == 1
    endpoint.refresh_from_db()
    assert (endpoint.old_secret, endpoint.old_secret_until) == ("", None)
