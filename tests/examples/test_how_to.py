"""The pages about the API: each example is run as it stands, and comes back as the page says."""

import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from approvals.api.problems import PROBLEMS
from tests.examples.page import Reader, blocks, differences
from tests.examples.web import Web

HOW_TO = Path(settings.BASE_DIR) / "docs" / "how-to"
PAGE, OPERATING = HOW_TO / "use-the-api.md", HOW_TO / "automate-operations.md"
DEMO = "http://127.0.0.1:8000"
SOON_S = (
    20  # what only reads may be asked again for so long: events are told in a moment, not at once
)
missing = [name for name in ("bash", "curl", "jq") if shutil.which(name) is None]
can_be_typed = pytest.mark.skipif(
    bool(missing), reason=f"The pages' examples need {', '.join(missing)}."
)


@pytest.fixture
def reader(web) -> Reader:
    """In the project's folder, with this Python as `python`, and the demo at another address."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return Reader(settings.BASE_DIR, {**web.environment, "PATH": path})


@pytest.mark.worker
@can_be_typed
def test_every_example_does_what_the_page_says(reader, web, cast, start_worker):
    for _ in range(3):
        cast.ask()  # the demo has requests, too, so there is more than one page
    start_worker()
    run_all(PAGE, reader, web)


@pytest.mark.worker
@can_be_typed
def test_every_example_of_operations_does_what_the_page_says(reader, web, cast, provider):
    provider.set_faults(rate_limit=1)
    for _ in range(3):
        cast.run(cast.approve(cast.ask_for_account_change(), cast.operator))
    run_all(OPERATING, reader, web)


def run_all(page: Path, reader: Reader, web: Web) -> None:
    for block in blocks(page):
        block.source = block.source.replace(DEMO, web.url)
        deadline = time.monotonic() + SOON_S
        found = differences(block, reader.run(block))
        while found and block.only_reads and time.monotonic() < deadline:
            found = differences(block, reader.run(block))
        assert not found, f"{block.source}\n{found}"


@pytest.mark.parametrize(("page", "least"), [(PAGE, 14), (OPERATING, 3)])
def test_a_page_shows_what_comes_back_of_each_call(page, least):
    shown = [block for block in blocks(page) if block.shown]
    assert len(shown) >= least
    silent = [block.source for block in blocks(page) if not block.shown]
    assert all("create_token" in source for source in silent)


def test_the_table_names_problems_by_their_status():
    rows = re.findall(r"^\| ([\d, ]+) \| (`.+?`) \|", PAGE.read_text(), re.MULTILINE)
    told = {}
    for statuses, types in rows:
        for name in re.findall(r"`([\w-]+)`", types):
            told[name] = {int(status) for status in statuses.split(",")}
    assert len(told) >= 14
    assert all(PROBLEMS[name].status in statuses for name, statuses in told.items())
