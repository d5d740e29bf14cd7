"""Signing in with a real OpenID Connect provider on this machine: who is let in, and who is not."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.models import User
from audit.models import Event
from config.env import ConfigurationError, read
from config.oidc import Oidc
from demo.loopback import free_port
from tests.accounts.test_second_factor import set_up, signed_in
from tests.conftest import PASSWORD
from tests.demo.conftest import until

pytestmark = [pytest.mark.usefixtures("db"), pytest.mark.worker]

INES = {"sub": "idp-ines", "email": "finance1@demo.test", "email_verified": True}
WEBSHOP = {"sub": "idp-webshop", "email": "webshop@demo.test", "email_verified": True}
UNVERIFIED = {"sub": "idp-other", "email": "finance2@demo.test", "email_verified": False}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    port = free_port()
    program = Path(sys.executable).with_name("oidc-provider-mock")
    people = [
        part for one in (INES, WEBSHOP, UNVERIFIED) for part in ("--user-claims", json.dumps(one))
    ]
    process = subprocess.Popen(
        [program, "--port", str(port), "--require-nonce", "false", *people],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(address))
        yield address
    finally:
        process.terminate()
        process.wait(timeout=10)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/.well-known/openid-configuration").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def sso(issuer, settings):
    def set_it_up(*, trusts_email: bool = False) -> None:
        oidc = Oidc("Our directory", issuer, "queue", "secret", trusts_email)
        settings.SOCIALACCOUNT_PROVIDERS = oidc.providers
        settings.SOCIALACCOUNT_EMAIL_AUTHENTICATION = trusts_email
        settings.SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = trusts_email

    set_it_up()
    return set_it_up


def asked(client: Client, *, process: str = "login") -> str:
    """Where the button leads: to the provider, with what the answer is bound to."""
    answer = client.post(f"/accounts/oidc/sso/login/?process={process}")
    assert answer.status_code == 302, answer.content.decode()
    return answer["Location"]


def come_back(client: Client, address: str, sub: str):
    """Say at the provider who one is, and follow its answer."""
    said = httpx.post(address, data={"sub": sub})
    assert said.status_code in (302, 303), said.text
    back = urlsplit(said.headers["Location"])
    return client.get(f"{back.path}?{back.query}")


def connected(sub: str, user: User) -> SocialAccount:
    return SocialAccount.objects.create(user=user, provider="sso", uid=sub, extra_data={})


def is_in(client: Client) -> bool:
    return client.get("/me/").status_code == 200


def test_the_provider_is_asked_with_what_binds_its_answer(sso, issuer):
    query = parse_qs(urlsplit(asked(Client())).query)
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["state"][0]) >= 16
    assert query["response_type"] == ["code"]
    assert query["client_id"] == ["queue"]
    assert "openid" in query["scope"][0].split()


def test_who_is_connected_is_let_in_and_it_is_recorded(cast, sso):
    connected("idp-ines", cast.approver)
    client = Client()
    come_back(client, asked(client), "idp-ines")
    assert is_in(client)
    event = Event.objects.filter(action="person.sign_in").latest("id")
    assert event.actor_id == str(cast.approver.pk)
    assert event.facts["how"] == "socialaccount"


def test_the_same_address_alone_lets_nobody_in(cast, sso):
    client = Client()
    answer = come_back(client, asked(client), "idp-ines")
    page = client.get(answer["Location"]) if answer.status_code == 302 else answer
    assert "You are not signed in" in page.content.decode()
    assert not is_in(client)
    assert not SocialAccount.objects.exists()
    assert User.objects.filter(email="finance1@demo.test").count() == 1


def test_an_issuer_that_is_trusted_with_addresses_lets_in_who_verified_one(cast, sso):
    sso(trusts_email=True)
    client = Client()
    come_back(client, asked(client), "idp-ines")
    assert is_in(client)
    assert SocialAccount.objects.get().user == cast.approver
    other = Client()
    come_back(other, asked(other), "idp-other")
    assert not is_in(other)


def test_people_connect_themselves_once_with_their_password(cast, sso):
    client = signed_in(cast.approver)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    come_back(client, asked(client, process="connect"), "idp-ines")
    assert SocialAccount.objects.get().user == cast.approver
    assert Event.objects.filter(action="person.connect").count() == 1
    fresh = Client()
    come_back(fresh, asked(fresh), "idp-ines")
    assert is_in(fresh)


def test_a_changed_address_at_the_provider_is_still_the_same_person(cast, sso):
    """Known again by the subject: whoever gets an old address there gets no account here."""
    connected("somebody-else", cast.approver)
    client = Client()
    come_back(client, asked(client), "idp-ines")
    assert not is_in(client)


def test_a_program_is_not_let_in(cast, sso):
    connected("idp-webshop", User.objects.get(email="webshop@demo.test"))
    client = Client()
    answer = come_back(client, asked(client), "idp-webshop")
    assert answer.status_code == 403
    assert not is_in(client)


def test_a_closed_account_is_not_let_in(cast, sso):
    connected("idp-ines", cast.approver)
    User.objects.filter(pk=cast.approver.pk).update(is_active=False)
    client = Client()
    come_back(client, asked(client), "idp-ines")
    assert not is_in(client)


def test_the_second_factor_is_asked_for_there_too(cast, sso):
    set_up(signed_in(cast.approver))
    connected("idp-ines", cast.approver)
    client = Client()
    answer = come_back(client, asked(client), "idp-ines")
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert not is_in(client)


@pytest.mark.parametrize("change", ["state=forged", "code=forged", "error=access_denied"])
def test_answers_that_nobody_asked_for_let_nobody_in(cast, sso, change):
    connected("idp-ines", cast.approver)
    client = Client()
    said = httpx.post(asked(client), data={"sub": "idp-ines"})
    query = parse_qs(urlsplit(said.headers["Location"]).query)
    name, _, value = change.partition("=")
    sent = {key: values[0] for key, values in query.items()} | {name: value}
    if name == "error":
        sent.pop("code")
    client.get("/accounts/oidc/sso/login/callback/", sent)
    assert not is_in(client)


def test_an_answer_for_another_browser_lets_nobody_in(cast, sso):
    connected("idp-ines", cast.approver)
    address = asked(Client())
    other = Client()
    come_back(other, address, "idp-ines")
    assert not is_in(other)


def test_an_answer_is_taken_once(cast, sso):
    connected("idp-ines", cast.approver)
    client = Client()
    said = httpx.post(asked(client), data={"sub": "idp-ines"})
    back = urlsplit(said.headers["Location"])
    client.get(f"{back.path}?{back.query}")
    assert is_in(client)
    thief = Client()
    thief.cookies = Client().cookies
    thief.get(f"{back.path}?{back.query}")
    assert not is_in(thief)


def test_a_provider_that_does_not_answer_is_said(cast, settings):
    oidc = Oidc("Our directory", f"http://127.0.0.1:{free_port()}", "queue", "secret", False)
    settings.SOCIALACCOUNT_PROVIDERS = oidc.providers
    answer = Client().post("/accounts/oidc/sso/login/?process=login", follow=True)
    assert "The other side did not say who you are" in answer.content.decode()


def test_the_page_has_the_button_only_with_a_provider(sso, settings):
    page = Client().get("/accounts/login/").content.decode()
    assert "Sign in with Our directory" in page
    settings.SOCIALACCOUNT_PROVIDERS = {}
    assert "Our directory" not in Client().get("/accounts/login/").content.decode()


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OIDC_CLIENT_ID": "queue"}, "OIDC_ISSUER is not"),
        ({"OIDC_ISSUER": "https://id.example"}, "OIDC_CLIENT_SECRET"),
        ({"OIDC_ISSUER": "ftp://id.example"}, "http:// or https://"),
        (
            {
                "OIDC_ISSUER": "http://id.example",
                "OIDC_CLIENT_ID": "queue",
                "OIDC_CLIENT_SECRET": "s",
            },
            "must start with https://",
        ),
    ],
)
def test_half_a_configuration_is_refused_at_start(environ, said, tmp_path):
    with pytest.raises(ConfigurationError, match=said):
        read({"DATA_DIR": str(tmp_path), **environ})
