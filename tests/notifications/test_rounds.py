"""What no event says: stuck requests, causes that grow, mornings."""

from datetime import timedelta

import pytest

from approvals.commands import operate
from approvals.commands.watch import watch_cause
from approvals.models import ApprovalRequest, State
from notifications import digest, rounds
from notifications.models import Letter, Notice, Topic
from tests.approvals.test_breaker import FAILED  # noqa: F401 - shows where answers are made
from tests.notifications.common import prefer, told

pytestmark = pytest.mark.django_db
