"""The handoff in a browser: the draft, the answers with and without JavaScript, on paper and on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn
from tests.browser.test_paths import assert_accessible, assert_fine


def open_waiting(page: Page) -> None:
    page.goto("/handoff/")
    page.get_by_role("region", name="Waits for you").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Handoff: Operations to Eleni Markou")


def begin(page: Page, to: str) -> None:
    page.goto("/handoff/new/")
    page.get_by_label("To", exact=True).select_option(label=to)
    page.get_by_role("button", name="Fill in the report").click()
    expect(page.get_by_role("button", name="Send for acceptance")).to_be_visible()


def test_the_list_and_the_form_are_accessible_and_fit_small_screens(sign_in: SignIn):
    page = sign_in("ops@demo.test")
    for address in ("/handoff/", "/handoff/new/"):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(address)
        assert_fine(page)


@pytest.mark.parametrize("email", ["ops@demo.test", "finance1@demo.test", "auditor@demo.test"])
def test_the_report_is_accessible_and_fits_small_screens(sign_in: SignIn, email):
    page = sign_in(email)
    page.goto("/handoff/")
    page.locator("main a[href^='/handoff/']").filter(has_text="to Eleni Markou").first.click()
    assert_fine(page)


def test_the_draft_is_accessible_also_with_its_errors(sign_in: SignIn):
    page = sign_in("ops2@demo.test")
    begin(page, "Eleni Markou, Athens")
    assert_fine(page)
    page.get_by_role("button", name="Send for acceptance").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("“Note” is empty. Tick “None” if there is nothing.")
    assert_accessible(page)
    page.get_by_role("link", name=re.compile("“Note” is empty")).click()
    expect(page.locator("#id_none_note")).to_be_focused()
    page.get_by_role("link", name="Discard…").click()
    page.get_by_role("button", name="Discard draft").click()
    expect(page.locator(".notice")).to_contain_text("withdrawn")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_shift_is_handed_over_and_accepted(sign_in: SignIn, javascript):
    """ui.md §6, 7 and 22"""
    sender = sign_in("ops@demo.test", java_script_enabled=javascript)
    begin(sender, "Mercy Okafor, London")
    sender.get_by_label("What the system cannot know").fill("The account service promised to call.")
    for tick in sender.get_by_label("None", exact=True).all():
        tick.check()
    sender.get_by_role("button", name="Send for acceptance").click()
    expect(sender.locator(".notice")).to_contain_text("Sent to M. Okafor")
    address = sender.url
    receiver = sign_in("ops2@demo.test", java_script_enabled=javascript)
    receiver.goto(address)
    row = receiver.get_by_role("row").filter(has_text="Outcome unknown").first
    ref = row.locator(".ref").inner_text()
    receiver.get_by_role("button", name=f"Accept {ref}", exact=True).click()
    expect(receiver.locator(".notice")).to_contain_text(f"{ref}: accepted. Mercy Okafor own")
    receiver.get_by_role("link", name=re.compile("^Accept with a question")).first.click()
    receiver.get_by_label("Question").fill("Who talked to the bank?")
    receiver.get_by_role("button", name=re.compile("with a question$")).click()
    receiver.get_by_role("link", name=re.compile("^Cannot take")).first.click()
    receiver.get_by_label("Reason").fill("I have no access to the archive.")
    receiver.get_by_role("button", name=re.compile("^I cannot take")).click()
    receiver.get_by_role("link", name=re.compile(r"^Accept all \d+")).click()
    receiver.get_by_role("button", name=re.compile(r"^Accept all \d+")).click()
    expect(receiver.locator("main .meta .tag").first).to_have_text("Done")
    expect(receiver.locator("main")).to_contain_text("Who talked to the bank?")
    sender.goto(address)
    expect(sender.locator("main")).to_contain_text("I have no access to the archive.")


def test_a_page_of_an_answer_is_accessible(sign_in: SignIn):
    page = sign_in("ops@demo.test")
    open_waiting(page)
    page.get_by_role("link", name=re.compile("^Cannot take")).first.click()
    assert_accessible(page)
    page.get_by_role("button", name=re.compile("^I cannot take")).click()
    expect(page.get_by_role("alert")).to_contain_text("Say why you cannot take it.")
    assert_fine(page)


def test_it_prints_without_navigation_and_says_as_of_when(sign_in: SignIn):
    """ui.md §6, 27"""
    page = sign_in("ops@demo.test")
    open_waiting(page)
    page.emulate_media(media="print")
    expect(page.locator(".topbar")).to_be_hidden()
    expect(page.get_by_role("button", name="Accept", exact=False).first).to_be_hidden()
    expect(page.get_by_text("Printed by Eleni Markou")).to_be_visible()
    for format_ in ("A4", "Letter"):
        assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=format_))) == 1
