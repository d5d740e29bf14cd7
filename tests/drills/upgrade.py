"""`make drill-upgrade`: to the next version and back while people work, as docs/operations.md says.

The version before is the newest state of this repository's history without the newest migration.
It runs under load; the tables are changed under it; workers and web are replaced by today's code;
then the old code comes back, with the new tables. No command may be lost, doubled or left without an
answer. Prints one JSON line. The load and the comparison are the crash test's, and of today.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from config.embedded import EmbeddedServer
from tests.crash.harness import world
from tests.crash.harness.clients import Load
from tests.crash.harness.history import Command
from tests.crash.harness.killer import NOTHING
from tests.crash.harness.run import Plan, Report, Running, carry_out
from tests.crash.harness.world import PROJECT, Account, World

PHASE_S = 8.0
PER_SECOND = 3.0
SHALLOW = "Skipped: this clone has no history, so there is no version before this one."


class NoHistory(Exception):
    """There is no earlier version to be had; the message says why."""


class DrillFailed(Exception):
    """A step could not be done; the message is what the program said."""


def previous() -> str:
    """The commit before the one that brought the newest migration to this branch."""
    newest = _git("log", "--first-parent", "-1", "--format=%H", "--", "*/migrations/*.py")
    if not newest:
        raise NoHistory(SHALLOW)
    return _git("rev-parse", "--verify", f"{newest}^1")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoHistory(SHALLOW) from error
    return done.stdout.strip()


def check_out(commit: str, to: Path) -> None:
    """The product of then; the tests, which load it and compare, of today."""
    archive = subprocess.run(
        ["git", "archive", commit], cwd=PROJECT, capture_output=True, check=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(to, filter="data")
    (to / "tests").rename(to / "tests-of-then")
    (to / "tests").symlink_to(PROJECT / "tests")


@dataclass
class Drill:
    """`each_tick` of the run: one step after another, each once its time has come."""

    old: Path
    began: dict[str, float] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)
    migrated: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._steps: list[tuple[str, Callable[[Running], None]]] = [
            ("old code, new tables", self._migrate),
            ("new code", lambda running: running.parts.change_to(PROJECT)),
            ("old code again", lambda running: running.parts.change_to(self.old)),
            ("end", lambda running: None),
        ]
        self._next_s = PHASE_S

    def __call__(self, running: Running) -> None:
        self.began.setdefault("old code", time.time())
        self.history = running.clients.history
        if self._steps and running.passed_s > self._next_s:
            name, does = self._steps.pop(0)
            self.began[name] = began = time.time()
            does(running)
            self.took_s[name] = round(time.time() - began, 1)
            self._next_s = running.passed_s + PHASE_S

    def is_over(self) -> bool:
        return not self._steps

    def _migrate(self, running: Running) -> None:
        """As its owner, which the web and the workers never are."""
        done = subprocess.run(
            [sys.executable, "manage.py", "migrate", "--no-color"],
            cwd=PROJECT,
            env=dict(running.parts.environment),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise DrillFailed(done.stderr)
        self.migrated = [line.split()[1] for line in done.stdout.splitlines() if "... OK" in line]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drills.upgrade", description=__doc__)
    parser.add_argument("--from", dest="commit", help="another version to come from")
    parser.add_argument("--people", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.people:
        return _settle(options.people)
    try:
        commit = options.commit or previous()
    except NoHistory as why:
        print(why)
        return 0
    with tempfile.TemporaryDirectory(prefix="aq-before-") as directory:
        old = Path(directory)
        old.chmod(0o755)
        check_out(commit, old)
        drill = Drill(old)
        report = carry_out(_plan(drill), lambda sentence: print(sentence, file=sys.stderr))
    line = _line(commit, drill, report, list(drill.history))
    print(json.dumps(line, ensure_ascii=False))
    return 0 if line["is_good"] else 1


def _plan(drill: Drill) -> Plan:
    return Plan(
        seed=1,
        seconds=PHASE_S,
        load=Load(per_second=PER_SECOND),
        menu=replace(NOTHING, providers=("realistic",)),
        job_workers=2,
        code=drill.old,
        prepare=lambda place: _prepared(place, drill.old),
        each_tick=drill,
        is_over=drill.is_over,
    )


def _prepared(place: World, old: Path) -> None:
    """Tables and people as the old code makes them, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.drills.upgrade", "--people", str(place.directory)],
        cwd=old,
        env=dict(
            place.environment(
                database=(str(place.server.socket_directory), 5432), provider="http://127.0.0.1:1"
            )
        ),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    place.accounts = [
        Account(**{**fields, "roles": frozenset(fields["roles"])})
        for fields in json.loads(done.stdout.splitlines()[-1])
    ]


def _settle(directory: Path) -> int:
    """Of that process: what it made, on stdout."""
    import django

    django.setup()
    place = World(directory, EmbeddedServer(directory), os.environ["SECRET_KEY"])
    world.settle(place)
    print(json.dumps([{**asdict(one), "roles": sorted(one.roles)} for one in place.accounts]))
    return 0


def _line(commit: str, drill: Drill, report: Report, commands: list[Command]) -> dict[str, Any]:
    phases = {name: _phase(commands, *times) for name, times in _times(drill.began)}
    unanswered = sum(1 for command in commands if command.definite is None)
    is_good = (
        report.is_clean
        and not unanswered
        and bool(drill.migrated)
        and all(phase["confirmed"] for phase in phases.values())
    )
    return {
        "from": commit[:9],
        "migrated": drill.migrated,
        "took_s": drill.took_s,
        "phases": phases,
        "unanswered": unanswered,
        "requests": report.requests,
        "effects": report.effects,
        "lost": report.lost,
        "doubled": report.doubled,
        "unexplained": report.unexplained,
        "doctor": report.doctor,
        "verify": report.verify,
        "findings": report.findings,
        "is_good": is_good,
    }


def _times(began: dict[str, float]) -> Iterator[tuple[str, tuple[float, float]]]:
    for (name, since), (_, until) in itertools.pairwise(began.items()):
        yield name, (since, until)


def _phase(commands: list[Command], since: float, until: float) -> dict[str, int]:
    """Of the commands that were asked for in it. `again`: had to be sent again, with the same key."""
    asked = [command for command in commands if since <= command.asked_at < until]
    return {
        "commands": len(asked),
        "confirmed": sum(1 for command in asked if command.acked),
        "again": sum(1 for command in asked if command.had_unknown),
    }


if __name__ == "__main__":
    sys.exit(main())
