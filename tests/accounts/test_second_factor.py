"""A second factor: set up, asked for, demanded by a team, lost; and each of it recorded."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from django.test import Client

from accounts.models import Team, User
from audit.models import Event, Outcome
from tests.conftest import PASSWORD

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def sends_mail(settings):
    settings.SENDS_MAIL = True


def signed_in(user: User) -> Client:
    client = Client()
    answer = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert answer.status_code == 302, answer.content.decode()
    return client


def code_for(secret: str) -> str:
    counter = int(time.time()) // 30
    return auth.format_hotp_value(auth.hotp_value(secret, counter))


def set_up(client: Client) -> str:
    """Set up the app as a person does; its secret."""
    assert "/accounts/reauthenticate/" in client.get("/accounts/2fa/totp/activate/")["Location"]
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.search(r"<code>([A-Z2-7]+)</code>", page)[1]
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code_for(secret)})
    assert answer.status_code == 302, answer.content.decode()
    return secret


def told(user: User) -> list[str]:
    events = Event.objects.filter(stream=f"person/{user.person_key}").order_by("seq")
    return [
        event.action if event.outcome == Outcome.SUCCESS else f"{event.action} refused"
        for event in events
    ]


def test_it_is_set_up_and_then_asked_for(cast):
    user = cast.approver
    secret = set_up(signed_in(user))
    Authenticator.objects.filter(user=user, type="totp").update(last_used_at=None)
    client = Client()
    answer = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert client.get("/decisions/")["Location"].startswith("/accounts/login/")
    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200
    assert "You are not signed in yet." in wrong.content.decode()
    _forget_used_codes()
    assert client.post("/accounts/2fa/authenticate/", {"code": code_for(secret)}).status_code == 302
    assert client.get("/decisions/").status_code == 200
    assert told(user) == [
        "person.sign_in",
        "person.add_factor",
        "person.make_codes",
        "person.second_factor refused",
        "person.sign_in",
    ]
    last = Event.objects.filter(action="person.sign_in").order_by("-id").first()
    assert last.facts["how"] == "password, totp"


def _forget_used_codes() -> None:
    """The app's code of these 30 seconds was used to set it up; time does not pass in tests."""
    from django.core.cache import cache

    cache.clear()


def test_a_code_works_once(cast):
    user = cast.approver
    secret = set_up(signed_in(user))
    _forget_used_codes()
    for expected in (302, 200):
        client = Client()
        client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
        answer = client.post("/accounts/2fa/authenticate/", {"code": code_for(secret)})
        assert answer.status_code == expected


def test_a_recovery_code_works_once_and_codes_are_shown_once(cast):
    user = cast.approver
    client = signed_in(user)
    set_up(client)
    first = client.get("/accounts/2fa/recovery-codes/").content.decode()
    codes = re.findall(r"\b\d{8}\b", first)
    if not codes:
        made = client.post("/accounts/2fa/recovery-codes/generate/", follow=True)
        codes = re.findall(r"\b\d{8}\b", made.content.decode())
    assert len(codes) == 10
    assert not re.findall(
        r"\b\d{8}\b", client.get("/accounts/2fa/recovery-codes/").content.decode()
    )
    for expected in (302, 200):
        other = Client()
        other.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
        answer = other.post("/accounts/2fa/authenticate/", {"code": codes[0]})
        assert answer.status_code == expected


@pytest.fixture
def strict(cast) -> Team:
    finance = Team.objects.get(name="Finance")
    finance.needs_second_factor = True
    finance.save()
    return finance


def test_a_team_that_needs_one_lets_its_members_do_nothing_else_before(cast, strict):
    item = cast.ask()
    client = signed_in(cast.approver)
    for url in ("/decisions/", f"/requests/{item.ref}/", "/admin/", "/queue/", "/me/tokens/new/"):
        answer = client.get(url)
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/2fa/"), url
    said = {"revision": 1, "step": 1, "idempotency_key": cast.key()}
    refused = client.post(f"/requests/{item.ref}/approve/", said)
    assert refused.status_code == 403
    assert "Your team needs a second factor." in refused.content.decode()
    assert client.get("/api/v1/requests").status_code == 403
    assert client.get("/queue/", headers={"HX-Request": "true"})["HX-Redirect"] == "/accounts/2fa/"
    assert cast.get(item.ref).state == "pending"
    assert client.get("/me/").status_code == 200
    set_up(client)
    assert client.get(f"/requests/{item.ref}/").status_code == 200


