"""The main paths of the three roles, in a browser, with and without JavaScript."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn

PAGES = [
    ("ops@demo.test", "/queue/?view=stuck"),
    ("ops@demo.test", "/queue/?view=all"),
    ("ops@demo.test", "/queue/?view=all&q=nothing-like-this"),
    ("finance1@demo.test", "/decisions/"),
    ("finance1@demo.test", "/decisions/?show=decided"),
    ("support@demo.test", "/lookup/"),
    ("support@demo.test", "/lookup/?q=ZD-9921"),
    ("support@demo.test", "/requests/new/"),
    ("support@demo.test", "/requests/new/refund/"),
    ("support@demo.test", "/requests/new/account_change/"),
    ("support@demo.test", "/requests/new/manual/"),
    ("ops@demo.test", "/go/?q=acct"),
    ("ops@demo.test", "/help/"),
    ("ops@demo.test", "/me/"),
    ("auditor@demo.test", "/queue/?view=all"),
    ("ops@demo.test", "/requests/XX-1/"),
]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def assert_accessible(page: Page) -> None:
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def assert_fine(page: Page) -> None:
    """Accessible, wide and light as well as narrow and dark, and never scrolling sideways."""
    expect(page.locator("h1")).to_have_count(1)
    assert_accessible(page)
    page.set_viewport_size({"width": 320, "height": 700})
    page.emulate_media(color_scheme="dark")
    assert_accessible(page)
    assert_fits(page)


@pytest.mark.parametrize(("email", "address"), PAGES)
def test_every_page_is_accessible_and_fits_small_screens(sign_in: SignIn, email, address):
    page = sign_in(email)
    page.goto(address)
    assert_fine(page)


@pytest.mark.parametrize("words", ["Outcome unknown", "Retrying", "Needs a person", "Waiting for"])
def test_every_kind_of_request_page_is_accessible(sign_in: SignIn, words):
    page = sign_in("ops@demo.test")
    page.goto("/queue/?view=all")
    page.get_by_role("row").filter(has_text=words).first.locator("th a").click()
    expect(page.get_by_role("heading", name="Why it is waiting")).to_be_visible()
    assert_accessible(page)
    page.set_viewport_size({"width": 320, "height": 700})
    assert_fits(page)


def test_the_morning_is_readable_from_the_rows(sign_in: SignIn):
    page = sign_in("ops@demo.test")
    expect(page).to_have_url(re.compile("view=stuck"))
    retrying = page.get_by_role("row").filter(has_text="too many requests")
    expect(retrying).to_have_count(3)
    expect(retrying.first).to_contain_text("Nothing has changed.")
    unknown = page.get_by_role("row").filter(has_text="Outcome unknown")
    expect(unknown).to_contain_text("Do not resend.")
    expect(page.get_by_role("row").filter(has_text="EUR 1,240.00")).to_contain_text("L. Sand can")


def test_in_an_unknown_outcome_there_is_no_way_to_send_again(sign_in: SignIn):
    page = sign_in("ops@demo.test")
    page.get_by_role("row").filter(has_text="Outcome unknown").locator("th a").click()
    expect(page.get_by_role("button", name=re.compile("try|send|retry", re.I))).to_have_count(0)
    expect(page.get_by_text("Sending it again is not offered")).to_be_visible()


def ask_for_refund(page: Page, amount: str, *, order: str) -> str:
    """By the two pages; the reference of the new request."""
    page.goto("/requests/new/refund/")
    page.get_by_label("Order").fill(order)
    page.get_by_label("Payment").fill(f"pi_{order}_50000_eur")
    page.get_by_label("Amount").fill(amount)
    page.get_by_label("Lost parcel").check()
    page.get_by_label("Customer").fill("Ana Silva")
    page.get_by_label("Reason", exact=True).fill("Parcel lost.")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Check your answers")).to_be_visible()
    page.get_by_role("button", name=f"Send EUR {amount} for approval").click()
    expect(page.locator(".notice")).to_contain_text("is sent and waits for Finance")
    return page.locator("h1 .ref").inner_text()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_refund_goes_from_the_form_to_done(sign_in: SignIn, javascript: bool):
    order = "77001" if javascript else "77002"
    support = sign_in("support@demo.test", java_script_enabled=javascript)
    ref = ask_for_refund(support, "120.00", order=order)
    expect(support.get_by_text(f"You created {ref}")).to_be_visible()

    finance = sign_in("finance2@demo.test", java_script_enabled=javascript)
    finance.goto(f"/requests/{ref}/")
    finance.get_by_role("button", name="Approve EUR 120.00").click()
    expect(finance.locator(".notice")).to_contain_text("Approved by you at")
    for _ in range(60):
        if finance.locator(".tag", has_text="Done").count():
            break
        finance.wait_for_timeout(500)
        finance.reload()
    expect(finance.locator(".why")).to_contain_text("Stripe confirmed, reference re_")

    support.goto(f"/lookup/?q={order}")
    expect(support.locator("#reply")).to_contain_text("was sent on")
    expect(support.locator("#reply")).not_to_contain_text("Stripe")


def test_a_refund_above_the_payment_is_told_and_the_text_kept(sign_in: SignIn):
    page = sign_in("support@demo.test")
    page.goto("/requests/new/refund/")
    page.get_by_label("Order").fill("77003")
    page.get_by_label("Payment").fill("pi_77003_5000_eur")
    page.get_by_label("Amount").fill("120.00")
    page.get_by_label("Lost parcel").check()
    page.get_by_label("Customer").fill("Ana Silva")
    page.get_by_label("Reason", exact=True).fill("Parcel lost.")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter an amount up to EUR 50.00")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Amount")).to_have_value("120.00")
    assert_accessible(page)


def test_a_refusal_needs_a_reason_and_keeps_the_key(sign_in: SignIn):
    support = sign_in("support@demo.test")
    ref = ask_for_refund(support, "130.00", order="77004")
    page = sign_in("finance2@demo.test")
    page.goto(f"/requests/{ref}/")
    page.get_by_role("link", name="Reject…").click()
    key = page.locator("main input[name=idempotency_key]").input_value()
    page.get_by_role("button", name=f"Reject {ref}").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why you reject it")
    assert page.locator("main input[name=idempotency_key]").input_value() == key
    page.get_by_label("Reason").fill("Not covered.")
    page.get_by_role("button", name=f"Reject {ref}").click()
    expect(page.locator(".tag", has_text="Rejected")).to_be_visible()


def test_what_changed_meanwhile_is_shown_and_nothing_recorded(sign_in: SignIn):
    support = sign_in("support@demo.test")
    ref = ask_for_refund(support, "140.00", order="77005")
    finance = sign_in("finance2@demo.test")
    finance.goto(f"/requests/{ref}/")
    finance.get_by_label("Comment with your approval").fill("Looks right.")
    support.goto(f"/requests/{ref}/resubmit/")
    support.get_by_label("Amount").fill("90.00")
    support.get_by_role("button", name="Send again").click()
    expect(support.locator(".notice")).to_contain_text("is changed and sent again")
    finance.get_by_role("button", name="Approve EUR 140.00").click()
    expect(finance.get_by_role("alert")).to_contain_text("Nothing was recorded")
    expect(finance.locator("del")).to_contain_text("EUR 140.00")
    expect(finance.locator("ins")).to_contain_text("EUR 90.00")
    expect(finance.get_by_label("Your comment")).to_have_value("Looks right.")
    assert_accessible(finance)
    finance.get_by_role("link", name="Review").click()
    finance.get_by_role("button", name="Approve EUR 90.00").click()
    expect(finance.locator(".notice")).to_contain_text("Approved by you")


def test_two_fast_clicks_are_one_decision(sign_in: SignIn):
    support = sign_in("support@demo.test")
    ref = ask_for_refund(support, "150.00", order="77006")
    finance = sign_in("finance2@demo.test")
    finance.goto(f"/requests/{ref}/")
    finance.get_by_role("button", name="Approve EUR 150.00").dblclick()
    expect(finance.locator(".notice")).to_be_visible()
    expect(finance.locator(".timeline li", has_text="Approved, revision 1")).to_have_count(1)


def test_an_ended_session_answers_htmx_with_a_redirect_of_the_whole_page(sign_in: SignIn):
    page = sign_in("ops@demo.test")
    page.goto("/queue/?view=all")
    page.context.clear_cookies()
    page.get_by_label("Search").fill("refund")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_an_administrator_can_edit_teams_and_only_read_requests(sign_in: SignIn):
    page = sign_in("admin@demo.test")
    page.goto("/admin/accounts/team/")
    page.get_by_role("link", name="Finance").click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()
    page.goto("/admin/approvals/approvalrequest/")
    page.locator("#result_list th a").first.click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)


def test_filters_narrow_the_list_and_the_address_keeps_them(sign_in: SignIn):
    page = sign_in("ops@demo.test")
    page.goto("/queue/?view=all")
    page.get_by_label("Type").select_option("manual")
    expect(page).to_have_url(re.compile("kind=manual"))
    expect(page.locator("tbody tr")).to_have_count(1)


def test_what_was_typed_when_the_session_ended_comes_back(sign_in: SignIn):
    page = sign_in("ops@demo.test")
    page.locator("tbody th a").first.click()
    page.get_by_label("Add a note").fill("Called again, needs an answer today.")
    page.context.clear_cookies()
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("Called again, needs an answer today.")
    assert_accessible(page)
