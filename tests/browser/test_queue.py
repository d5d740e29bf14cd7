"""The queue that people live in, in a browser: what stays still, what is ticked, keys, the new pages."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, SignIn
from tests.browser.test_paths import assert_fine

STUCK = "/queue/?view=stuck"
PAGES = [
    ("ops@demo.test", "/dashboard/"),
    ("auditor@demo.test", "/dashboard/?period=30d"),
    ("ops@demo.test", "/me/"),
    ("finance2@demo.test", "/me/cover/"),
    ("support@demo.test", "/me/cover/"),
    ("finance3@demo.test", "/decisions/?show=cover"),
    ("ops@demo.test", "/help/keys/"),
]


@pytest.mark.parametrize(("email", "address"), PAGES)
def test_every_page_is_accessible_and_fits_small_screens(sign_in: SignIn, email, address):
    page = sign_in(email)
    page.goto(address)
    assert_fine(page)


def tick(page: Page) -> None:
    with page.expect_response(re.compile("/queue/changes")):
        page.evaluate("document.body.dispatchEvent(new Event('aq:tick'))")


def order(page: Page) -> list[str]:
    return page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.id)")


def test_an_update_changes_cells_and_moves_nothing(sign_in: SignIn):
    """ui.md §6, 15"""
    page = sign_in("ops@demo.test", viewport={"width": 1280, "height": 500})
    other = sign_in("ops2@demo.test")
    page.goto("/queue/?view=all")
    rows = order(page)
    row = page.get_by_role("row").filter(has_text="Sent back to").first
    link = row.locator("th a")
    ref = link.get_attribute("id").removeprefix("open-")
    page.evaluate("scrollTo(0, 300)")
    link.focus()
    before = page.evaluate("scrollY")
    other.goto(f"/requests/{ref}/withdraw/")
    other.get_by_label("Reason").fill("The customer changed their mind.")
    other.get_by_role("button", name=f"Withdraw {ref}").click()
    expect(other.locator(".notice")).to_be_visible()
    tick(page)
    expect(page.locator(f"#status-{ref}")).to_contain_text("Withdrawn")
    expect(page.locator(f"#status-{ref}")).to_contain_text("No longer in this view")
    expect(page.get_by_role("link", name=re.compile(r"^Show \d+ update"))).to_be_visible()
    expect(page.locator("#live")).to_contain_text("changed")
    assert order(page) == rows
    assert page.evaluate("scrollY") == before
    assert page.evaluate("document.activeElement.id") == f"open-{ref}"
    page.get_by_role("link", name=re.compile(r"^Show \d+ update")).click()
    expect(page.locator(f"#row-{ref}")).to_have_count(0)


@pytest.mark.parametrize("javascript", [True, False])
def test_ticked_rows_are_released_and_claimed_together(sign_in: SignIn, javascript):
    """ui.md §6, 7 and 16"""
    page = sign_in("ops@demo.test", java_script_enabled=javascript)
    page.goto(STUCK)
    boxes = page.get_by_role("checkbox", name=re.compile("^Select AC-"))
    for number in range(2):
        boxes.nth(number).check()
    if javascript:
        expect(page.locator("#ticked")).to_have_text("2 selected")
    bar = page.locator("#bulk")
    bar.get_by_role("button", name="Claim", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Claim 2 requests?")
    page.get_by_role("button", name="Claim 2 requests").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 claimed")
    page.get_by_role("link", name="Back to the queue").click()
    for number in range(2):
        page.get_by_role("checkbox", name=re.compile("^Select AC-")).nth(number).check()
    page.locator("#bulk summary").click()
    page.locator("#bulk").get_by_role("button", name="Release").click()
    page.get_by_role("button", name="Release 2 requests").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 released")


def test_single_keys_do_nothing_until_they_are_switched_on(sign_in: SignIn):
    """ui.md §6, 26"""
    page = sign_in("ops2@demo.test")
    page.goto(STUCK)
    page.keyboard.press("j")
    page.keyboard.press("?")
    expect(page).to_have_url(re.compile("view=stuck"))
    assert page.evaluate("document.activeElement.tagName") == "BODY"
    page.goto("/me/")
    page.get_by_label("Single-key shortcuts").check()
    page.get_by_role("button", name="Save settings").click()
    page.goto(STUCK)
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.id")
    page.keyboard.press("j")
    second = page.evaluate("document.activeElement.id")
    assert first.startswith("open-")
    assert second.startswith("open-")
    assert first != second
    page.keyboard.press("x")
    expect(page.locator("input[name=row]:checked")).to_have_count(1)
    page.keyboard.press("/")
    page.keyboard.type("jjx?")
    expect(page.get_by_label("Search")).to_have_value("jjx?")
    page.goto(STUCK)
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page).to_have_url(re.compile("/decisions/"))


def test_a_figure_leads_to_its_requests(sign_in: SignIn):
    page = sign_in("ops@demo.test")
    page.goto("/dashboard/")
    figure = page.locator(".figures a").filter(has_text="Stuck")
    count = figure.locator("strong").inner_text()
    figure.click()
    expect(page.locator("tbody tr")).to_have_count(int(count))


def test_who_covers_decides_in_the_other_s_place(sign_in: SignIn):
    """Priya Roy's own limit is EUR 2,000; Lars Sand, whom she covers, has none."""
    page = sign_in("finance3@demo.test")
    page.goto("/decisions/?show=cover")
    page.get_by_role("link", name=re.compile("^Review")).first.click()
    expect(page.get_by_text("You decide for Lars Sand, under your own name.")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Approve")).click()
    page.get_by_label("Password").fill(PASSWORD)  # the policy wants somebody present
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".notice")).to_contain_text("Approved by you")
    expect(page.locator("#timeline")).to_contain_text("by Priya Roy for Lars Sand")


def test_a_view_is_saved_by_name(sign_in: SignIn):
    page = sign_in("ops2@demo.test")
    page.goto("/queue/?view=people&kind=refund")
    page.get_by_text("Save this view").click()
    page.get_by_label("Name of the view").fill("Refunds with people")
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_role("navigation", name="Queue views")).to_contain_text(
        "Refunds with people"
    )
    page.get_by_role("button", name=re.compile("^Delete the view")).click()
    expect(page.get_by_role("navigation", name="Queue views")).not_to_contain_text(
        "Refunds with people"
    )
