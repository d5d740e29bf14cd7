"""Starting, watching and ending the processes of the demo.

Each part is a process of its own, as in production. They end when this one ends, however it ends:
the kernel signals them when their parent dies.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from config.embedded import EmbeddedServer, dying_with_parent
from config.keyfile import keep
from demo.loopback import answers, free_port
from demo.organisation import SIGN_INS
from demo.situation import DURATIONS, FAULTS
from demo.webhooks import NOWHERE

READY_SECONDS = 120
STOP_SECONDS = 40
MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]


class CannotRun(Exception):
    """The message is for the person at the terminal."""


@dataclass
class Demo:
    port: int
    speed: int
    say: Callable[[str], object]
    parts: list[tuple[str, subprocess.Popen]] = field(default_factory=list)
    commands: dict[str, tuple[list[str], Mapping[str, str]]] = field(default_factory=dict)
    is_asked_to_stop: bool = False

    @property
    def directory(self) -> Path:
        return settings.ENV.data_dir

    def run(self, *, reset: bool, once: bool) -> None:
        """Until SIGINT or SIGTERM, or with `once` until everything was ready."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)
        self._check_port()
        if reset:
            self._forget()
        server = None if settings.ENV.database else EmbeddedServer(self.directory)
        database = server.start() if server else None
        try:
            self._start_parts()
            if not self.is_asked_to_stop:
                self._announce()
            while not (once or self.is_asked_to_stop):
                self._watch()
                time.sleep(0.5)
        except _Stopped:
            pass
        finally:
            self._stop_parts()
            if database is not None:
                EmbeddedServer.stop(database)
        self.say("Stopped. The data is kept for the next start.")

    def _ask_to_stop(self, *_: object) -> None:
        self.is_asked_to_stop = True

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise CannotRun(
                    f"Port {self.port} is in use. Choose another: make demo PORT=8001"
                ) from error

    def _forget(self) -> None:
        if EmbeddedServer(self.directory).is_running():
            raise CannotRun("Another demo runs on this data. Stop it before --reset.")
        ledger = ("ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm")
        for name in ("postgres", "checkpoints", *ledger):
            path = self.directory / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _start_parts(self) -> None:
        simulator_port = free_port()
        simulator = f"http://127.0.0.1:{simulator_port}"
        environment = self._environment(simulator)
        self._finish(["migrate", "--verbosity", "0"], environment)
        self._start(
            "provider simulator",
            [
                *MANAGE,
                "provider_simulator",
                f"--port={simulator_port}",
                f"--ledger={self.directory / 'ledger.sqlite3'}",
                f"--webhook=http://127.0.0.1:{self.port}/hooks/stripe/",
                f"--webhook-secret={environment['STRIPE_WEBHOOK_SECRET']}",
                *(f"--fault={fault}" for fault in FAULTS),
                *DURATIONS,
            ],
            environment,
        )
        self._wait_for(f"{simulator}/healthz")
        self._finish(["demo_situation"], environment)
        self._start("worker", [*MANAGE, "worker"], environment)
        self._start("web server", self._gunicorn(), environment)
        self._wait_for(f"http://127.0.0.1:{self.port}/readyz")

    def _gunicorn(self) -> list[str]:
        return [
            sys.executable,
            "-m",
            "gunicorn",
            "config.wsgi:application",
            "--config=config/gunicorn.py",
            f"--bind=127.0.0.1:{self.port}",
            "--workers=2",
            "--threads=4",
            "--graceful-timeout=20",
            f"--chdir={settings.BASE_DIR}",
        ]

    def _environment(self, simulator: str) -> Mapping[str, str]:
        return settings.ENV.for_children(
            DATA_DIR=str(self.directory),
            DEMO_PASSWORD=self.password,
            DEMO_SPEED=str(self.speed),
            STRIPE_API_KEY="sk_test_demo",
            STRIPE_API_BASE=simulator,
            STRIPE_WEBHOOK_SECRET=f"whsec_{secrets.token_hex(16)}",
            ACCOUNT_SERVICE_URL=simulator,
            ACCOUNT_SERVICE_SECRET=secrets.token_urlsafe(16),
            WEBHOOK_TEST_ADDRESSES=f"{urlsplit(simulator).netloc},{NOWHERE}",
            EMAIL_URL=settings.ENV.email_url or f"file://{self.directory / 'mail'}",
            BASE_URL=f"http://127.0.0.1:{self.port}",
            METRICS_TOKEN=settings.METRICS_TOKEN or keep(self.metrics_token),
            # A person reads along, and must not lose the password among the lines of requests.
            LOG_FORMAT=settings.ENV.log_format or "line",
            LOG_LEVEL=settings.ENV.log_level or "WARNING",
        )

    @property
    def metrics_token(self) -> Path:
        return self.directory / "metrics_token"

    @property
    def password(self) -> str:
        return settings.ENV.demo_password or keep(self.directory / "demo_password")[:20]

    def _start(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        process = subprocess.Popen(
            [*dying_with_parent(signal.SIGTERM), *command],
            env=environment,
            cwd=settings.BASE_DIR,
            stdout=subprocess.DEVNULL,
            stderr=None,
            start_new_session=True,
        )
        self.parts.append((name, process))
        self.commands[name] = (command, environment)

    def _finish(self, arguments: list[str], environment: Mapping[str, str]) -> None:
        """A command that has to end well before the next part can start."""
        if self.is_asked_to_stop:
            raise _Stopped
        process = subprocess.Popen(
            [*dying_with_parent(signal.SIGTERM), *MANAGE, *arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.parts.append((arguments[0], process))
        while process.poll() is None:
            if self.is_asked_to_stop:
                raise _Stopped
            time.sleep(0.05)
        self.parts.pop()
        if process.returncode:
            raise CannotRun(f"{arguments[0]} failed; see the lines above.")

    def _wait_for(self, address: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not answers(address):
            if self.is_asked_to_stop:
                raise _Stopped
            self._watch()
            if time.monotonic() > deadline:
                raise CannotRun(f"{address} does not answer.")
            time.sleep(0.1)

    def _watch(self) -> None:
        """A worker that ended is started again (mechanisms §0.6); without another part we stop."""
        for index, (name, process) in enumerate(self.parts):
            if process.poll() is None or self.is_asked_to_stop:
                continue
            if name != "worker":
                raise CannotRun(f"The {name} ended with code {process.returncode}.")
            del self.parts[index]
            self._start(name, *self.commands[name])
            return

    def _announce(self) -> None:
        self.say(f"Ready: http://127.0.0.1:{self.port}")
        self.say("Sign in as:")
        for email, role in SIGN_INS:
            self.say(f"  {email:<20} {role}")
        self.say(f"Password of all: {self.password}")
        self._announce_metrics()
        self.say("Stop with Ctrl-C.")
        sys.stdout.flush()

    def _announce_metrics(self) -> None:
        """The token itself is for who can read the folder, not for whoever sees the screen."""
        if settings.METRICS_TOKEN:
            return
        header = f"Authorization: Bearer $(cat {self.metrics_token})"
        self.say(f'Metrics: curl -H "{header}" http://127.0.0.1:{self.port}/metrics')

    def _stop_parts(self) -> None:
        """Web server, worker, simulator: nobody is left waiting for somebody who has gone."""
        for _, process in reversed(self.parts):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


class _Stopped(Exception):
    """A signal came while it was still starting."""
