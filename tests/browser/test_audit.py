"""The record in a browser: filters, a file, and a check that a real worker carries out."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn, Stored
from tests.browser.test_paths import assert_accessible, assert_fine
from tests.demo.conftest import until


@pytest.fixture
def page(sign_in: SignIn) -> Page:
    return sign_in("auditor@demo.test")


@pytest.fixture
def rejected(stored: Stored) -> int:
    """How many rejections there are: other tests of the same site reject, too."""
    return stored("SELECT count(*) FROM audit_event WHERE action = 'request.reject'")[0][0]


def test_filters_narrow_the_list_without_loading_the_page_anew(page: Page, rejected: int):
    page.goto("/audit/")
    page.evaluate("document.body.dataset.same = 'yes'")
    page.get_by_label("What").select_option("request.reject")
    expect(page).to_have_url(re.compile("what=request.reject"))
    expect(page.locator("tbody tr")).to_have_count(rejected)
    expect(page.locator("#live")).to_contain_text(
        f"{rejected} events on this page match the filters"
    )
    page.get_by_label("Who").fill("nobody at all")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".empty")).to_contain_text("Nobody is called “nobody at all”")
    assert page.evaluate("document.body.dataset.same") == "yes"
    assert_accessible(page)
    page.get_by_role("link", name="Remove filter Who").click()
    expect(page.locator("tbody tr")).to_have_count(rejected)


def test_an_event_leads_to_its_interaction_and_to_its_request(page: Page):
    page.goto("/audit/?what=person.sign_in")
    page.locator("tbody th a").first.click()
    page.get_by_role("link", name="All events of this interaction").click()
    expect(page.locator("tbody th").first).to_contain_text("Signed in")
    page.goto("/audit/?what=request.resubmit")
    page.locator("tbody th a").first.click()
    expect(page.get_by_role("heading", name="Before and after")).to_be_visible()
    page.get_by_role("link", name=re.compile("Open RF-")).click()
    expect(page).to_have_url(re.compile("/requests/RF-"))


@pytest.mark.parametrize("script", [True, False])
def test_the_file_is_what_the_filters_list(sign_in: SignIn, tmp_path, rejected: int, script: bool):
    page = sign_in("auditor@demo.test", java_script_enabled=script)
    page.goto("/audit/?what=request.reject")
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="As JSON Lines").click()
    download.value.save_as(tmp_path / "audit.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [line["action"] for line in lines] == ["request.reject"] * rejected
    expect(page.get_by_role("button", name="As JSON Lines")).to_be_enabled()


def test_check_now_is_carried_out_by_the_worker_and_the_page_shows_its_end(page: Page):
    page.goto("/audit/verify/")
    before = page.locator(".checks-made tbody tr").count()
    page.get_by_role("button", name="Check now").click()
    expect(page.locator(".checks-made tbody tr")).to_have_count(before + 1, timeout=30_000)
    expect(page.get_by_role("heading", name="The record is intact")).to_be_visible()
    expect(page.locator("#live")).to_have_text("The check is done. The record is intact.")
    assert_fine(page)


def test_without_script_a_check_is_asked_for_and_looked_at_again(sign_in: SignIn):
    page = sign_in("admin@demo.test", java_script_enabled=False)
    page.goto("/audit/verify/")
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("main")).to_contain_text("It reads every event.")
    until(lambda: has_ended(page))


def has_ended(page: Page) -> bool:
    page.goto("/audit/verify/")
    return page.get_by_role("button", name="Check now").count() == 1
