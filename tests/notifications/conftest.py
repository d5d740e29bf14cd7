"""The provider that answers what a test says."""

from tests.approvals.conftest import provider  # noqa: F401 - a fixture
