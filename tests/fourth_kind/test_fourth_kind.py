"""The package of docs/how-to/add-a-kind, installed beside the product and run through its life."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from approvals import checks
from approvals.causes import CAUSES, Advice
from approvals.kinds import Loaded
from approvals.kinds.account_change import AccountChange
from approvals.kinds.base import Kind
from approvals.kinds.refund import Refund
from approvals.replies import texts
from tests.fourth_kind.service import SECRET

HOW_TO = Path(settings.BASE_DIR) / "docs" / "how-to"
PACKAGE = HOW_TO / "add-a-kind"
LIFE = ("tests/fourth_kind/life.py", "tests/fourth_kind/shown.py")
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
    environment["GIFT_CARD_SECRET"] = SECRET
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *LIFE],
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


# --- What the system check says ---------------------------------------------------------------------


@pytest.fixture
def errors_of(monkeypatch):
    """The sentences of the system check where these kinds are all that are named."""

    def check(*kinds: Kind) -> list[str]:
        monkeypatch.setattr(checks, "loaded", lambda: Loaded(kinds, []))
        errors = checks.kinds_can_be_used()
        assert {error.id for error in errors} <= {"approvals.E001"}
        return [error.msg for error in errors]

    return check


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


class Other(AccountChange):
    """A second kind, without words of its own."""

    slug = "other"
    prefix = "OT"


class Clashing(Refund):
    causes = (CAUSES["no-answer"],)


def test_what_is_taken_is_named():
    said = " ".join(checks.problems_of([Refund(), Clashing()]))
    assert "The slug refund belongs to 2 kinds" in said
    assert "The prefix RF belongs to 2 kinds" in said
    assert "The cause no-answer of refund belongs to the product already" in said


def test_two_kinds_with_one_name_for_a_runbook(tmp_path, errors_of):
    class One(Refund):
        runbooks = tmp_path / "one"

    class Two(Other):
        runbooks = tmp_path / "two"

    write(One.runbooks / "stock.md", "# Out of stock")
    write(Two.runbooks / "stock.md", "# Nothing left")
    assert errors_of(One(), Two()) == ["The runbook stock of other has a name that is taken."]
    write(Two.runbooks / "stock.md", "")
    assert "The runbook stock of other must begin with a title: “# …”." in errors_of(One(), Two())


def test_a_runbook_with_a_name_of_ours(tmp_path, errors_of):
    class One(Refund):
        runbooks = tmp_path

    write(tmp_path / "outcome-unknown.md", "# Another")
    assert errors_of(One()) == ["The runbook outcome-unknown of refund has a name that is taken."]


def test_a_cause_without_its_runbook(tmp_path, errors_of):
    lost = replace(CAUSES["no-answer"], code="lost", advice=Advice("nowhere", ["Wait."], ["No."]))

    class One(Refund):
        causes = (lost,)
        runbooks = tmp_path

    assert errors_of(One()) == ["The cause lost of refund names no runbook: nowhere."]
    write(tmp_path / "nowhere.md", "# Lost")
    assert errors_of(One()) == []


def test_texts_that_differ_between_languages(tmp_path, errors_of):
    class One(Refund):
        replies = tmp_path

    english = 'subject = "your refund"\n[not-moved]\nchecking = ["{Subject} was not sent."]\n'
    german = (
        'subject = "Ihre Erstattung"\n[not-moved]\nended = ["{Subject} wurde nicht gesendet."]\n'
    )
    write(tmp_path / "de" / "refund.toml", german)
    assert "The texts of refund for customers are missing in English." in errors_of(One())
    texts.read.cache_clear()
    write(tmp_path / "en" / "refund.toml", english)
    assert errors_of(One()) == [
        "The texts of refund in German and English differ in: checking, ended."
    ]
    texts.read.cache_clear()
    write(tmp_path / "de" / "refund.toml", german.replace("ended", "checking"))
    assert errors_of(One()) == []


def test_ours_have_no_problem():
    assert list(checks.problems_of([Refund(), AccountChange()])) == []


def test_a_module_that_cannot_be_imported_is_named(settings):
    settings.APPROVAL_KINDS = ["no_such.Kind", "builtins.dict"]
    said = " ".join(error.msg for error in checks.kinds_can_be_used())
    assert "The kind no_such.Kind cannot be loaded" in said
    assert "builtins.dict is not a kind" in said


@pytest.mark.parametrize(
    ("secrets", "problem"),
    [
        (lambda self: "one text", "must be a list of texts"),
        (lambda self: [None], "must be a list of texts"),
        (lambda self: os.environ["NOT_SET_ANYWHERE"], "cannot be loaded: KeyError"),
    ],
)
def test_secrets_that_could_not_be_hidden_are_named(settings, monkeypatch, secrets, problem):
    monkeypatch.setattr(Refund, "secrets", secrets)
    settings.APPROVAL_KINDS = ["approvals.kinds.refund.Refund"]
    assert problem in " ".join(error.msg for error in checks.kinds_can_be_used())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[not-moved]\nchecking = ["{Subject} was sent."]', "says moved"),
        ('[not-moved]\nchecking = ["{Subject} of {secret} was not sent."]', "{secret}"),
        (
            '[not-moved]\nchecking = ["By stripe {subject} was not sent."]',
            "names the system “Stripe”",
        ),
    ],
)
def test_texts_that_promise_too_much_are_refused(tmp_path, text, problem):
    class Promising(Refund):
        replies = tmp_path

    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "refund.toml").write_text(f'subject = "your refund"\n{text}\n', "utf-8")
    assert any(problem in said for said in checks.problems_of([Promising()]))
