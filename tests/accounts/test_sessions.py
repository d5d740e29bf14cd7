"""How long somebody stays signed in, and ending it from elsewhere."""

import time

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import sessions
from accounts.models import User
from audit.models import Event
from tests.accounts.test_second_factor import _forget_used_codes, code_for, set_up, signed_in
from tests.conftest import PASSWORD

pytestmark = pytest.mark.usefixtures("db")


def moved_back(client: Client, **seconds: float) -> None:
    session = client.session
    for name, back in seconds.items():
        session[name] = time.time() - back
    session.save()


@pytest.mark.parametrize(
    ("back", "is_over"),
    [
        ({"seen_at": 3590}, False),
        ({"seen_at": 3610}, True),
        ({"began_at": 12 * 3600 - 10, "seen_at": 10}, False),
        ({"began_at": 12 * 3600 + 10, "seen_at": 10}, True),
    ],
)
def test_it_ends_after_an_hour_without_use_and_after_twelve_anyway(cast, back, is_over):
    client = signed_in(cast.operator)
    assert client.get("/queue/").status_code == 200
    moved_back(client, **back)
    answer = client.get("/queue/")
    assert answer.status_code == (302 if is_over else 200)
    if is_over:
        assert answer["Location"].startswith("/accounts/login/")


def test_being_used_is_written_once_in_five_minutes(cast, django_assert_num_queries):
    client = signed_in(cast.operator)
    client.get("/queue/")
    before = client.session["seen_at"]
    client.get("/queue/")
    assert client.session["seen_at"] == before
    moved_back(client, seen_at=sessions.TOUCH.total_seconds() + 1)
    client.get("/queue/")
    assert client.session["seen_at"] >= before


def test_others_of_ones_own_sessions_are_seen_and_ended(cast):
    here, there = signed_in(cast.operator), signed_in(cast.operator)
    for client in (here, there):
        assert client.get("/queue/").status_code == 200
    assert here.get("/accounts/sessions/").content.decode().count('<li class="card">') == 2
    assert here.post("/accounts/sessions/").status_code == 302
    assert here.get("/queue/").status_code == 200
    assert there.get("/queue/").status_code == 302
    [event] = Event.objects.filter(action="person.end_sessions")
    assert event.facts == {"sessions": 1}


def test_a_closed_account_is_signed_out_with_the_next_request(cast):
    client = signed_in(cast.operator)
    User.objects.filter(pk=cast.operator.pk).update(is_active=False)
    assert client.get("/queue/").status_code == 302


def test_a_changed_password_ends_the_others(cast):
    here, there = signed_in(cast.operator), signed_in(cast.operator)
    new = "another long enough secret"
    said = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert here.post("/accounts/password/change/", said).status_code == 302
    assert here.get("/queue/").status_code == 200
    assert there.get("/queue/").status_code == 302


def test_all_of_somebodys_sessions_can_be_ended(cast):
    clients = [signed_in(cast.operator) for _ in range(3)]
    for client in clients:
        client.get("/queue/")
    assert sessions.end_all(cast.operator) == 3
    assert not UserSession.objects.filter(user=cast.operator).exists()
    assert [client.get("/queue/").status_code for client in clients] == [302] * 3


def test_confirming_that_it_is_them_gives_the_session_a_new_key_and_keeps_what_is_in_it(cast):
    client = signed_in(cast.operator)
    client.get("/queue/")
    old = client.session.session_key
    session = client.session
    session["open"] = "kept"
    session.save()
    client.post("/accounts/reauthenticate/", {"password": "wrong wrong wrong"})
    assert client.session.session_key == old
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    new = client.session.session_key
    assert new != old
    assert client.session["open"] == "kept"
    assert client.get("/queue/").status_code == 200
    assert client.session.session_key == new
    assert [one.session_key for one in UserSession.objects.filter(user=cast.operator)] == [new]
    thief = Client()
    thief.cookies["aq_session"] = old
    assert thief.get("/queue/").status_code == 302


def test_confirming_with_the_second_factor_gives_a_new_key_too(cast):
    client = signed_in(cast.operator)
    secret = set_up(client)
    client.get("/queue/")
    old = client.session.session_key
    _forget_used_codes()
    client.post("/accounts/2fa/reauthenticate/", {"code": code_for(secret)})
    assert client.session.session_key != old
    assert client.get("/queue/").status_code == 200


def test_a_session_is_written_before_the_command_and_not_after_it(cast):
    """Written after it, a connection that is lost in between makes a refusal of what is recorded."""
    item, client = cast.ask(), signed_in(cast.operator)
    with CaptureQueriesContext(connection) as seen:
        answer = client.post(f"/requests/{item.ref}/claim/", {"idempotency_key": cast.key()})
    assert answer.status_code == 302
    said = [query["sql"] for query in seen.captured_queries]
    written = [n for n, sql in enumerate(said) if sql.startswith('UPDATE "django_session"')]
    [claimed] = [n for n, sql in enumerate(said) if "INSERT INTO approvals_idempotency" in sql]
    assert written
    assert max(written) < claimed


def test_a_database_that_is_lost_while_the_session_is_written_is_no_ended_session(
    cast, monkeypatch
):
    client = signed_in(cast.operator)

    def lost(self, *arguments: object, **options: object) -> None:
        try:
            raise OperationalError("the connection is lost")
        except OperationalError:
            raise UpdateError  # noqa: B904 - as Django's own does

    monkeypatch.setattr(SessionStore, "save", lost)
    with pytest.raises(OperationalError):
        client.get("/queue/")


def test_a_session_that_was_ended_meanwhile_does_nothing(cast, monkeypatch):
    item, client = cast.ask(), signed_in(cast.operator)

    def ended(self, *arguments: object, **options: object) -> None:
        raise UpdateError

    monkeypatch.setattr(SessionStore, "save", ended)
    answer = client.post(f"/requests/{item.ref}/claim/", {"idempotency_key": cast.key()})
    assert answer.status_code == 400
    assert cast.get(item.ref).owner is None
