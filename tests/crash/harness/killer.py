"""Everything that goes wrong, at random from a seed. It runs in the thread that starts processes.

The run is cut into rounds. Each round draws which faults it has (a swarm: rare combinations come
up because most things are missing), how the provider behaves, and how lossy the database's line is.
"""

import contextlib
import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.crash.harness.processes import Parts
from tests.crash.harness.seams import waits
from tests.crash.harness.seams.failpoints import COMMAND_POINTS, HITS, WORKER_POINTS

ROUND_S = 12.0
PAST_THE_LEASE_S = waits.LEASE_S + 2
PAST_LOCK_TIMEOUT_S = 3.0

REALISTIC = {
    "refuse_before": 0.02,
    "rate_limit": 0.02,
    "reject": 0.02,
    "hang_after_effect": 0.02,
    "error_after_effect": 0.02,
    "slow": 0.05,
    "fail_later": 0.01,
    "pending": 0.02,
    "look_up_unavailable": 0.02,
    "duplicate_webhook": 0.05,
}
HOSTILE = {
    "refuse_before": 0.15,
    "rate_limit": 0.15,
    "reject": 0.05,
    "hang_after_effect": 0.15,
    "error_after_effect": 0.15,
    "slow": 0.2,
    "fail_later": 0.05,
    "pending": 0.1,
    "look_up_unavailable": 0.3,
    "duplicate_webhook": 0.2,
}
# A worker that stops between its claim and its sending, and wakes up after its lease, sends late.
# With a provider that knows keys that is a repeat; with one that doesn't, nobody can prevent it
# from this side. So while keys are ignored workers die, but don't sleep (docs/reference).
WITHOUT_KEYS = HOSTILE | {"ignore_keys": 1.0}
# For the scenes of the controls: effects whose answers are lost, with and without keys.
UNSURE = {"hang_after_effect": 0.15, "error_after_effect": 0.3}
PROVIDERS = {
    "quiet": {},
    "down": {"refuse_before": 1.0, "look_up_unavailable": 1.0},
    "slow": {"slow": 1.0},
    "cut off": {"hang_after_effect": 0.3, "refuse_before": 0.2},
    "unsure": UNSURE,
    "unsure without keys": UNSURE | {"ignore_keys": 1.0},
    "realistic": REALISTIC,
    "hostile": HOSTILE,
    "without keys": WITHOUT_KEYS,
}

DATABASE_LINE = {
    "sound": {},
    "lossy": {"before_commit": 0.01, "after_commit": 0.01, "delay": 0.02},
    "half open": {"half_open": 0.004, "after_commit": 0.004},
}


@dataclass(frozen=True)
class Menu:
    """How often each thing happens, in times a second.

    With `commands_a_second` a second is so many commands: on a slow machine it dies less often.
    """

    web: float = 0.0
    worker: float = 0.0
    backend: float = 0.0
    terminate: float = 0.0
    postmaster: float = 0.0
    restart: float = 0.0
    stop_worker: float = 0.0
    stop_web: float = 0.0
    reset: float = 0.0
    failpoint: float = 0.0
    points: Sequence[str] = (*COMMAND_POINTS, *WORKER_POINTS)
    actions: Mapping[str, float] = field(
        default_factory=lambda: {"kill": 0.7, "stop": 0.15, "drop": 0.15}
    )
    providers: Sequence[str] = ("realistic", "hostile", "without keys")
    lines: Sequence[str] = tuple(DATABASE_LINE)
    commands_a_second: float = 0.0
    is_scripted: bool = False  # a scene says what happens; nothing is drawn for rounds


EVERYTHING = Menu(
    web=0.14,
    worker=0.06,
    backend=0.04,
    terminate=0.08,
    postmaster=0.015,
    restart=0.01,
    stop_worker=0.04,
    stop_web=0.03,
    reset=0.08,
    failpoint=0.3,
    commands_a_second=18,
)
NOTHING = Menu(providers=("quiet",), lines=("sound",))


