"""The catalogue is complete: nothing is recorded that it does not name."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings

from approvals.events import Action, SystemAction
from audit.models import Event
from auditing import catalogue
from webhooks.views.acts import VERBS

APPS = ("accounts", "approvals", "audit", "auditing", "handoffs", "notifications", "webhooks")
RECORDING = {"record", "commit", "tell", "_tell", "_record", "_run"}
ACTION = re.compile(r"[a-z]+\.[a-z_]+")
# Actions that are put together of two words, by the file that does it.
PUT_TOGETHER = {
    "accounts/admin.py": {"admin.add", "admin.change", "admin.delete"},
    "approvals/commands/cover.py": {"cover.set", "cover.end"},
    "approvals/commands/erasure.py": {"erasure.ask", "erasure.confirm"},
    "approvals/quarantine.py": {
        "quarantine.begin",
        "quarantine.reconcile",
        "quarantine.ask",
        "quarantine.release",
    },
    "notifications/commands.py": {"person.watch", "person.unwatch"},
    # Refused attempts: the words of what was tried, checked below.
    "approvals/commands/frame.py": set(),
}
DOCS = Path(settings.BASE_DIR) / "docs" / "reference" / "audit-events.md"


def _calls(app: str):
    for path in sorted((Path(settings.BASE_DIR) / app).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in RECORDING:
                yield str(path.relative_to(settings.BASE_DIR)), node


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _spoken(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords if word.arg in (None, "action"))]


def test_every_action_that_stands_in_a_call_is_in_it():
    found = {
        said.value
        for app in APPS
        for _, call in _calls(app)
        for said in _spoken(call)
        if isinstance(said, ast.Constant)
        and isinstance(said.value, str)
        and ACTION.fullmatch(said.value)
    }
    assert len(found) > 25
    assert found - set(catalogue.words()) == set()


def test_every_action_that_is_put_together_is_in_it():
    files = {
        path
        for app in APPS
        for path, call in _calls(app)
        for said in _spoken(call)
        if isinstance(said, ast.JoinedStr) and any("." in str(_text(part)) for part in said.values)
    }
    assert files == set(PUT_TOGETHER)
    assert set().union(*PUT_TOGETHER.values()) <= set(catalogue.words())


def _text(part: ast.expr) -> object:
    return getattr(part, "value", "")


def test_every_word_of_the_enums_and_of_the_verbs_is_in_it():
    spoken = {action.value for action in (*Action, *SystemAction)}
    spoken |= {f"webhook.{verb}" for verb in VERBS}
    assert spoken <= set(catalogue.words())


def test_every_command_that_can_be_refused_is_in_it():
    """A refusal is recorded as `about.verb`: the verbs of commands are words of the catalogue."""
    verbs = re.compile(r'^@command\(\s*"(\w+)"', re.M)
    folder = Path(settings.BASE_DIR) / "approvals" / "commands"
    found = {verb for path in folder.glob("*.py") for verb in verbs.findall(path.read_text())}
    assert len(found) > 15
    assert {f"request.{verb}" for verb in found} <= set(catalogue.words())


def test_no_action_is_declared_twice_and_each_belongs_to_a_group():
    declared = [
        word.action
        for config in catalogue.apps.get_app_configs()
        for word in catalogue._declared(config)
    ]
    assert len(declared) == len(set(declared)) == len(catalogue.words())
    assert {word.group for word in catalogue.words().values()} == set(catalogue.GROUPS)


def test_every_sentence_is_made_of_its_own_facts():
    for word in catalogue.words().values():
        for sentence in (word.sentence, word.refused):
            assert set(re.findall(r"{(\w+)}", sentence)) <= set(word.facts), word.action


def test_the_documentation_says_the_same():
    assert catalogue.as_markdown().strip() in DOCS.read_text(encoding="utf-8")


def test_every_column_of_an_event_is_documented():
    documented = set(re.findall(r"^\| `(\w+)` \|", DOCS.read_text(encoding="utf-8"), re.M))
    columns = {field.attname for field in Event._meta.concrete_fields} - {"id", "xid"}
    assert columns <= documented


def check_recorded() -> None:
    """Used by the test of the demo's situation: what was recorded is what is declared."""
    words = catalogue.words()
    for action, facts, about in Event.objects.values_list("action", "facts", "target_type"):
        assert action in words, action
        assert set(facts) <= set(words[action].facts), (action, facts)
        assert about in words[action].objects, (action, about)


@pytest.mark.usefixtures("db")
def test_its_page_leads_to_the_events(as_):
    page = as_("auditor").get("/audit/catalogue/").content.decode()
    for action in catalogue.words():
        assert f'href="/audit/?what={action}"' in page
