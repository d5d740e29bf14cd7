"""The web server as a process of its own, which can be killed and started again on its port."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings

from config.embedded import dying_with_parent
from demo.loopback import answers, free_port

READY_SECONDS = 30


@dataclass
class Web:
    environment: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_dead(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def start(self) -> None:
        """Returns once it answers. From the main thread only: it dies with the one that starts it."""
        self.process = subprocess.Popen(
            [*dying_with_parent(signal.SIGKILL), *self._gunicorn()],
            cwd=settings.BASE_DIR,
            env=self.environment,
            start_new_session=True,
        )
        deadline = time.monotonic() + READY_SECONDS
        while not answers(f"{self.url}/livez"):
            assert self.process.poll() is None, "The web server ended."
            assert time.monotonic() < deadline, "The web server does not answer."

    def kill(self) -> None:
        """As `kill -9`: the master and its workers, whatever they are doing."""
        if not self.is_dead:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _gunicorn(self) -> list[str]:
        return [
            sys.executable,
            "-m",
            "gunicorn",
            "config.wsgi:application",
            f"--bind=127.0.0.1:{self.port}",
            "--workers=1",
            "--threads=4",
            "--no-control-socket",
            "--log-level=warning",
        ]