def test_who_removes_the_last_one_is_held_again(cast, strict):
    client = signed_in(cast.approver)
    set_up(client)
    assert client.get("/decisions/").status_code == 200
    assert client.post("/accounts/2fa/totp/deactivate/").status_code == 302
    assert client.get("/decisions/")["Location"] == "/accounts/2fa/"
    assert "person.remove_factor" in told(cast.approver)


def test_others_are_not_asked(cast, strict):
    assert signed_in(cast.operator).get("/queue/").status_code == 200


@pytest.mark.parametrize(
    ("wanted", "operator", "admin"),
    [("", 200, 200), ("administrators", 200, 302), ("everybody", 302, 302)],
)
def test_an_installation_can_need_it_of_more(cast, settings, wanted, operator, admin):
    settings.SECOND_FACTOR_FOR = wanted
    assert signed_in(cast.operator).get("/queue/").status_code == operator
    assert signed_in(cast.admin).get("/access/").status_code == admin


def test_a_new_password_by_mail_does_not_get_around_it(cast, mailoutbox):
    user = cast.approver
    set_up(signed_in(user))
    client = Client()
    client.post("/accounts/password/reset/", {"email": user.email})
    [mail] = mailoutbox
    url = re.search(r"https?://[^/]+(/\S+)", mail.body)[1]
    form = client.get(url, follow=True).redirect_chain[-1][0]
    new = "another long enough secret"
    assert client.post(form, {"password1": new, "password2": new}).status_code == 302
    assert client.get("/decisions/").status_code == 302
    answer = client.post("/accounts/login/", {"login": user.email, "password": new})
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert "person.reset_password" in told(user)


def test_nobody_learns_which_addresses_have_accounts(cast, mailoutbox):
    client = Client()
    known = client.post("/accounts/password/reset/", {"email": cast.approver.email})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@demo.test"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [mail.to for mail in mailoutbox] == [[cast.approver.email]]
    wrong = [
        Client().post("/accounts/login/", {"login": email, "password": "wrong wrong wrong"})
        for email in (cast.approver.email, "nobody@demo.test")
    ]
    texts = [re.sub(r"value=\"[^\"]*\"", "", one.content.decode()) for one in wrong]
    assert texts[0] == texts[1]


def test_a_mail_server_that_does_not_answer_tells_nothing_either(cast, monkeypatch, caplog):
    def refused(*_args: object, **_more: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refused)
    answers = [
        Client().post("/accounts/password/reset/", {"email": email})
        for email in (cast.approver.email, "nobody@demo.test")
    ]
    assert {(one.status_code, one["Location"]) for one in answers} == {
        (302, "/accounts/password/reset/done/")
    }
    assert "could not be sent" in caplog.text


def test_wrong_passwords_are_counted_where_all_processes_see_them(cast, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key"}
    assert settings.CACHES["default"]["BACKEND"].endswith("DatabaseCache")
    said = {"login": cast.approver.email, "password": "wrong wrong wrong"}
    for _ in range(5):
        assert "Too many" not in Client().post("/accounts/login/", said).content.decode()
    answer = Client().post("/accounts/login/", {**said, "password": PASSWORD})
    assert "Too many" in answer.content.decode()
    assert answer.status_code == 200


def test_addresses_are_not_changed_by_oneself(cast):
    client = signed_in(cast.approver)
    assert client.get("/accounts/email/")["Location"] == "/me/"
    client.post("/accounts/email/", {"email": "mine@demo.test", "action_add": ""})
    assert User.objects.get(pk=cast.approver.pk).email == "finance1@demo.test"
    assert "mine@demo.test" not in client.get("/me/").content.decode()


def test_nobody_signs_up(cast):
    said = {"email": "new@demo.test", "password1": "long enough secret", "password2": "x"}
    assert Client().post("/accounts/signup/", said).status_code == 200
    assert not User.objects.filter(email="new@demo.test").exists()
