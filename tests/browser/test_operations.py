"""What an operations lead does at 09:12, in a browser, with and without JavaScript."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn
from tests.browser.test_paths import assert_accessible, assert_fine

CAUSE = "/failures/too-many-requests/"
PAGES = [
    ("ops@demo.test", "/failures/"),
    ("ops@demo.test", "/failures/?view=resolved"),
    ("auditor@demo.test", "/failures/"),
    ("ops@demo.test", CAUSE),
    ("ops@demo.test", f"{CAUSE}hold/"),
    ("ops@demo.test", f"{CAUSE}try-again/"),
    ("ops@demo.test", "/failures/key-mismatch/"),
    ("ops@demo.test", "/runbooks/"),
    ("ops@demo.test", "/runbooks/outcome-unknown/"),
    ("support@demo.test", "/runbooks/provider-limits/"),
    ("ops@demo.test", "/systems/"),
    ("ops@demo.test", "/systems/stripe/hold/"),
]


@pytest.mark.parametrize(("email", "address"), PAGES)
def test_every_page_is_accessible_and_fits_small_screens(sign_in: SignIn, email, address):
    page = sign_in(email)
    page.goto(address)
    assert_fine(page)


def resume_all(page: Page) -> None:
    page.goto(f"{CAUSE}resume/")
    page.get_by_role("button", name=re.compile("^Resume")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("resumed")


def test_a_retry_is_held_in_three_clicks(sign_in: SignIn):
    """T1 of the timed tasks: said from the row, made safe in three clicks."""
    page = sign_in("ops@demo.test")
    page.goto("/queue/?view=stuck")
    row = page.get_by_role("row").filter(has_text="too many requests").first
    expect(row).to_contain_text("Nothing has changed.")
    row.locator("th a").click()
    page.get_by_role("link", name="Hold…").click()
    page.get_by_label("Reason").fill("Asking the provider.")
    page.get_by_role("button", name=re.compile("^Hold AC-")).click()
    expect(page.get_by_role("heading", name="Why it is waiting").locator("..")).to_contain_text(
        "Held since"
    )
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".notice")).to_contain_text("not held any more")


@pytest.mark.parametrize("javascript", [True, False])
def test_all_of_one_cause_are_held_and_resumed(sign_in: SignIn, javascript: bool):
    page = sign_in("ops@demo.test", java_script_enabled=javascript)
    page.goto("/failures/")
    page.get_by_role("link", name="Too many requests", exact=True).click()
    page.get_by_role("link", name="Hold all 3…").click()
    page.get_by_role("button", name="Hold 3 requests").click()
    expect(page.get_by_text("Say why you hold it.").first).to_be_visible()
    page.get_by_label("Reason").fill("Asking the provider.")
    page.get_by_role("button", name="Hold 3 requests").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("3 held, 0 left")
    if javascript:  # which the checker itself needs
        assert_accessible(page)
    page.goto("/queue/?view=stuck")
    expect(page.get_by_role("row").filter(has_text="Held by E. Markou")).to_have_count(3)
    resume_all(page)


def test_a_held_system_shows_on_its_rows_and_goes_on_when_resumed(sign_in: SignIn):
    """Check 30 of the pages."""
    page = sign_in("ops@demo.test")
    page.goto("/systems/")
    page.get_by_role("link", name="Hold… Account service").click()
    page.get_by_label("Reason").fill("Their maintenance.")
    page.get_by_role("button", name="Hold Account service").click()
    expect(page.get_by_text("Their maintenance.")).to_be_visible()
    page.goto("/queue/?view=systems")
    expect(page.get_by_role("row").filter(has_text="Account service is held")).to_have_count(3)
    page.goto("/systems/")
    page.get_by_role("link", name="Resume… Account service").click()
    page.get_by_role("button", name="Resume Account service").click()
    expect(page.locator(".notice")).to_contain_text("is running")


def test_in_doubt_the_provider_is_asked_once_and_nothing_is_sent(sign_in: SignIn):
    """Check 13 of the pages."""
    page = sign_in("ops@demo.test")
    page.goto("/queue/?view=stuck")
    page.get_by_role("row").filter(has_text="Outcome unknown").locator("th a").click()
    page.get_by_role("button", name="Ask the provider now").click()
    expect(page.locator(".notice")).to_contain_text("That changes nothing there")
    expect(page.get_by_role("link", name="Settle with evidence…")).to_be_visible()


def test_a_runbook_leads_to_the_verb_for_its_request(sign_in: SignIn):
    page = sign_in("ops@demo.test")
    page.goto("/queue/?view=stuck")
    page.get_by_role("row").filter(has_text="Outcome unknown").locator("th a").click()
    page.get_by_role("link", name="Outcome unknown", exact=True).click()
    page.get_by_role("link", name="Settle it with evidence").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("What did you find out about AC-")
