"""Before the disk is full: the application's login may only read, and people still see everything."""

import time
import uuid

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts import sessions, tokens
from approvals.models import State
from tests import postgres

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("committed_db")]


@pytest.fixture
def only_reads(committed_db):
    """As docs/operations.md says, for new connections."""
    user = settings.DATABASES["default"]["USER"]
    where = f"ALTER ROLE {user} IN DATABASE {committed_db}"

    def begin() -> None:
        with postgres.admin() as connection:
            connection.execute(f"{where} SET default_transaction_read_only = on")
        connections.close_all()

    yield begin
    with postgres.admin() as connection:
        connection.execute(f"{where} RESET default_transaction_read_only")


def test_pages_are_read_and_commands_say_that_nothing_was_recorded(cast, only_reads):
    item = cast.ask()
    client = Client(raise_request_exception=False)
    client.force_login(cast.approver)
    assert client.get("/queue/").status_code == 200
    session = client.session
    session[sessions.SEEN] = time.time() - sessions.TOUCH.total_seconds() - 1
    session.save()
    only_reads()
    for path in ("/queue/", "/decisions/", f"/requests/{item.ref}/"):
        assert client.get(path).status_code == 200, path
    form = {"revision": "1", "step": "1", "reason": "", "idempotency_key": str(uuid.uuid4())}
    answer = client.post(f"/requests/{item.ref}/approve/", form)
    assert answer.status_code == 503
    item.refresh_from_db()
    assert item.state == State.PENDING


def test_the_api_says_that_nothing_was_recorded(cast, only_reads):
    """All of it: what a program may ask is counted in the database."""
    item = cast.ask()
    at = timezone.now()
    secret = tokens.make(
        cast.approver, name="test", scopes=["read", "decide"], days=30, at=at
    ).secret
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {secret}"})
    where = f"/api/v1/requests/{item.ref}"
    only_reads()
    answers = [
        client.get(where),
        client.post(
            f"{where}/approve",
            {"revision": 1, "step": 1},
            content_type="application/json",
            headers={"Idempotency-Key": "k-1"},
        ),
    ]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert answer.json()["type"].endswith("unavailable")
        assert answer.json()["detail"].endswith("Nothing was recorded.")