class Killer:
    """`kills` counts processes that were killed, by place; `faults` counts everything else."""

    def __init__(self, parts: Parts, menu: Menu, *, seed: int) -> None:
        self.parts, self.menu = parts, menu
        self.draw = random.Random(f"killer {seed}")
        self.kills: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.provider = ""
        self._asleep: dict[int, float] = {}
        self._seen: set[str] = set()
        self._last = time.monotonic()
        self._commands = 0
        self._round_ends = 0.0
        self._on: dict[str, bool] = {}
        # In turn, not by chance: a short run comes by every one.
        self._points = itertools.cycle(self.draw.sample(menu.points, len(menu.points)))

    @property
    def total(self) -> int:
        return sum(self.kills.values())

    def tick(self, commands: int) -> None:
        """Whatever is due since the last tick; `commands` is how many there were so far."""
        now = time.monotonic()
        passed = now - self._last
        if self.menu.commands_a_second:
            passed = (commands - self._commands) / self.menu.commands_a_second
        self._last, self._commands = now, commands
        if now > self._round_ends and not self.menu.is_scripted:
            self._begin_round(now)
        self._note_hits()
        self._wake(now)
        for name, does in self._does.items():
            rate = getattr(self.menu, name)
            if rate and self._on.get(name, True) and self.draw.random() < rate * passed:
                does()

    def calm(self) -> None:
        """No more faults, and nobody asleep: the drain begins."""
        for path in self.parts.world.points.iterdir():
            if path.is_file():
                path.unlink(missing_ok=True)
        self.parts.order(rates={})
        self.parts.set_faults({})
        self._note_hits()
        self.wake_all()

    def line_is(self, name: str) -> None:
        self.parts.order(rates=DATABASE_LINE[name])

    def provider_is(self, name: str) -> None:
        self.provider = name
        self.parts.set_faults(PROVIDERS[name])

    def _begin_round(self, now: float) -> None:
        self._round_ends = now + ROUND_S
        self._on = {name: self.draw.random() < 0.75 for name in self._does}
        self._on |= {"failpoint": True, "web": True}
        # Whoever sleeps now must not wake up to a provider without keys.
        self.wake_all()
        self._disarm("stop")
        self.provider_is(self.draw.choice(self.menu.providers))
        if self.provider == "without keys":
            self._on |= {"stop_worker": False}
        self.line_is(self.draw.choice(self.menu.lines))

    # --- What can happen ------------------------------------------------------------------------

    @property
    def _does(self) -> dict[str, Callable[[], None]]:
        return {
            "web": self._kill_web,
            "worker": self._kill_worker,
            "backend": self.kill_backend,
            "terminate": self._terminate_backend,
            "postmaster": self.kill_postmaster,
            "restart": self._restart,
            "stop_worker": self._stop_worker,
            "stop_web": self._stop_web,
            "reset": self._reset,
            "failpoint": self._arm,
        }

    def _kill_web(self) -> None:
        self.kill("web", self.parts.web_workers())

    def _kill_worker(self) -> None:
        self.kill("worker", [process.pid for process in self.parts.workers])

    def _terminate_backend(self) -> None:
        if pids := self.parts.backends():
            self.faults["terminated backend"] += 1
            _signal(self.draw.choice(pids), signal.SIGTERM)

    def kill_backend(self) -> None:
        """PostgreSQL takes the death of one for damage of all: every connection ends."""
        self.kill("backend", self.parts.backends())

    def kill_postmaster(self) -> None:
        pids = self.parts.database_processes()
        if not pids:
            return
        self.kills["postmaster"] += 1
        for pid in reversed(pids):
            _signal(pid, signal.SIGKILL)
        self.parts.database.wait()
        self.parts.start_database()

    def _restart(self) -> None:
        """Immediate or fast: without or with a checkpoint, but never waiting for clients."""
        self.faults["database restart"] += 1
        self.parts.database.send_signal(self.draw.choice((signal.SIGQUIT, signal.SIGINT)))
        self.parts.database.wait()
        self.parts.start_database()

    def _stop_worker(self) -> None:
        pids = [process.pid for process in self.parts.workers if process.pid not in self._asleep]
        self.sleep(pids, PAST_THE_LEASE_S, "stopped worker")

    def _stop_web(self) -> None:
        pids = [pid for pid in self.parts.web_workers() if pid not in self._asleep]
        self.sleep(pids, self.draw.uniform(0.5, 4), "stopped web")

    def _reset(self) -> None:
        self.parts.order(reset=self.draw.randint(1, 3))

    def _arm(self) -> None:
        name = next(self._points)
        [action] = self.draw.choices(list(self.menu.actions), list(self.menu.actions.values()))
        if action == "stop" and self.provider == "without keys":
            action = "kill"
        self.arm(name, action)

    def arm(self, name: str, action: str) -> None:
        """Whole at once: whoever comes by must not read half a word."""
        draft = self.parts.world.points / f".{name}"
        draft.write_text(action)
        draft.rename(self.parts.world.points / name)

    def _disarm(self, action: str) -> None:
        for path in self.parts.world.points.iterdir():
            with contextlib.suppress(OSError):
                if path.is_file() and path.read_text() == action:
                    path.unlink()

    # --- Signals --------------------------------------------------------------------------------

    def kill(self, what: str, pids: Sequence[int]) -> None:
        if pids and _signal(self.draw.choice(pids), signal.SIGKILL):
            self.kills[what] += 1

    def sleep(self, pids: Sequence[int], seconds: float, what: str) -> None:
        if not pids:
            return
        pid = self.draw.choice(pids)
        if _signal(pid, signal.SIGSTOP):
            self.faults[what] += 1
            self._asleep[pid] = time.monotonic() + seconds

    def _note_hits(self) -> None:
        for path in (self.parts.world.points / HITS).iterdir():
            if path.name in self._seen:
                continue
            self._seen.add(path.name)
            name, pid, _ = path.name.split(",")
            action = path.read_text()
            if action == "kill":
                self.kills[name] += 1
                continue
            self.faults[f"{action} at {name}"] += 1
            if action == "stop":
                past = PAST_THE_LEASE_S if name in WORKER_POINTS else PAST_LOCK_TIMEOUT_S
                self._asleep[int(pid)] = time.monotonic() + past

    def _wake(self, now: float) -> None:
        for pid, at in list(self._asleep.items()):
            if at <= now or now == float("inf"):
                del self._asleep[pid]
                _signal(pid, signal.SIGCONT)

    @property
    def asleep(self) -> list[int]:
        return list(self._asleep)

    def sleeps_until_woken(self, pid: int) -> None:
        self._asleep[pid] = float("inf")

    def wake_all(self) -> None:
        self._wake(float("inf"))


def _signal(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
