"""Which passwords are taken, and that they are taken as they were typed."""

import re

import pytest
from django.contrib.auth import hashers
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from accounts.models import User
from config.env import ConfigurationError, read
from tests.accounts.test_second_factor import signed_in
from tests.conftest import PASSWORD

pytestmark = pytest.mark.usefixtures("db")


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "password123456789",
        "qwertyuiopasdfgh",
        "P@ssw0rdP@ssw0rd",
        "approvalqueue2026",
        "Approval-Queue-Refund!",
        "acmecorp-acmecorp-1",
        "finance1finance12",
        "InesCosta-InesCosta",
        "123456789012345",
    ],
)
def test_what_somebody_would_try_first_is_refused(settings, password):
    settings.PASSWORD_WORDS = ["acmecorp"]
    person = User(name="Ines Costa", email="finance1@demo.test")
    with pytest.raises(ValidationError, match="somebody would try first"):
        validate_password(password, person)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "another long enough secret",
        "acmecorp winter ferry lanterns",
        "zq8Xw1-mTz5rQp-vbn",
        "ένα μεγάλο μυστικό εδώ",
        "three unlikely giraffes",
        PASSWORD,
    ],
)
def test_words_of_ones_own_are_taken(settings, password):
    settings.PASSWORD_WORDS = ["acmecorp"]
    validate_password(password, User(name="Ines Costa", email="finance1@demo.test"))


def test_the_organisations_words_come_from_the_environment(tmp_path):
    environ = {"DATA_DIR": str(tmp_path)}
    assert read({**environ, "PASSWORD_WORDS": "AcmeCorp, Rocket"}).password_words == [
        "acmecorp",
        "rocket",
    ]
    with pytest.raises(ConfigurationError, match="at least 4 letters"):
        read({**environ, "PASSWORD_WORDS": "AB"})


@pytest.mark.parametrize(
    "typed",
    ["  spaces around it stay  ", "UPPER and lower differ", "ünïcödé is left as it is", "x" * 128],
)
def test_a_password_is_taken_as_it_is_typed(cast, typed):
    """6.2.8: not cut, not trimmed, not lowered."""
    user = cast.approver
    said = {"oldpassword": PASSWORD, "password1": typed, "password2": typed}
    if typed == "x" * 128:
        User.objects.filter(pk=user.pk).update(password=hashers.make_password(typed))
    else:
        assert signed_in(user).post("/accounts/password/change/", said).status_code == 302
    for wrong in {typed.strip(), typed.lower(), typed[:72], typed[:-1]} - {typed}:
        answer = Client().post("/accounts/login/", {"login": user.email, "password": wrong})
        assert answer.status_code == 200, wrong
    answer = Client().post("/accounts/login/", {"login": user.email, "password": typed})
    assert answer.status_code == 302


def test_a_known_and_an_unknown_address_cost_the_same(cast, monkeypatch):
    """6.3.8: as many password hashes, whoever is asked for; the rest is microseconds."""
    counted: list[str] = []
    hasher = type(hashers.get_hasher())
    encode, verify = hasher.encode, hasher.verify

    def encoded(self, password, *args, **more):
        counted.append(password)
        return encode(self, password, *args, **more)

    def verified(self, password, stored):
        before = len(counted)
        answer = verify(self, password, stored)
        counted[before:] = [password]  # some verify by encoding, some do not: once either way
        return answer

    monkeypatch.setattr(hasher, "encode", encoded)
    monkeypatch.setattr(hasher, "verify", verified)
    User.objects.filter(pk=cast.second_approver.pk).update(is_active=False)
    User.objects.filter(pk=cast.auditor.pk).update(password=hashers.make_password(None))
    found = {}
    for address in (
        cast.approver.email,
        "nobody@demo.test",
        cast.second_approver.email,
        "webshop@demo.test",
        cast.auditor.email,
    ):
        counted.clear()
        Client().post("/accounts/login/", {"login": address, "password": "wrong wrong wrong"})
        found[address] = len(counted)
    assert set(found.values()) == {1}, found


def test_where_no_mail_can_be_sent_nobody_is_promised_one(cast, settings, mailoutbox):
    for sends, link, words in ((True, True, ""), (False, False, "Ask an administrator")):
        settings.SENDS_MAIL = sends
        page = Client().get("/accounts/login/").content.decode()
        assert ('href="/accounts/password/reset/"' in page) is link
        assert words in page
    assert "sends no mail" in Client().get("/accounts/password/reset/").content.decode()
    answer = Client().post("/accounts/password/reset/", {"email": cast.approver.email})
    assert "sends no mail" in answer.content.decode()
    assert mailoutbox == []


def test_a_new_password_by_mail_and_its_day_are_one(cast, settings, mailoutbox, monkeypatch):
    """What fails in the middle changes nothing."""
    settings.SENDS_MAIL = True
    User.objects.filter(pk=cast.approver.pk).update(last_login=timezone.now())
    Client().post("/accounts/password/reset/", {"email": cast.approver.email})
    url = re.search(r"https?://[^/]+(/\S+)", mailoutbox[-1].body)[1]
    client = Client(raise_request_exception=False)
    form = client.get(url, follow=True).redirect_chain[-1][0]

    def fails(user: User) -> None:
        raise RuntimeError

    monkeypatch.setattr("accounts.holding.begin", fails)
    new = "another long enough secret"
    assert client.post(form, {"password1": new, "password2": new}).status_code == 500
    assert User.objects.get(pk=cast.approver.pk).check_password(PASSWORD)
