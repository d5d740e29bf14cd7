"""Signed-in clients of the cast at 09:15 UTC, and people with a part of the rights."""

import pytest
from django.test import Client

from accounts import grants
from accounts.models import User
from approvals.models import Queue
from tests.approvals.conftest import provider  # noqa: F401 - a fixture
from tests.approvals.pages.conftest import as_, fixed_time  # noqa: F401 - fixtures


def _with(rights: str, queue: str, email: str) -> User:
    user, _ = User.objects.get_or_create(email=email, name=email.partition("@")[0].capitalize())
    for right in rights.split():
        grants.give(right, to=user, on=Queue.objects.get(slug=queue))
    return user


@pytest.fixture
def audits_refunds(cast) -> User:
    """Audits one of the two queues."""
    return _with("audit_queue", "refunds", "partial@demo.test")


@pytest.fixture
def sees_refunds(cast) -> User:
    """Sees one of the two queues, and audits none."""
    return _with("view_queue", "refunds", "viewer@demo.test")


@pytest.fixture
def client_of():
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in
