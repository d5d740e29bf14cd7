"""The provider as a process of its own, and the product pointed at it."""

import pytest

from approvals.kinds import refund
from tests.demo.conftest import Simulator, simulator, start  # noqa: F401 - fixtures


@pytest.fixture
def provider(simulator: Simulator, settings) -> Simulator:  # noqa: F811
    settings.STRIPE_API_KEY = "sk_test_crash"
    settings.STRIPE_API_BASE = settings.ACCOUNT_SERVICE_URL = simulator.url
    settings.ACCOUNT_SERVICE_SECRET = "secret"
    settings.STRIPE_TIMEOUT_S = settings.ACCOUNT_SERVICE_TIMEOUT_S = 0.5
    refund._client.cache_clear()
    yield simulator
    refund._client.cache_clear()
