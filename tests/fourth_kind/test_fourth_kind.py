"""The package of docs/how-to/add-a-kind, installed beside the product and run through its life."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from approvals import checks
from approvals.causes import CAUSES
from approvals.kinds.account_change import AccountChange
from approvals.kinds.refund import Refund

HOW_TO = Path(settings.BASE_DIR) / "docs" / "how-to"
PACKAGE = HOW_TO / "add-a-kind"
# Of this process; the other one has a database and keys of its own.
OURS = re.compile(r"AQ_TEST_|DATABASE_|PYTEST_|SECRET_KEY|AUDIT_SIGNING_KEY")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    copy, place = tmp_path_factory.mktemp("source") / "p", tmp_path_factory.mktemp("installed")
    shutil.copytree(PACKAGE, copy)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(place)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(copy)], check=True)
    return place


@pytest.mark.worker
def test_a_gift_card_lives_from_form_to_done(installed):
    environment = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    environment |= {"PYTHONPATH": str(installed), "MORE_KINDS": "gift_cards.GiftCard"}
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/fourth_kind/life.py",
        ],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]


def test_the_code_on_the_page_is_the_code_of_the_package():
    page = (HOW_TO / "add-a-kind.md").read_text(encoding="utf-8")
    shown = re.findall(r"```(?:python|toml)\n(.*?)```", page, re.DOTALL)
    sources = [
        path.read_text("utf-8") for path in PACKAGE.rglob("*") if path.suffix in (".py", ".toml")
    ]
    assert shown
    assert [one for one in shown if not any(one in source for source in sources)] == []


class Clashing(Refund):
    causes = (CAUSES["no-answer"],)


def test_what_is_taken_is_named():
    said = " ".join(checks.problems_of([Refund(), Clashing()]))
    assert "The slug refund belongs to 2 kinds" in said
    assert "The prefix RF belongs to 2 kinds" in said
    assert "The cause no-answer of refund belongs to the product already" in said


def test_ours_have_no_problem():
    assert list(checks.problems_of([Refund(), AccountChange()])) == []


def test_a_module_that_cannot_be_imported_is_named(settings):
    settings.APPROVAL_KINDS = ["no_such.Kind", "builtins.dict"]
    said = " ".join(error.msg for error in checks.kinds_can_be_used())
    assert "The kind no_such.Kind cannot be loaded" in said
    assert "builtins.dict is not a kind" in said


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[not-moved]\nchecking = ["{Subject} was sent."]', "says moved"),
        ('[not-moved]\nchecking = ["{Subject} of {secret} was not sent."]', "{secret}"),
    ],
)
def test_texts_that_promise_too_much_are_refused(tmp_path, text, problem):
    class Promising(Refund):
        replies = tmp_path

    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "refund.toml").write_text(f'subject = "your refund"\n{text}\n', "utf-8")
    assert any(problem in said for said in checks.problems_of([Promising()]))
