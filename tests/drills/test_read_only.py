"""Before the disk is full: the application's login may only read, and people still see everything."""

import time
import uuid

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from accounts import sessions
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
