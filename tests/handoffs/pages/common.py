"""What the tests of these pages share: their words, and the form that a browser would send."""

import html
import re

from handoffs.models import Handoff
from tests.approvals.pages.common import hidden, text


def base(handoff: Handoff) -> str:
    return f"/handoff/{handoff.pk}/"


def plain(page) -> str:
    """The words of a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", text(page).partition("<main")[2]).split())


def form_of(page, **changes: str) -> dict[str, str]:
    """What a browser would send of the draft's form."""
    content = text(page)
    found = {name: hidden(page, name) for name in ("idempotency_key", "version")}
    for name in re.findall(r'name="((?:next|if)_\d+)"', content):
        shown = content.partition(f'name="{name}"')[2].partition("</textarea>")[0]
        found[name] = html.unescape(shown.partition(">")[2].removeprefix("\n"))
    for name in re.findall(r'<select name="(to_\d+)"', content):
        options = content.partition(f'<select name="{name}"')[2].partition("</select>")[0]
        found[name] = re.search(r'value="(\d+)" selected', options)[1]
    for name in re.findall(r'name="(none_\w+)"', content):
        found[name] = "on"
    return {**found, "note": "", **changes}
