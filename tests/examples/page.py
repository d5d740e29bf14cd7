"""A page of the docs as a programme: its blocks in order, and what it says comes back."""

import io
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN, SHOWN = ("sh", "python"), ("http", "text")
LONGEST_BLOCK_S = 60


@dataclass
class Block:
    """What is run, and what is shown after it; "" when nothing is."""

    language: str
    source: str
    shown: str = ""

    @property
    def only_reads(self) -> bool:
        return self.language == "sh" and "--json" not in self.source


def blocks(page: Path) -> list[Block]:
    found: list[Block] = []
    for language, source in BLOCK.findall(page.read_text()):
        assert language in RUN + SHOWN, f"A block of {language} is not run by anybody."
        if language in RUN:
            found.append(Block(language, source))
        else:
            assert not found[-1].shown
            found[-1].shown = source
    return found


@dataclass
class Reader:
    """Somebody who types the page, block after block, into one shell and one Python."""

    directory: Path
    environment: dict[str, str]
    names: dict[str, Any] = field(default_factory=dict)

    def run(self, block: Block) -> str:
        return self._python(block.source) if block.language == "python" else self._sh(block.source)

    def _sh(self, source: str) -> str:
        """What one block exports, the next ones have."""
        with tempfile.NamedTemporaryFile() as after:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", f'{source}\nenv -0 > "$AFTER"'],
                check=False,
                cwd=self.directory,
                env={**self.environment, "AFTER": after.name},
                capture_output=True,
                text=True,
                timeout=LONGEST_BLOCK_S,
            )
            assert done.returncode == 0, done.stderr
            pairs = Path(after.name).read_text().rstrip("\0").split("\0")
        self.environment = dict(pair.split("=", 1) for pair in pairs)
        return done.stdout

    def _python(self, source: str) -> str:
        out = io.StringIO()
        with patch.dict(os.environ, self.environment), redirect_stdout(out):
            exec(compile(source, "the page", "exec"), self.names)  # noqa: S102 - our own page
        return out.getvalue()


def differences(block: Block, came: str) -> list[str]:
    """What the page shows and did not come back; … stands for anything."""
    if not block.shown:
        return []
    if not block.shown.startswith("HTTP/"):
        return [] if is_like(_stripped(block.shown), _stripped(came)) else [came]
    shown, answer = _answer(block.shown), _answer(came)
    found = []
    if shown.status_line != answer.status_line:
        found.append(f"{answer.status_line}, not {shown.status_line}")
    for name, value in shown.headers.items():
        if not is_like(value, answer.headers.get(name, "")):
            found.append(f"{name}: {answer.headers.get(name)}, not {value}")
    if not is_like(shown.body, answer.body):
        found.append(f"{answer.body}, not {shown.body}")
    return found


def _stripped(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


@dataclass(frozen=True)
class _Answer:
    status_line: str
    headers: Mapping[str, str]
    body: Any


def _answer(text: str) -> _Answer:
    """As `curl -i` prints it. What a page shows is written in the same way."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    status_line, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    return _Answer(
        status_line.strip(), {k.lower(): v for k, v in headers.items()}, json.loads(body)
    )


def is_like(shown: Any, came: Any) -> bool:
    """Whether all that is shown came: members of an object, elements of a list in their order."""
    if isinstance(shown, dict):
        return isinstance(came, dict) and all(
            name in came and is_like(value, came[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        rest = iter(came)
        return all(any(is_like(one, other) for other in rest) for one in shown)
    if isinstance(shown, str) and isinstance(came, str):
        parts = map(re.escape, shown.split("…"))
        return re.fullmatch("[^\\n]*".join(parts), came) is not None
    return type(shown) is type(came) and shown == came
