"""The product as its users have it: gunicorn, worker and simulator as processes, real Chromium."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect, sync_playwright

from approvals.kinds import refund
from demo.loopback import answers, free_port
from demo.situation import DURATIONS, FAULTS, Situation
from demo.webhooks import NOWHERE
from tests import postgres
from tests.conftest import PASSWORD, point_to
from tests.demo.conftest import until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE_MS = 30_000  # only a failure waits so long; machines differ by a factor of three
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` also runs on machines without a browser, and says so; `.ci/run` installs one."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(
                    pytest.mark.skip(reason="NO CHROMIUM: the pages were not tried in a browser")
                )


@pytest.fixture(scope="session")
def provider(tmp_path_factory) -> Iterator[str]:
    """The address of the simulator, which keeps its own ledger of effects and calls."""
    process, address = _simulator(tmp_path_factory.mktemp("ledger"))
    yield address
    process.terminate()
    process.wait(timeout=60)


@pytest.fixture(scope="session")
def site(django_db_setup, django_db_blocker, provider: str) -> Iterator[str]:
    """The address of a running product in the 09:12 situation, on a database of its own."""
    name = f"{django_db_setup}_browser"
    postgres.build(name, template=f"{django_db_setup}_template")
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": os.environ["DATABASE_URL"].replace("/aq_test?", f"/{name}?"),
        "DATABASE_OWNER_URL": os.environ["DATABASE_OWNER_URL"].replace("/aq_test?", f"/{name}?"),
        "STRIPE_API_KEY": "sk_test_browser",
        "STRIPE_API_BASE": provider,
        "ACCOUNT_SERVICE_URL": provider,
        "ACCOUNT_SERVICE_SECRET": "secret",
        "WEBHOOK_TEST_ADDRESSES": ",".join(_receivers(provider)),
    }
    _happen(name, provider, django_db_blocker)
    point_to(django_db_setup)
    processes = [
        subprocess.Popen(command, cwd=django_settings.BASE_DIR, env=environment)
        for command in (
            [sys.executable, "manage.py", "worker"],
            [
                *(sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind=127.0.0.1:{port}"),
                *("--threads=8", "--no-control-socket", "--log-level=warning"),
            ],
        )
    ]
    address = f"http://127.0.0.1:{port}"
    until(lambda: answers(f"{address}/readyz"))
    yield address
    for process in reversed(processes):
        process.terminate()
        process.wait(timeout=60)
    postgres.drop(name)


Stored = Callable[..., list[tuple]]


@pytest.fixture
def stored(site: str, django_db_setup: str) -> Iterator[Stored]:
    """Asks the site's database in SQL. Django itself refuses to work beside a browser."""
    with postgres.admin(f"{django_db_setup}_browser") as connection:
        yield lambda query, **values: connection.execute(query, values).fetchall()


def _receivers(simulator_url: str) -> list[str]:
    return [urlsplit(simulator_url).netloc, NOWHERE]


def _happen(name: str, simulator_url: str, blocker) -> None:
    from accounts.models import User

    kept = {}
    for setting, value in {
        "STRIPE_API_KEY": "sk_test_browser",
        "STRIPE_API_BASE": simulator_url,
        "ACCOUNT_SERVICE_URL": simulator_url,
        "ACCOUNT_SERVICE_SECRET": "secret",
        "WEBHOOK_TEST_ADDRESSES": _receivers(simulator_url),
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.Argon2PasswordHasher"],
    }.items():
        kept[setting] = getattr(django_settings, setting)
        setattr(django_settings, setting, value)
    refund._client.cache_clear()
    point_to(name)
    with blocker.unblock():
        people = {user.email: user for user in User.objects.all()}
        for user in people.values():
            user.set_password(PASSWORD)
            user.save()
        Situation(people, timezone.now()).happen()
    for setting, value in kept.items():
        setattr(django_settings, setting, value)
    refund._client.cache_clear()


def _simulator(directory) -> tuple[subprocess.Popen, str]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "demo.simulator", "--port=0"),
            f"--ledger={directory / 'ledger.sqlite3'}",
            *(f"--fault={fault}" for fault in FAULTS),
            *DURATIONS,
        ],
        cwd=django_settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().removeprefix("Provider simulator: ").strip()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One for each file: its event loop ends with it. The database refuses to work beside one."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(site: str, chromium: Browser) -> Iterator[SignIn]:
    """A page of a signed-in person; complaints of the browser fail the test at its end."""
    contexts, complaints = [], []

    def begin(email: str, **options) -> Page:
        context = chromium.new_context(base_url=site, reduced_motion="reduce", **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda line: complaints.append(line.text) if _is_complaint(line) else None
        )
        page.goto("/accounts/login/")
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page).not_to_have_url(re.compile("login"))
        return page

    yield begin
    for context in contexts:
        context.close()
    assert complaints == []


def _is_complaint(line) -> bool:
    """A page that answers 4xx on purpose is noted by the browser too; that is none."""
    return (
        line.type in ("error", "warning") and "the server responded with a status" not in line.text
    )
