"""Who and what the tests of rights are about."""

import pytest
from django.test import Client

from accounts.models import Team, User
from approvals.models import Queue
from tests.conftest import PASSWORD


@pytest.fixture
def as_(cast):
    def client(user: User, *, confirmed: bool = False) -> Client:
        found = Client()
        found.force_login(user)
        if confirmed:
            answer = found.post("/accounts/reauthenticate/", {"password": PASSWORD})
            assert answer.status_code == 302
        return found

    return client


@pytest.fixture
def other(cast) -> User:
    return User.objects.get(email="admin2@demo.test")


@pytest.fixture
def support(cast) -> Team:
    return Team.objects.get(name="Support")


@pytest.fixture
def finance(cast) -> Team:
    return Team.objects.get(name="Finance")


@pytest.fixture
def queue(cast) -> Queue:
    return Queue.objects.get(slug="refunds")
