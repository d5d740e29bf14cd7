"""`/me/tokens/`: made once, shown once, and never somebody else's."""

import pytest
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiToken
from tests.conftest import PASSWORD

FORM = {"name": "helpdesk", "scopes": ["read", "submit"], "days": "30", "idempotency_key": "f-1"}


@pytest.fixture
def browser(client, cast):
    client.force_login(cast.operator, backend="accounts.adapter.PeopleOnly")
    return client


@pytest.fixture
def token(cast):
    return tokens.make(cast.operator, name="old", scopes=["read"], days=30, at=timezone.now()).token


def text(response):
    return response.content.decode()


def test_a_new_token_is_shown_once(browser):
    made = browser.post("/me/tokens/new/", FORM)
    assert made.status_code == 200
    assert "We cannot show this again" in text(made)
    token = ApiToken.objects.get()
    assert f"aq_{token.prefix}_" in text(made)
    assert "no-store" in made["Cache-Control"]
    listed = text(browser.get("/me/tokens/"))
    assert "helpdesk" in listed
    assert token.digest not in listed


def test_the_same_form_again_makes_no_second_token(browser):
    browser.post("/me/tokens/new/", FORM)
    again = browser.post("/me/tokens/new/", FORM)
    assert again.status_code == 422
    assert "already sent" in text(again)
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"scopes": []}, {"scopes": ["root"]}, {"days": "365"}, {"days": "x"}]
)
def test_what_is_wrong_is_said(browser, wrong):
    response = browser.post("/me/tokens/new/", {**FORM, **wrong})
    assert response.status_code == 422
    assert "No token was made" in text(response)
    assert not ApiToken.objects.exists()


def test_a_token_that_decides_asks_for_the_password_anew(browser, cast):
    wanted = {**FORM, "scopes": ["read", "decide"]}
    response = browser.post("/me/tokens/new/", wanted)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/reauthenticate/")
    assert not ApiToken.objects.exists()
    assert "Confirm that it is you" in text(browser.get(response["Location"]))
    made = browser.post(response["Location"], {"password": PASSWORD, "next": "/me/tokens/new/"})
    assert "We cannot show this again" in text(made)
    assert ApiToken.objects.get().scopes == ["read", "decide"]


def test_rotated_and_revoked_after_asking(browser, token):
    for verb in ("rotate", "revoke"):
        page = browser.get(f"/me/tokens/{token.prefix}/{verb}/")
        assert page.status_code == 200
        assert token.name in text(page)
    assert "We cannot show this again" in text(browser.post(f"/me/tokens/{token.prefix}/rotate/"))
    assert browser.post(f"/me/tokens/{token.prefix}/revoke/").status_code == 302
    assert ApiToken.objects.get(pk=token.pk).revoked_at is not None


def test_nobody_touches_anothers_token(client, cast, token):
    client.force_login(cast.auditor, backend="accounts.adapter.PeopleOnly")
    for verb in ("rotate", "revoke"):
        assert client.get(f"/me/tokens/{token.prefix}/{verb}/").status_code == 404
        assert client.post(f"/me/tokens/{token.prefix}/{verb}/").status_code == 404
    assert "old" not in text(client.get("/me/tokens/"))


def test_the_api_in_words_names_every_call(browser):
    from approvals.api.v1 import api

    page = text(browser.get("/api/v1/docs"))
    for operations in api.get_openapi_schema()["paths"].values():
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in page


def test_the_docs_are_for_people_who_are_signed_in(client, db):
    assert client.get("/api/v1/docs").status_code == 302
