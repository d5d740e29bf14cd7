"""The inbox in a browser: what is new, with and without JavaScript, on small screens."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SignIn
from tests.browser.test_paths import assert_fine

REF = re.compile(r"[A-Z]{2}-\d+")
PAGES = ["/inbox/", "/inbox/?show=all", "/me/notify/"]


@pytest.mark.parametrize("address", PAGES)
def test_every_page_is_accessible_and_fits_small_screens(sign_in: SignIn, address):
    page = sign_in("ops@demo.test")
    page.goto(address)
    assert_fine(page)


def test_an_empty_inbox_is_accessible_and_says_what_it_is_for(sign_in: SignIn):
    page = sign_in("admin@demo.test")
    page.goto("/inbox/")
    expect(page.locator(".empty")).to_contain_text("Nothing new.")
    assert_fine(page)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_notice_leads_to_its_request_and_is_read(sign_in: SignIn, javascript: bool):
    page = sign_in("support2@demo.test", java_script_enabled=javascript)
    page.get_by_role("link", name=re.compile("^Inbox")).click()
    lines = page.locator(".inbox li")
    expect(lines.first).to_be_visible()
    count = lines.count()
    assert count > 1
    first = lines.get_by_role("link").filter(has_text=REF).first
    ref = REF.search(first.inner_text())[0]
    first.click()
    expect(page.locator("h1 .ref")).to_have_text(ref)
    page.goto("/inbox/")
    expect(lines).to_have_count(count)
    lines.first.get_by_role("button", name=re.compile("Mark as read")).click()
    expect(lines).to_have_count(count - 1)


@pytest.mark.parametrize("javascript", [True, False])
def test_who_is_named_in_a_note_finds_it_in_the_inbox(sign_in: SignIn, javascript: bool):
    """By the worker, which follows the feed."""
    ops = sign_in("ops@demo.test", java_script_enabled=javascript)
    ops.goto("/queue/?view=people")
    ops.get_by_role("row").filter(has_text="Waiting for Finance").first.locator("th a").click()
    ref = ops.locator("h1 .ref").inner_text()
    ops.get_by_label("Add a note").fill("Can you look at this, @finance1?")
    ops.get_by_role("button", name="Add note").click()
    expect(ops.locator(".notice")).to_contain_text("I. Weber is told.")
    finance = sign_in("finance1@demo.test", java_script_enabled=javascript)
    for _ in range(60):
        finance.goto("/inbox/")
        if finance.get_by_text(f"E. Markou names you in a note on {ref}.").count():
            break
        finance.wait_for_timeout(500)
    expect(finance.get_by_text(f"E. Markou names you in a note on {ref}.").first).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_request_is_watched_and_left(sign_in: SignIn, javascript: bool):
    page = sign_in("auditor@demo.test", java_script_enabled=javascript)
    page.goto("/queue/?view=all")
    page.locator("tbody th a").first.click()
    page.get_by_role("button", name="Watch", exact=True).click()
    expect(page.locator(".notice")).to_contain_text("You are told of what happens")
    page.get_by_role("button", name="Stop watching").click()
    expect(page.get_by_role("button", name="Watch", exact=True)).to_be_visible()
