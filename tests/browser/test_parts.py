"""The gallery of parts, in Chromium: served with DEBUG on, beside the site of the other tests."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from django.conf import settings

from demo.loopback import answers, free_port
from tests.browser import looking
from tests.browser.conftest import SignIn
from tests.browser.test_every_page import NARROW, ROLES, WIDE, Watched, report, told
from tests.demo.conftest import until

PARTS = "/help/parts/"


@pytest.fixture(scope="module")
def site_in_debug(site: str, django_db_setup: str) -> Iterator[str]:
    """The same database and the same key: who is signed in at the site is signed in here too."""
    port, url = free_port(), os.environ["DATABASE_URL"]
    database = url.replace("/aq_test?", f"/{django_db_setup}_browser?")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind=127.0.0.1:{port}"),
            *("--threads=4", "--no-control-socket", "--log-level=warning"),
        ],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DEBUG": "1", "DATABASE_URL": database},
    )
    address = f"http://127.0.0.1:{port}"
    until(lambda: answers(f"{address}/readyz"))
    yield address
    process.terminate()
    process.wait(timeout=60)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_every_part_is_fine_in_every_state(
    sign_in: SignIn, site_in_debug: str, record_property, theme: str, width: int
):
    """Accessible, not wider than the screen, no small target, within the CSP; by the keyboard too."""
    totals: Counter = Counter()
    page = sign_in(ROLES["ops"], color_scheme=theme)
    watched = Watched(page, site_in_debug.rpartition(":")[0])  # the site of the sign-in as well
    watched.resize(width)
    watched.visit(f"{site_in_debug}{PARTS}")
    assert page.evaluate("document.activeElement === document.body && scrollY === 0")
    watched.note(looking.structure(page) + looking.times(page) + looking.axe(page, totals))
    watched.note(looking.sideways(page) + looking.small(page) + looking.tabbing(page))
    report(record_property, totals)
    assert watched.wrong == [], told(watched.wrong, totals)


def test_what_was_stands_before_what_is_in_every_script(sign_in: SignIn, site_in_debug: str):
    """Two values from right to left must not change places around the arrow."""
    page = sign_in(ROLES["ops"])
    page.goto(f"{site_in_debug}{PARTS}")
    lines = page.locator(".changes li").all()
    assert len(lines) > 8
    for line in lines:
        was, now = line.locator("del").bounding_box(), line.locator("ins").bounding_box()
        assert (was["y"], was["x"]) < (now["y"] + 1, now["x"]), line.inner_text()


def test_a_mistake_of_several_lines_has_its_bullet_at_the_first(
    sign_in: SignIn, site_in_debug: str
):
    """A box in a line sits on its last line unless it is told otherwise."""
    page = sign_in(ROLES["ops"])
    page.goto(f"{site_in_debug}{PARTS}")
    link = page.locator(".error-summary a").last
    assert link.evaluate("(node) => getComputedStyle(node).verticalAlign") == "top"
