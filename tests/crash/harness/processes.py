"""Starting, finding and ending the processes of one run. Only what was started here is ended here.

Everything is started from one thread: the kernel ends a child with the thread that started it.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from config.embedded import EmbeddedServer, dying_with_parent
from config.env import ConfigurationError
from demo.loopback import answers, free_port
from tests.crash.harness import pooler
from tests.crash.harness.world import PROJECT, WEBHOOK_SECRET, World

WEB_WORKERS, THREADS = 2, 4
LONGEST_END_S = 60


class DidNotStart(Exception):
    """A part of the run did not come up; the message says which."""


@dataclass
class Parts:
    """All processes of a run, by what they are."""

    world: World
    job_workers: int = 3
    concurrency: int = 8
    durations: Mapping[str, float] = field(default_factory=dict)
    code: Path = PROJECT
    database: subprocess.Popen | None = None
    proxy: subprocess.Popen | None = None
    simulator: subprocess.Popen | None = None
    masters: list[subprocess.Popen] = field(default_factory=list)
    workers: list[subprocess.Popen] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    provider: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    pooler: subprocess.Popen | None = None
    of_web: Mapping[str, str] = field(default_factory=dict)  # where it differs from the others'

    def start(self, *, seed: int) -> None:
        """The provider, the proxy, the web and the workers; the database runs already."""
        self.ports = [free_port() for _ in range(self.world.setup.masters)]
        self.start_simulator(seed)
        path = self.world.server.socket_directory / ".s.PGSQL.5432"
        self.proxy = self._run(
            [sys.executable, "-m", "tests.crash.harness.proxy", str(path), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        port = int(self.proxy.stdout.readline())
        self.environment = self.world.environment(
            database=("127.0.0.1", port), provider=self.provider
        )
        if self.world.setup.is_pooled:
            self._start_pooler(port)
        self.masters = [self._start_master(port) for port in self.ports]
        self.workers = [self._start_worker() for _ in range(self.job_workers)]
        for port in self.ports:
            until(lambda port=port: answers(f"http://127.0.0.1:{port}/readyz"), "The web server")

    def start_simulator(self, seed: int, *more: str) -> None:
        address, port = self.places[0]
        self.simulator = self._run(
            [sys.executable, "-m", "demo.simulator", "--port=0", f"--seed={seed}", *more]
            + [f"--ledger={self.world.directory / 'ledger.sqlite3'}"]
            + [f"--webhook=http://{address}:{port}/hooks/stripe/"]
            + [f"--webhook-secret={WEBHOOK_SECRET}"]
            + [f"--{name}={value}" for name, value in self.durations.items()],
            stdout=subprocess.PIPE,
        )
        self.provider = self.simulator.stdout.readline().split(": ")[-1].strip()

    def _start_pooler(self, to: int) -> None:
        """Workers listen, which it does not carry: they go past it."""
        port, server = free_port(), self.world.server
        pooler.set_limits(server)
        self.pooler = self._run(
            pooler.command(self.world.directory / "pooler", server, port=port, to=to)
        )
        self.of_web = self.world.environment(
            database=("127.0.0.1", port), provider=self.provider, parameters=pooler.WEB_PARAMETERS
        )

    def stop(self) -> None:
        """The product in order, so that its last words are heard; then everything else."""
        for process in [*self.masters, *self.workers]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
        for process in [*self.masters, *self.workers, self.simulator, self.pooler, self.proxy]:
            if process is not None:
                self._end(process)

    def change_to(self, code: Path) -> None:
        """Another version: the workers, then the web, one after another, each in its own time."""
        self.code = code
        for number, worker in enumerate(self.workers):
            _ended(worker)
            self.workers[number] = self._start_worker()
        for number, port in enumerate(self.ports):
            _ended(self.masters[number])
            self.masters[number] = self._start_master(port)
            until(lambda port=port: answers(f"http://127.0.0.1:{port}/readyz"), "The web server")

    def stop_database(self) -> None:
        if self.database is not None:
            EmbeddedServer.stop(self.database)

    def watch(self) -> None:
        """Start again what has died, as a supervisor does."""
        if self.database is not None and self.database.poll() is not None:
            self.start_database()
        self.masters = [
            process if process.poll() is None else self._start_master(port)
            for port, process in zip(self.ports, self.masters, strict=True)
        ]
        self.workers = [
            process if process.poll() is None else self._start_worker() for process in self.workers
        ]

    def start_database(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.database = self.world.server.start() or self.database
                return
            except (ConfigurationError, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def order(self, **order: Any) -> dict[str, int]:
        """Tell the proxy; what has struck there so far."""
        self.proxy.stdin.write(json.dumps(order) + "\n")
        self.proxy.stdin.flush()
        return json.loads(self.proxy.stdout.readline())

    def set_faults(self, faults: Mapping[str, float]) -> None:
        """Exactly these at the provider."""
        with httpx.Client(base_url=self.provider, trust_env=False, timeout=10) as provider:
            provider.delete("/faults").raise_for_status()
            provider.post("/faults", json=dict(faults)).raise_for_status()

    def ledger(self, *, calls: bool = False) -> dict[str, Any]:
        address = f"{self.provider}/ledger?calls={int(calls)}"
        return httpx.get(address, timeout=60, trust_env=False).json()

    @property
    def places(self) -> list[tuple[str, int]]:
        """Where the web servers answer."""
        return [("127.0.0.1", port) for port in self.ports]

    # --- Whom to kill -------------------------------------------------------------------------

    def web_workers(self) -> list[int]:
        return [pid for master in self.masters for pid in children(master.pid)]

    def backends(self) -> list[int]:
        """The server processes that work for the application."""
        if self.database is None:
            return []
        return [pid for pid in children(self.database.pid) if b"approval_queue_app" in command(pid)]

    def database_processes(self) -> list[int]:
        return [*children(self.database.pid), self.database.pid] if self.database else []

    # --- Starting -----------------------------------------------------------------------------

    def _start_master(self, port: int) -> subprocess.Popen:
        command = self.web_command("127.0.0.1", port)
        return self._run(command, name="web", environment=self.of_web)

    def _start_worker(self) -> subprocess.Popen:
        return self._run(self.worker_command(), name="worker")

    def web_command(self, address: str, port: int) -> list[str]:
        return [
            sys.executable,
            "-m",
            "gunicorn",
            "config.wsgi:application",
            f"--bind={address}:{port}",
            f"--workers={WEB_WORKERS}",
            f"--threads={THREADS}",
            *self.world.setup.serving,
            f"--chdir={self.code}",
        ]

    def worker_command(self) -> list[str]:
        return [sys.executable, "manage.py", "worker", f"--concurrency={self.concurrency}"]

    def _run(
        self,
        command: Sequence[str],
        *,
        name: str = "",
        environment: Mapping[str, str] | None = None,
        **pipes: Any,
    ) -> subprocess.Popen:
        """`name` is what PostgreSQL shows of its connections."""
        with open(self.world.directory / "log", "a") as log:
            return subprocess.Popen(
                [*dying_with_parent(signal.SIGKILL), *command],
                env={**(environment or self.environment or os.environ), "PGAPPNAME": name},
                cwd=self.code,
                stderr=log,
                start_new_session=True,
                text=True,
                **({"stdout": subprocess.DEVNULL} | pipes),
            )

    @staticmethod
    def _end(process: subprocess.Popen) -> None:
        """Five seconds to end by itself, then with its whole session, which is of our making."""
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(timeout=8)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _ended(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait(timeout=LONGEST_END_S)


def children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def until(is_so: Callable[[], bool], what: str, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise DidNotStart(f"{what} did not start.")
        time.sleep(0.1)
