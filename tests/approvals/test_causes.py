"""The catalogue of causes."""

import ast
from pathlib import Path

import pytest

from approvals import causes
from approvals.causes import CAUSES, cause
from approvals.kinds import account_change, stripe_answers

APPROVALS = Path(causes.__file__).parent
SOURCES = [
    *(APPROVALS / "kinds").glob("*.py"),
    APPROVALS / "execution.py",
    APPROVALS / "outcomes.py",
    APPROVALS / "proof.py",
    APPROVALS / "commands" / "settle.py",
]
# Calls whose first text is a code, and the place of the code in their arguments.
PLACES = {"Refused": 0, "Unknown": 0, "note_cause": 0, "lose_track": 1}


def used() -> dict[str, str]:
    """Every code that is written in the source, and where."""
    found = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                place = PLACES.get(name)
                if place is not None and len(node.args) > place:
                    for part in ast.walk(node.args[place]):
                        if (
                            isinstance(part, ast.Constant)
                            and part.value
                            and type(part.value) is str
                        ):
                            found[part.value] = f"{path.name}:{node.lineno}"
            if isinstance(node, ast.Assign) and node.targets[0].__class__ is ast.Name:
                name = node.targets[0].id
                if name in ("NOT_PROVEN", "NOT_APPROVED", "SETTLED_AS_NOT_DONE"):
                    found[node.value.value] = f"{path.name}:{node.lineno}"
    for module in (stripe_answers, account_change):
        found |= dict.fromkeys(module.CAUSE_OF_CODE.values(), module.__name__)
    found |= dict.fromkeys(
        ("card-declined", "refused-by-provider", "not-reached", "connection-lost"), "calling.py"
    )
    return found


def test_the_codes_are_found_in_the_source():
    assert {"no-answer", "by-hand", "worker-died", "approval-not-proven"} <= set(used())


@pytest.mark.parametrize("code", sorted(used()))
def test_every_code_that_is_used_is_in_the_catalogue(code):
    assert code in CAUSES


@pytest.mark.parametrize("one", CAUSES.values(), ids=lambda one: one.code)
def test_every_cause_is_complete(one):
    assert all([one.code, one.plain, one.meaning, one.moved, one.next_step])


@pytest.mark.parametrize("one", CAUSES.values(), ids=lambda one: one.code)
def test_plain_words_complete_a_sentence(one):
    assert not one.plain.endswith(".")


@pytest.mark.parametrize("one", CAUSES.values(), ids=lambda one: one.code)
def test_the_other_texts_are_sentences(one):
    assert all(text.endswith(".") for text in (one.meaning, one.moved, one.next_step))


def test_codes_are_different():
    assert len(causes._CATALOGUE) == len(CAUSES)


def test_an_unknown_code_is_no_error():
    assert cause("never heard of").code == "unrecognised"


def test_a_code_fits_its_column():
    assert max(map(len, CAUSES)) <= 60
