"""`make screenshots`: the screens of the product in its 09:12 situation, for the docs and for review.

Starts a demo of its own, signs in as each role, and writes docs/screenshots/NAME-light.jpg and
NAME-dark.jpg. Needs a Chromium on the machine.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from demo.loopback import free_port

ROOT = Path(__file__).parent.parent
INTO = ROOT / "docs" / "screenshots"
PASSWORD = "shown-in-no-screenshot"
THEMES = ("light", "dark")
SIZE = {"width": 1280, "height": 860}
# Name, who looks, where. "row:VIEW:AC-" is the page of the last such row of a view, "event:ACTION" that
# of the newest event of that action.
SCREENS = [
    ("queue", "ops@demo.test", "/queue/?view=stuck"),
    ("decisions", "finance1@demo.test", "/decisions/"),
    ("request", "finance1@demo.test", "row:me:RF-"),
    ("retrying", "ops@demo.test", "row:stuck:AC-"),
    ("lookup", "support@demo.test", "/lookup/?q=ZD-9921"),
    ("new-request", "support@demo.test", "/requests/new/refund/"),
    ("failures", "ops@demo.test", "/failures/"),
    ("cause", "ops@demo.test", "/failures/too-many-requests/"),
    ("systems", "ops@demo.test", "/systems/"),
    ("dashboard", "ops@demo.test", "/dashboard/"),
    ("handoff", "ops@demo.test", "/handoff/2/"),
    ("inbox", "ops@demo.test", "/inbox/"),
    ("cover", "finance2@demo.test", "/me/cover/"),
    ("tokens", "ops@demo.test", "/me/tokens/"),
    ("audit", "auditor@demo.test", "/audit/"),
    ("audit-event", "auditor@demo.test", "event:request.resubmit"),
    ("verification", "auditor@demo.test", "/audit/verify/"),
]


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("No Chromium on this machine: install Debian's chromium.")
    INTO.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        address, demo = _demo(directory)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox"]
                )
                for theme in THEMES:
                    _all(browser, address, theme)
                browser.close()
        finally:
            demo.terminate()
            demo.wait(timeout=60)


def _demo(directory: str) -> tuple[str, subprocess.Popen]:
    port = free_port()
    demo = subprocess.Popen(
        [sys.executable, "manage.py", "demo", f"--port={port}", f"--data-dir={directory}"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "DEMO_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    for line in demo.stdout:
        if line.startswith("Ready: "):
            return line.removeprefix("Ready: ").strip(), demo
    sys.exit("The demo did not start.")


def _all(browser: Browser, address: str, theme: str) -> None:
    pages: dict[str, Page] = {}
    for name, email, where in SCREENS:
        if email not in pages:
            pages[email] = _signed_in(browser, address, theme, email)
        page = pages[email]
        if where.startswith("row:"):
            _, view, prefix = where.split(":")
            page.goto(f"/queue/?view={view}")
            page.locator(f"a[id^='open-{prefix}']").last.click()
            page.wait_for_load_state()
        elif where.startswith("event:"):
            page.goto(f"/audit/?what={where.removeprefix('event:')}")
            page.locator("th[scope=row] a").first.click()
            page.wait_for_load_state()
        else:
            page.goto(where)
        page.screenshot(path=INTO / f"{name}-{theme}.jpg", type="jpeg", quality=75)
        print(f"{name}-{theme}.jpg")


def _signed_in(browser: Browser, address: str, theme: str, email: str) -> Page:
    context = browser.new_context(base_url=address, viewport=SIZE, color_scheme=theme)
    page = context.new_page()
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()
    return page


if __name__ == "__main__":
    main()
