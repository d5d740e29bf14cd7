"""Signed-in clients of the cast; it is 09:15 UTC."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from approvals.kinds.base import Fact
from approvals.kinds.refund import Refund
from tests.conftest import PASSWORD


@pytest.fixture(autouse=True)
def fixed_time(monkeypatch, now) -> None:
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(minutes=3))


@pytest.fixture
def as_(cast):
    """A client that is signed in as this person of the cast; `confirmed`: a moment ago, by password."""

    def sign_in(who: str, *, confirmed: bool = False) -> Client:
        client = Client()
        client.force_login(getattr(cast, who))
        if confirmed:
            answer = client.post("/accounts/reauthenticate/", {"password": PASSWORD})
            assert answer.status_code == 302
        return client

    return sign_in


@pytest.fixture
def examined(monkeypatch) -> list:
    asked: list = []

    def examine_again(self, payload, key):
        asked.append(payload)
        return [Fact("Paid", "EUR 2,000.00")]

    monkeypatch.setattr(Refund, "examine_again", examine_again)
    return asked
