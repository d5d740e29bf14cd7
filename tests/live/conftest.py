"""The product served by gunicorn on a database of its own, and people with tokens."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from accounts import tokens
from accounts.models import Membership, Team, User
from demo.loopback import answers, free_port
from tests.crash.common import environment
from tests.demo.conftest import Simulator, simulator, start, until  # noqa: F401 - fixtures


@dataclass
class Server:
    """A running web server; `port` on this machine."""

    port: int
    process: subprocess.Popen

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, secret: str) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.address}/api/v1",
            headers={"Authorization": f"Bearer {secret}"},
            timeout=60,
            trust_env=False,
        )


Serve = Callable[..., Server]


@pytest.fixture
def serve(committed_db: str, simulator: Simulator) -> Iterator[Serve]:  # noqa: F811
    started: list[subprocess.Popen] = []

    def begin(
        *, workers: int = 2, threads: int = 4, port: int = 0, config: str = "", **variables: str
    ) -> Server:
        port = port or free_port()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind=127.0.0.1:{port}"),
                *(f"--workers={workers}", f"--threads={threads}", "--no-control-socket"),
                *("--log-level=warning", *([f"--config={config}"] if config else [])),
            ],
            cwd=django_settings.BASE_DIR,
            env={
                **environment(simulator, committed_db),
                "ACCOUNT_SERVICE_URL": simulator.url,
                "ACCOUNT_SERVICE_SECRET": "secret",
                "API_LIMIT_PER_TOKEN": "100000/s",
                "API_LIMIT_PER_ADDRESS": "100000/s",
                "API_LIMIT_OF_GUESSES": "100000/s",
                **variables,
            },
        )
        started.append(process)
        server = Server(port, process)
        until(lambda: answers(f"{server.address}/livez"))
        return server

    yield begin
    for process in started:
        process.terminate()
    for process in started:
        process.wait(timeout=60)


@pytest.fixture
def everything(cast) -> str:
    """The token of somebody who asks, decides and operates, with every scope."""
    user = User.objects.create_user("all@demo.test", name="Alex All")
    for name in ("Support", "Operations", "Finance"):
        Membership.objects.create(user=user, group=Team.objects.get(name=name))
    scopes = ["read", "submit", "operate", "decide"]
    return tokens.make(user, name="all", scopes=scopes, days=1, at=timezone.now()).secret


@pytest.fixture
def token_of() -> Callable[[User], str]:
    def make(user: User) -> str:
        scopes = ["read", "submit", "operate", "decide"]
        return tokens.make(user, name="t", scopes=scopes, days=1, at=timezone.now()).secret

    return make
