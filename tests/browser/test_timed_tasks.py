"""The three timed tasks of ui.md §6 as paths: how many clicks they take, and what is said on the way."""

import re
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SignIn, Stored
from tests.browser.test_paths import ask_for_refund

LIMITED = "too many requests"
SMALL = {"width": 320, "height": 700}


@dataclass
class Hand:
    """Clicks, and counts them."""

    clicks: list[str] = field(default_factory=list)

    def click(self, what: Locator) -> None:
        self.clicks.append(what.inner_text())
        what.click()


def tab_to(page: Page, what: Locator) -> None:
    """By Tab alone, as somebody without a mouse."""
    expect(what).to_be_visible()
    for _ in range(200):
        page.keyboard.press("Tab")
        if what.evaluate("(node) => node === document.activeElement"):
            return
    raise AssertionError("Tab does not lead there.")


def said_in_the_row(page: Page) -> str:
    """T1's answer with no click: why, whether anything changed, when it tries next."""
    row = page.get_by_role("row").filter(has_text=LIMITED).first
    words = row.inner_text()
    assert re.search(r"Retrying, \d+ of \d+", words)
    assert "Nothing has changed." in words
    assert re.search(r"Next try (\w{3} \d+ \w{3} )?\d\d:\d\d UTC", words)
    return row.locator("th a").get_attribute("id").removeprefix("open-")


def assert_held(page: Page, ref: str, stored: Stored) -> None:
    expect(page.locator(".why")).to_contain_text("Held since")
    held = stored(
        "select held_at is not null from approvals_approvalrequest where ref = %(ref)s", ref=ref
    )
    assert held == [(True,)]


def resume(page: Page) -> None:
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".notice")).to_contain_text("not held any more")


def test_t1_operations_says_why_it_retries_and_makes_it_safe(sign_in: SignIn, stored: Stored):
    page, hand = sign_in("ops@demo.test"), Hand()
    page.goto("/queue/?view=stuck")
    ref = said_in_the_row(page)
    hand.click(page.locator(f"#open-{ref}"))
    hand.click(page.get_by_role("link", name="Hold…"))
    page.keyboard.press("Tab")
    page.get_by_label("Reason").fill("Asking the provider.")
    hand.click(page.get_by_role("button", name=f"Hold {ref}"))
    assert_held(page, ref, stored)
    resume(page)
    assert len(hand.clicks) <= 3


def test_t1_by_the_keyboard_alone_on_a_small_screen(sign_in: SignIn, stored: Stored):
    page = sign_in("ops@demo.test", viewport=SMALL)
    page.goto("/queue/?view=stuck")
    ref = said_in_the_row(page)
    tab_to(page, page.locator(f"#open-{ref}"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("link", name="Hold…"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("Reason"))
    page.keyboard.type("Asking the provider.")
    tab_to(page, page.get_by_role("button", name=f"Hold {ref}"))
    page.keyboard.press("Enter")
    assert_held(page, ref, stored)
    resume(page)


DECIDED = """
select decision.choice, decision.revision from approvals_decision decision
join approvals_approvalrequest item on item.id = decision.item_id where item.ref = %(ref)s
"""


def test_t2_finance_decides_only_what_it_saw(sign_in: SignIn, stored: Stored):
    """Also check 9: the amount changes while the page is open."""
    support = sign_in("support@demo.test")
    ref = ask_for_refund(support, "440.00", order="77201")
    page, hand = sign_in("finance1@demo.test"), Hand()
    page.goto("/decisions/")
    hand.click(page.get_by_role("link", name=f"Review {ref}"))
    expect(page.locator("#decide")).to_contain_text("EUR 440.00")
    page.get_by_label("Comment with your approval").fill("The carrier confirmed it.")
    support.goto(f"/requests/{ref}/resubmit/")
    support.get_by_label("Amount").fill("390.00")
    support.get_by_role("button", name="Send again").click()
    expect(support.locator(".notice")).to_contain_text("is changed and sent again")

    hand.click(page.get_by_role("button", name="Approve EUR 440.00"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing was recorded")
    changed = page.get_by_role("row").filter(has_text="Amount")
    expect(changed).to_contain_text("EUR 440.00")
    expect(changed).to_contain_text("EUR 390.00")
    expect(page.get_by_label("Your comment")).to_have_value("The carrier confirmed it.")
    expect(page.get_by_role("button", name=re.compile("approve", re.I))).to_have_count(0)
    assert stored(DECIDED, ref=ref) == []

    hand.click(page.get_by_role("link", name=f"Review {ref}"))
    expect(page.locator("#decide")).to_contain_text("Revision 2")
    expect(page.locator("#decide .changed")).to_contain_text("EUR 440.00")
    hand.click(page.get_by_role("button", name="Approve EUR 390.00"))
    expect(page.locator(".notice")).to_contain_text("Approved by you")
    assert stored(DECIDED, ref=ref) == [("approve", 2)]
    assert len(hand.clicks) <= 4


COPIED = """
select reason from audit_event where action = 'request.copy_reply' order by id desc limit 1
"""


@pytest.mark.parametrize("typed", ["ZD-9921", " zd 9921 "])
def test_t3_support_answers_the_customer(sign_in: SignIn, stored: Stored, typed: str):
    page, hand = sign_in("support@demo.test"), Hand()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/lookup/")
    expect(page.get_by_label("Customer, ticket, order or request")).to_be_focused()
    page.keyboard.type(typed)
    hand.click(page.get_by_role("button", name="Look up"))
    expect(page.locator("#answer-heading")).to_contain_text("Refund EUR 1,240.00")
    hand.click(page.get_by_role("button", name="Copy reply"))
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    reply = page.evaluate("navigator.clipboard.readText()")
    assert "EUR 1,240.00 for order 88120" in reply
    assert not re.search("Stripe|Finance|Weber|Sand|Roy|Berg|approv", reply, re.I)
    expect(page.locator("#copied")).to_have_text("Recorded: you copied reply v1 (English).")
    assert stored(COPIED) == [(reply,)]
    assert len(hand.clicks) <= 2
