"""How long somebody stays signed in, and ending it from elsewhere."""

import re
import time

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import sessions
from accounts.browsers import browser_called
from accounts.models import User
from audit.models import Event
from tests.accounts.test_second_factor import _forget_used_codes, code_for, set_up, signed_in
from tests.conftest import PASSWORD

pytestmark = pytest.mark.usefixtures("db")

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/129.0.0.0 Safari/537.36"
)


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
    here, there = confirmed(cast.operator), signed_in(cast.operator)
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


def confirmed(user: User) -> Client:
    """A browser in which they have just confirmed that it is them."""
    client = signed_in(user)
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return client


def listed(client: Client) -> dict[str, UserSession]:
    """By what its button says: the others of whom this browser belongs to."""
    page = client.get("/accounts/sessions/").content.decode()
    sent_to = re.findall(r'action="(/me/sessions/(\d+)/end/)"', page)
    assert len(sent_to) == page.count(">End<")
    return {path: UserSession.objects.get(pk=number) for path, number in sent_to}


def said(answer) -> list[str]:
    return [message.message for message in answer.context["messages"]]


def test_one_of_ones_own_sessions_is_ended_and_the_others_go_on(cast):
    there, elsewhere = signed_in(cast.operator), signed_in(cast.operator)
    here = confirmed(cast.operator)
    for client in (here, there, elsewhere):
        client.get("/queue/", headers={"user-agent": CHROME})
    [path] = [
        path
        for path, session in listed(here).items()
        if session.session_key == there.session.session_key
    ]
    answer = here.post(path, follow=True)
    assert said(answer) == ["Chrome on Windows is signed out."]
    assert [client.get("/queue/").status_code for client in (here, there, elsewhere)] == [
        200,
        302,
        200,
    ]
    [event] = Event.objects.filter(action="person.end_sessions")
    assert event.facts == {"sessions": 1}
    assert said(here.post(path, follow=True)) == ["That session is not there any more."]
    assert Event.objects.filter(action="person.end_sessions").count() == 1


def test_ended_twice_at_once_it_is_ended_and_recorded_once(cast):
    signed_in(cast.operator)
    session = UserSession.objects.get(user=cast.operator)
    assert [sessions.end_one(session), sessions.end_one(session)] == [True, False]
    assert Event.objects.filter(action="person.end_sessions").count() == 1


def test_nobody_ends_a_session_of_somebody_else(cast):
    theirs, other = signed_in(cast.approver), confirmed(cast.operator)
    session = UserSession.objects.get(user=cast.approver)
    for number in (session.pk, 10**20):
        answer = other.post(f"/me/sessions/{number}/end/", follow=True)
        assert said(answer) == ["That session is not there any more."]
    assert theirs.get("/queue/").status_code == 200
    assert not Event.objects.filter(action="person.end_sessions").exists()


def test_ones_own_session_is_ended_by_signing_out(cast):
    client = confirmed(cast.operator)
    session = UserSession.objects.get(user=cast.operator)
    assert f"/me/sessions/{session.pk}/" not in client.get("/accounts/sessions/").content.decode()
    answer = client.post(f"/me/sessions/{session.pk}/end/")
    assert answer["Location"] == "/accounts/logout/"
    assert client.get("/queue/").status_code == 200


@pytest.mark.parametrize("path", ["/accounts/sessions/", "/me/sessions/{number}/end/"])
def test_ending_sessions_wants_to_know_that_it_is_them(cast, path):
    there, here = signed_in(cast.operator), signed_in(cast.operator)
    session = UserSession.objects.get(session_key=there.session.session_key)
    path = path.format(number=session.pk)
    answer = here.post(path)
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert there.get("/queue/").status_code == 200
    done = here.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": path}, follow=True)
    assert len(said(done)) == 1
    assert there.get("/queue/").status_code == 302


@pytest.mark.parametrize(
    ("user_agent", "called"),
    [
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/129.0.0.0", "Edge on Windows"),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0",
            "Firefox Mobile on Android",
        ),
        ("curl/8.1", "curl"),
        ("(compatible; Windows NT 10.0)", "Unknown browser on Windows"),
        ("", "Unknown browser"),
        ("\u202e(((\x00", "Unknown browser"),
    ],
)
def test_a_browser_is_called_what_people_call_it(user_agent, called):
    assert browser_called(user_agent) == called


def test_what_a_browser_says_of_itself_is_shown_as_text(cast):
    client = signed_in(cast.operator)
    client.get("/queue/")
    UserSession.objects.filter(user=cast.operator).update(user_agent="<b>Some\u202ebody</b>")
    assert "It calls itself &lt;b&gt;Somebody&lt;/b&gt;</p>" in (
        client.get("/accounts/sessions/").content.decode()
    )
