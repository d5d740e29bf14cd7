"""The provider as a process of its own, the product pointed at it, and real workers."""

import subprocess
import sys

import pytest
from django.conf import settings as django_settings

from approvals.kinds import refund
from tests.crash.common import environment
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


@pytest.fixture
def start_worker(provider, committed_db):
    started = []

    def begin() -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=django_settings.BASE_DIR,
            env={**environment(provider, committed_db), "DEMO_SPEED": "50"},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
