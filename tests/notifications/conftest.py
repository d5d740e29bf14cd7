"""The provider that answers what a test says."""

import pytest

from tests.approvals.conftest import provider  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def sends_mail(settings):
    settings.SENDS_MAIL = True
