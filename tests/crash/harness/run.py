"""One run: set up, load and kill, drain, compare. Gives a report; decides nothing about success."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.crash.harness import checker, snapshot, world
from tests.crash.harness.clients import Clients, Load
from tests.crash.harness.history import OK, History
from tests.crash.harness.killer import EVERYTHING, Killer, Menu
from tests.crash.harness.processes import Parts
from tests.crash.harness.web import Web
from tests.crash.harness.world import PROJECT, WITH_SEAMS, Setup, World

TICK_S = 0.1
DURATIONS = {
    "hang-seconds": 3,
    "slow-seconds": 0.7,
    "retry-after-seconds": 20,
    "fail-later-seconds": 4,
    "pending-seconds": 3,
}


@dataclass(frozen=True)
class Plan:
    """What one run does. It goes on past `seconds` until it has its commands and kills, but not
    for longer than `at_most_s`. `each_tick` plays the attacker or steps through a scene, and `is_over`
    says that it is through."""

    seed: int
    seconds: float
    commands: int = 0
    kills: int = 0
    at_most_s: float = 0.0
    drain_s: float = 150.0
    control: str = ""
    load: Load = field(default_factory=Load)
    menu: Menu = EVERYTHING
    setup: Setup = WITH_SEAMS
    code: Path = PROJECT
    prepare: Callable[[World], None] = world.settle
    job_workers: int = 3
    concurrency: int = 8
    durations: dict[str, float] = field(default_factory=lambda: dict(DURATIONS))
    each_tick: Callable[["Running"], None] | None = None
    signed_out: tuple[int, ...] = ()
    explains: Callable[[checker.Case, checker.Finding], bool] | None = None  # what isn't one
    is_over: Callable[[], bool] = lambda: True


@dataclass
class Running:
    """A run under way, for those who meddle with it."""

    plan: Plan
    world: World
    parts: Parts
    killer: Killer
    clients: Clients
    began: float
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def passed_s(self) -> float:
        return time.monotonic() - self.began

    def rows(self, query: str, *values: Any) -> list[tuple]:
        """As superuser, past the proxy; nothing while the database is down."""
        try:
            with self.world.connect() as connection:
                return connection.execute(query, values).fetchall()
        except psycopg.OperationalError:
            return []


@dataclass
class Report:
    seed: int
    control: str
    seconds: float
    drain_s: float
    commands: int
    acked: int
    hot: int
    answers: dict[str, int]
    p99_s: float
    kills: int
    kills_by_point: dict[str, int]
    faults: dict[str, int]
    requests: dict[str, int]
    effects: int
    lost: int
    doubled: int
    unexplained: int
    doctor: int
    verify: int
    findings: list[str]

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.unexplained or self.doctor or self.verify)

    @property
    def has_worked(self) -> bool:
        """Whether there was anything to lose: a load of which all is refused proves nothing."""
        return self.acked > self.commands / 4

    def line(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def carry_out(plan: Plan, say: Callable[[str], None]) -> Report:
    """In this process: one run only, since Django is set up for its database."""
    with world.new(plan.control, plan.setup) as place:
        parts = Parts(
            place,
            job_workers=plan.job_workers,
            concurrency=plan.concurrency,
            durations=plan.durations,
            code=plan.code,
        )
        try:
            parts.start_database()
            place.use_in_this_process()
            plan.prepare(place)
            parts.start(seed=plan.seed)
            say("Everything runs.")
            return run_on(plan, place, parts, Killer(parts, plan.menu, seed=plan.seed), say)
        finally:
            parts.stop()
            parts.stop_database()


def run_on(
    plan: Plan,
    place: World,
    parts: Parts,
    killer: Killer,
    say: Callable[[str], None],
    history: History | None = None,
) -> Report:
    """On parts that run already: load and whatever the killer does, drain, compare."""
    history = History() if history is None else history
    clients = Clients(
        place, Web(parts.places, plan.signed_out), history, seed=plan.seed, load=plan.load
    )
    running = Running(plan, place, parts, killer, clients, time.monotonic())
    clients.start()
    try:
        return _carried_through(plan, running, history, say)
    finally:
        clients.abandon()


def _carried_through(
    plan: Plan, running: Running, history: History, say: Callable[[str], None]
) -> Report:
    place, parts = running.world, running.parts
    killer, clients = running.killer, running.clients
    said_at = 0.0
    while not (_is_enough(plan, running.passed_s, len(history), killer.total) and plan.is_over()):
        parts.watch()
        killer.tick(len(history))
        if plan.each_tick:
            plan.each_tick(running)
        if running.passed_s > said_at:
            said_at += 15
            say(f"{running.passed_s:.0f} s: {len(history)} commands, {killer.total} kills")
        if clients.errors:
            raise clients.errors[0]
        time.sleep(TICK_S)
    seconds = running.passed_s
    drained_s = _drain(plan, running, say)
    ledger = parts.ledger(calls=True)
    proxy = parts.order()
    parts.stop()
    with place.connect() as connection:
        books = snapshot.read(connection, ledger)
    case = checker.Case(books, history, place.person_of)
    findings = [
        finding
        for finding in checker.examine(case)
        if plan.explains is None or not plan.explains(case, finding)
    ]
    doctor = _command(parts, "doctor", "violations")
    verify = _command(parts, "verify_audit", "breaks")
    found = checker.counted(findings)
    return Report(
        seed=plan.seed,
        control=plan.control,
        seconds=round(seconds, 1),
        drain_s=round(drained_s, 1),
        commands=len(history),
        acked=sum(1 for command in history if command.acked),
        hot=sum(1 for command in history if command.is_hot),
        answers=dict(Counter(answer.kind for command in history for answer in command.answers)),
        p99_s=_p99(history),
        kills=killer.total,
        kills_by_point=dict(sorted(killer.kills.items())),
        faults=dict(sorted((killer.faults + Counter(proxy)).items())),
        requests=dict(Counter(row["state"] for row in books.requests)),
        effects=len(books.ledger),
        **found,
        doctor=len(doctor),
        verify=len(verify),
        findings=_examples(findings, doctor, verify),
    )


def _is_enough(plan: Plan, passed: float, commands: int, kills: int) -> bool:
    if passed < plan.seconds:
        return False
    return (commands >= plan.commands and kills >= plan.kills) or passed >= max(
        plan.at_most_s, plan.seconds
    )


def _drain(plan: Plan, running: Running, say: Callable[[str], None]) -> float:
    """Every command gets its answer and every request its end, or the time is over."""
    began = time.monotonic()
    running.killer.calm()
    running.parts.watch()
    waiter = running.clients
    waiter.is_over.set()
    waiter.gives_up_at = began + 60
    deadline = began + plan.drain_s
    while time.monotonic() < deadline:
        running.parts.watch()
        if plan.each_tick:
            plan.each_tick(running)
        if not waiter.is_alive and not _unsettled(running):
            break
        time.sleep(TICK_S * 3)
    waiter.finish(within_s=10)
    left = _unsettled(running)
    say(f"Drained in {time.monotonic() - began:.0f} s, {left} left.")
    return time.monotonic() - began


def _unsettled(running: Running) -> int:
    found = running.rows(
        "SELECT count(*) FROM approvals_approvalrequest WHERE state = ANY(%s)"
        " AND NOT (held_at IS NOT NULL AND state IN ('approved', 'retrying'))",
        list(checker.UNSETTLED),
    )
    return found[0][0] if found else -1


def _command(parts: Parts, name: str, member: str) -> list[Any]:
    """What `manage.py NAME --json` complains of, past the proxy and without seams."""
    environment = dict(
        parts.world.environment(
            database=(str(parts.world.server.socket_directory), 5432), provider="http://127.0.0.1:1"
        ),
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    done = subprocess.run(
        [sys.executable, "manage.py", name, "--json"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return json.loads(done.stdout)[member]
    except (ValueError, KeyError):
        return [{"sentence": f"{name} could not run: {done.stderr.strip()[-300:]}"}]


def _p99(history: History) -> float:
    took = sorted(a.took_s for command in history for a in command.answers if a.kind == OK)
    return round(took[int(len(took) * 0.99)], 2) if took else 0.0


def _examples(findings: list[checker.Finding], doctor: list, verify: list, most: int = 12) -> list:
    """Some of each sentence, so that one kind of finding doesn't hide the others."""
    seen: Counter[str] = Counter()
    examples = []
    for finding in findings:
        seen[finding.sentence] += 1
        if seen[finding.sentence] <= 2:
            examples.append(f"{finding.kind} {finding.subject}: {finding.sentence}")
    examples += [f"doctor {one.get('subject', '')}: {one['sentence']}" for one in doctor[:3]]
    examples += [f"verify {one.get('stream', '')}: {one['sentence']}" for one in verify[:3]]
    return examples[:most]
