"""The three timed tasks of ui.md §6 as paths: what is said, and how many clicks it takes."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SignIn
from tests.browser.test_paths import ask_for_refund


class Hand:
    """Counts its clicks."""

    def __init__(self) -> None:
        self.clicks = 0

    def click(self, what: Locator) -> None:
        self.clicks += 1
        what.click()


def retrying_row(page: Page) -> Locator:
    return page.get_by_role("row").filter(has_text="too many requests").last


def test_t1_operations_makes_a_retrying_change_safe(sign_in: SignIn):
    """Why, whether anything changed and when it is tried next are said by the row; held in 3 clicks."""
    page, hand = sign_in("ops@demo.test"), Hand()
    page.goto("/queue/?view=stuck")
    row = retrying_row(page)
    expect(row).to_contain_text("Nothing has changed.")
    expect(row).to_contain_text(re.compile(r"Next try .*\d\d:\d\d"))
    hand.click(row.locator("th a"))
    hand.click(page.get_by_role("link", name=re.compile("^Hold")))
    page.get_by_label(re.compile("Reason")).fill("We wait for the service.")
    hand.click(page.get_by_role("button", name=re.compile("^Hold")))
    expect(page.locator(".notice")).to_contain_text("is held. Nothing is sent until it is resumed.")
    assert hand.clicks == 3
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".notice")).to_contain_text("is not held any more")


def test_t1_by_keyboard_alone_on_a_small_screen(sign_in: SignIn):
    page = sign_in("ops@demo.test", viewport={"width": 320, "height": 700})
    page.goto("/queue/?view=stuck")
    retrying_row(page).locator("th a").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name=re.compile("^Hold")).focus()
    page.keyboard.press("Enter")
    page.get_by_label(re.compile("Reason")).focus()
    page.keyboard.type("We wait for the service.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".notice")).to_contain_text("is held.")
    page.get_by_role("button", name="Resume").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_contain_text("is not held any more")


def test_t2_finance_decides_what_was_changed_meanwhile(sign_in: SignIn):
    """The change is met as a page that names the field; version 2 is decided, in 4 clicks."""
    support = sign_in("support@demo.test")
    ref = ask_for_refund(support, "160.00", order="77101")
    finance, hand = sign_in("finance2@demo.test"), Hand()
    finance.goto("/decisions/")
    card = finance.locator(".card").filter(has_text=ref)
    hand.click(card.get_by_role("link", name=re.compile("^Review")))
    support.goto(f"/requests/{ref}/resubmit/")
    support.get_by_label("Amount").fill("95.00")
    support.get_by_role("button", name="Send again").click()
    expect(support.locator(".notice")).to_contain_text("is changed and sent again")
    hand.click(finance.get_by_role("button", name="Approve EUR 160.00"))
    expect(finance.get_by_role("alert")).to_contain_text("Nothing was recorded")
    expect(finance.locator("main")).to_contain_text("Amount")
    expect(finance.locator("ins")).to_contain_text("EUR 95.00")
    hand.click(finance.get_by_role("link", name=re.compile("^Review")))
    hand.click(finance.get_by_role("button", name="Approve EUR 95.00"))
    expect(finance.locator(".notice")).to_contain_text("Approved by you")
    assert hand.clicks == 4


def test_t3_support_copies_a_safe_reply(sign_in: SignIn):
    page, hand = sign_in("support@demo.test"), Hand()
    page.goto("/lookup/")
    page.get_by_label(re.compile("Customer, ticket")).fill(" zd-9921 ")
    hand.click(page.get_by_role("button", name="Look up"))
    reply = page.locator("#reply").inner_text()
    assert "EUR 1,240.00" in reply
    assert not re.search("Weber|Sand|Roy|Finance|Stripe|approv", reply)
    hand.click(page.get_by_role("button", name="Copy reply"))
    expect(page.locator("#live")).to_contain_text("Copied")
    assert hand.clicks == 2
