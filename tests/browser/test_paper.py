"""Pages on paper, as Chromium prints them. A request is in test_every_page.py, a handoff in its own."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn
from tests.browser.test_every_page import ROLES

A4 = {"width": 688, "height": 900}  # what is left of the sheet between its margins, in CSS pixels
BROKEN_WORDS = """(scope) => {
  const broken = [];
  for (const node of document.querySelectorAll(scope)) {
    const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) for (const word of walker.currentNode.data.matchAll(/\\p{L}+/gu)) {
      const range = document.createRange();
      range.setStart(walker.currentNode, word.index);
      range.setEnd(walker.currentNode, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((box) => box.top)).size > 1) broken.push(word[0]);
    }
  }
  return broken;
}"""


def printed(page: Page, address: str) -> Page:
    page.goto(address)
    page.emulate_media(media="print")
    page.set_viewport_size(A4)
    return page


def test_the_queue_prints_whole_words_and_nothing_to_press(sign_in: SignIn):
    page = printed(sign_in(ROLES["ops"]), "/queue/?view=all")
    expect(page.locator(".queue tbody tr").first).to_be_visible()
    pressed = page.locator("main :is(input, button, summary)")
    assert [one for one in pressed.all() if one.is_visible()] == []
    assert page.evaluate(BROKEN_WORDS, ".queue :is(.tag, .due, .owner, thead th)") == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_filtered_list_says_on_paper_what_it_leaves_out(sign_in: SignIn):
    page = printed(sign_in(ROLES["ops"]), "/queue/?view=all&kind=refund")
    expect(page.locator(".active-filters")).to_contain_text(
        re.compile("Showing only.*Refund", re.S)
    )
    expect(page.get_by_text("Clear all")).to_be_hidden()


def test_the_dashboard_prints_the_numbers_of_its_charts(sign_in: SignIn):
    page = printed(sign_in(ROLES["ops"]), "/dashboard/")
    for table in page.locator(".chart table").all():
        expect(table).to_be_visible()
    expect(page.get_by_text("Show as table").first).to_be_hidden()
    assert page.pdf(format="A4").count(b"/Type /Page\n") <= 2
