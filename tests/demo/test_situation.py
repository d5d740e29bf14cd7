"""The 09:12 situation, made by the product's own commands against the simulator."""

from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from accounts.models import User
from approvals.kinds import refund
from approvals.models import ApprovalRequest, State
from audit.models import Event
from auditing.models import VerificationRun
from demo.situation import DURATIONS, FAULTS, LIMITED, Situation
from demo.webhooks import NOWHERE
from handoffs.models import Handoff
from notifications.models import Notice
from tests.auditing.test_catalogue import check_recorded
from tests.demo import pages
from webhooks.models import Delivery, Endpoint


@pytest.mark.usefixtures("committed_db")
def test_it_is_the_same_at_any_speed(start, settings):
    provider = start(*(f"--fault={fault}" for fault in FAULTS), *DURATIONS)
    settings.STRIPE_API_KEY, settings.ACCOUNT_SERVICE_SECRET = "sk_test_demo", "secret"
    settings.STRIPE_API_BASE = settings.ACCOUNT_SERVICE_URL = provider.url
    settings.WAITING_IS_DIVIDED_BY = 50
    settings.WEBHOOK_TEST_ADDRESSES = [urlsplit(provider.url).netloc, NOWHERE]
    refund._client.cache_clear()
    Situation({user.email: user for user in User.objects.all()}, timezone.now()).happen()
    refund._client.cache_clear()
    retrying = ApprovalRequest.objects.filter(state=State.RETRYING)
    assert {item.payload["account"] for item in retrying} == set(LIMITED)
    assert settings.WAITING_IS_DIVIDED_BY == 50
    failed = Delivery.objects.get(state="failed")
    assert (failed.event.action, failed.tries, failed.last_cause) == (
        "request.expire",
        10,
        "not-reached",
    )
    assert Endpoint.objects.filter(disabled_at=None, failures=0).count() == 2
    lead = User.objects.get(email="ops@demo.test")
    assert {"mine", "mentions", "watched"} <= set(
        Notice.objects.filter(user=lead).values_list("topic", flat=True)
    )
    assert_two_handoffs()
    assert_the_record_was_read_and_checked()
    check_recorded()
    for role in ("ops", "finance1", "support", "auditor", "admin"):
        assert pages.too_many(f"{role}@demo.test") == {}


def assert_the_record_was_read_and_checked() -> None:
    """By the auditor, at nine, with its result."""
    run = VerificationRun.objects.get()
    assert (run.asked_by.email, run.is_intact) == ("auditor@demo.test", True)
    assert run.result["events"] > 100
    assert Event.objects.filter(action="audit.read").count() == 2


def assert_two_handoffs() -> None:
    """The night's waits for the lead, who accepted one request; yesterday's is done."""
    night = Handoff.objects.get(receiver__email="ops@demo.test")
    answered = night.lines.exclude(answer="")
    assert (night.state, night.late_at) == ("sent", None)
    assert night.sent_at < timezone.now() < night.due_at
    assert {line.section for line in night.lines.all()} == {"risky", "people", "held"}
    assert [line.item.owner.email for line in answered] == ["ops@demo.test"]
    assert night.nones == ["retrying"]
    yesterday = Handoff.objects.get(state="done")
    assert yesterday.lines.get().item.state == State.DONE
