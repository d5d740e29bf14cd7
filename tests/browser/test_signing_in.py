"""Signing in as a person does: a passkey made and used in a browser, an app, and every page of it."""

import re
import time

import pytest
from allauth.mfa.totp.internal import auth
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.conftest import _is_complaint as is_complaint
from tests.browser.test_paths import assert_fine
from tests.conftest import PASSWORD

LEADER = "support2@demo.test"  # for whom no other test needs to be signed in meanwhile


@pytest.fixture
def page(chromium: Browser, site: str):
    """By a name: a passkey belongs to a host name, never to a number."""
    address = site.replace("127.0.0.1", "localhost")
    context = chromium.new_context(base_url=address, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    found = context.new_page()
    complaints: list[str] = []
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.on("console", lambda line: complaints.append(line.text) if is_complaint(line) else None)
    yield found
    context.close()
    assert complaints == []


def key_of(page: Page) -> None:
    """A key that always answers, as a phone or laptop has one."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    more = {"hasUserVerification": True, "isUserVerified": True}
    simulated = {"automaticPresenceSimulation": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options | more | simulated})


def sign_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(LEADER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def confirm(page: Page) -> None:
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()


def wide(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")


def fine(page: Page) -> None:
    assert_fine(page)
    wide(page)


def test_a_passkey_is_made_and_signs_in_without_a_password(page: Page):
    key_of(page)
    sign_in(page)
    page.goto("/accounts/2fa/")
    fine(page)
    page.get_by_role("link", name="Add one…").click()
    fine(page)
    confirm(page)
    expect(page.locator("h1")).to_have_text("Add a passkey or security key")
    fine(page)
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("h1")).to_have_text("Recovery codes")
    fine(page)
    assert len(re.findall(r"\d{8}", page.locator("pre").inner_text())) == 10
    page.goto("/accounts/2fa/webauthn/")
    fine(page)
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/accounts/login/")
    fine(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    expect(page.get_by_text("Kemi Oyelaran").first).to_be_visible()
    _remove_it(page)


def _remove_it(page: Page) -> None:
    page.goto("/accounts/2fa/webauthn/")
    page.get_by_role("link", name="Remove…").click()
    page.wait_for_url(lambda url: not url.endswith("/accounts/2fa/webauthn/"))
    if page.get_by_role("heading", name="Confirm that it is you").is_visible():
        fine(page)
        page.goto("/accounts/reauthenticate/?next=/accounts/2fa/webauthn/")
        confirm(page)
        page.get_by_role("link", name="Remove…").click()
    fine(page)
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("h1")).not_to_have_text(re.compile("Remove"))


def test_an_app_is_set_up_asked_for_and_removed(page: Page):
    sign_in(page)
    page.goto("/accounts/2fa/totp/activate/")
    confirm(page)
    fine(page)
    secret = page.locator("code").inner_text()
    page.get_by_label("Authenticator code").fill(code(secret))
    page.get_by_role("button", name="Set it up").click()
    expect(page.locator("h1")).to_have_text("Recovery codes")
    codes = re.findall(r"\d{8}", page.locator("pre").inner_text())
    page.goto("/accounts/2fa/recovery-codes/generate/")
    fine(page)
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").click()
    sign_in(page)
    expect(page.locator("h1")).to_have_text("Second factor")
    fine(page)
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/accounts/" not in url)
    page.goto("/accounts/reauthenticate/?next=/accounts/2fa/totp/deactivate/")
    confirm(page)
    fine(page)
    page.get_by_role("button", name="Remove it").click()
    page.goto("/accounts/2fa/")
    expect(page.get_by_text("Not set up.")).to_be_visible()


def code(secret: str) -> str:
    return auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30))


@pytest.mark.parametrize(
    "address",
    [
        *("/accounts/sessions/", "/accounts/password/change/", "/accounts/3rdparty/"),
        *("/accounts/2fa/", "/accounts/reauthenticate/"),
    ],
)
def test_pages_of_ones_own_account(page: Page, address: str):
    sign_in(page)
    page.goto(address)
    fine(page)


@pytest.mark.parametrize(
    "address",
    [
        *("/accounts/login/", "/accounts/password/reset/", "/accounts/password/reset/done/"),
        *("/accounts/password/reset/key/1-forged/", "/accounts/password/reset/key/done/"),
        *("/accounts/signup/", "/accounts/3rdparty/login/cancelled/"),
        "/accounts/3rdparty/login/error/",
    ],
)
def test_pages_before_one_is_signed_in(page: Page, address: str):
    page.goto(address)
    fine(page)
