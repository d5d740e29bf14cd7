"""The gift cards' desk and service, for the tests that run where the package is installed."""

from pathlib import Path

import pytest
from django.core.management import call_command

from accounts import grants
from accounts.models import Team
from approvals.models import ApprovalRequest, Policy, Queue
from tests.approvals.api.conftest import calls
from tests.approvals.pages.common import hidden
from tests.approvals.pages.conftest import as_, fixed_time
from tests.fourth_kind.service import SECRET, GiftCardService

__all__ = ["as_", "calls", "fixed_time"]  # fixtures

POLICY = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-kind" / "gift-cards.toml"
RIGHTS = {
    "Support": ("view_queue", "submit_request", "answer_request"),
    "Finance": ("view_queue", "decide_request"),
    "Operations": ("view_queue", "operate_request"),
}
FORM = {
    "order": "O-7",
    "recipient": "ann@example.test",
    "amount": "25.00",
    "currency": "EUR",
    "customer": "A. Silva",
    "ticket": "ZD-7",
    "reason": "Parcel was late.",
    "idempotency_key": "K",
}


@pytest.fixture
def service(monkeypatch):
    service = GiftCardService()
    monkeypatch.setenv("GIFT_CARD_URL", service.url)
    monkeypatch.setenv("GIFT_CARD_SECRET", SECRET)
    monkeypatch.setenv("GIFT_CARD_TIMEOUT_S", "0.5")
    yield service
    service.stop()


@pytest.fixture
def desk(cast):
    """The queue and its rule, as the page says they are set up."""
    call_command("load_policy", str(POLICY), verbosity=0)
    queue = Queue.objects.create(
        slug="gift-cards",
        name="Gift cards",
        kinds=["gift_card"],
        policy=Policy.objects.get(slug="gift-cards"),
    )
    for team, rights in RIGHTS.items():
        for right in rights:
            grants.give(right, to=Team.objects.get(name=team), on=queue)
    return queue


@pytest.fixture
def item(desk, service, as_):
    """Asked for on the page."""
    client = as_("requester")
    page = client.post("/requests/new/gift_card/", FORM)
    client.post("/requests/new/gift_card/check/", {name: hidden(page, name) for name in FORM})
    return ApprovalRequest.objects.get(kind="gift_card")
