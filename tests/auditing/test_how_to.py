"""What the how-to says about proving a file is what its script does."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.auditing.common import hash_of

pytestmark = pytest.mark.usefixtures("db")
PAGE = Path(settings.BASE_DIR) / "docs" / "how-to" / "audit.md"


@pytest.fixture
def check(tmp_path):
    """The script of the page, run over a file with this text; its exit code and what it prints."""
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (tmp_path / "check_export.py").write_text(code)

    def run(text: str) -> tuple[int, str]:
        (tmp_path / "audit.jsonl").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "check_export.py", "audit.jsonl"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


@pytest.fixture
def file(cast, as_) -> str:
    cast.run(cast.approve(cast.ask(reason="Lost, “twice”\n\u202e!")))
    answer = as_("auditor").post("/audit/export/", {"format": "jsonl"})
    return b"".join(answer.streaming_content).decode()


def test_a_file_as_it_left_is_right(check, file):
    assert check(file) == (0, "0 wrong\n")


def test_a_changed_letter_is_found(check, file):
    code, said = check(file.replace("A. Silva", "B. Silva").replace("Ines Weber", "Ines Wader"))
    assert code == 1
    assert "is not what was recorded" in said


def test_an_event_that_was_put_in_the_place_of_another_is_found(check, file):
    """Each line is right by itself; the newer one does not follow it."""
    lines = [json.loads(line) for line in file.splitlines()]
    lines = [line for line in lines if line["stream"].startswith("request/")]
    second = next(line for line in lines if line["seq"] == 2)
    second["actor_label"] = "Somebody else"
    second["hash"] = hash_of(second)
    code, said = check("".join(json.dumps(line) + "\n" for line in lines))
    assert (code, said.count("is not what was recorded")) == (1, 1)
