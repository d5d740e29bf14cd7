"""The product as processes, as production runs it: gunicorn with our settings, a worker, their logs."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from django.conf import settings as django_settings
from prometheus_client.parser import text_string_to_metric_families

from demo.loopback import answers, free_port
from tests.crash.common import environment
from tests.crash.conftest import provider  # noqa: F401 - fixtures
from tests.demo.conftest import simulator, start, until  # noqa: F401 - fixtures

TOKEN = "metrics-token-of-the-tests"


@dataclass(frozen=True)
class Part:
    """A process of the product, and the file that its standard error goes to."""

    process: subprocess.Popen
    log: Path
    address: str = ""

    def get(self, path: str, **options) -> httpx.Response:
        return httpx.get(f"{self.address}{path}", trust_env=False, **options)

    def lines(self) -> list[dict]:
        """Every line that was written to its end, which must be JSON."""
        whole, _, _ = self.log.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def metrics(self) -> dict[str, float]:
        """By name, over all labels."""
        answer = self.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        answer.raise_for_status()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0) + sample.value
        return found

    def workers(self) -> list[int]:
        """The processes that answer."""
        own = self.process.pid
        return [int(pid) for pid in Path(f"/proc/{own}/task/{own}/children").read_text().split()]


Run = Callable[..., Part]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts parts of the product; each is ended after the test."""
    started: list[Part] = []

    def begin(command: list[str], environ: Mapping[str, str], *, address: str = "") -> Part:
        log = tmp_path / f"log-{len(started)}"
        with open(log, "w") as stderr:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=django_settings.BASE_DIR,
                env=dict(environ),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        started.append(Part(process, log, address))
        return started[-1]

    yield begin
    for part in reversed(started):
        part.process.terminate()
        part.process.wait(timeout=60)


@pytest.fixture
def serve(run: Run, tmp_path: Path) -> Run:
    """Starts a web server, and waits until it answers."""

    def begin(environ: Mapping[str, str], *options: str) -> Part:
        port = free_port()
        command = ["-m", "gunicorn", "--config=config/gunicorn.py", f"--bind=127.0.0.1:{port}"]
        told = {
            "METRICS_TOKEN": TOKEN,
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / f"metrics-{port}"),
        }
        web = run([*command, *options], {**told, **environ}, address=f"http://127.0.0.1:{port}")
        until(lambda: answers(f"{web.address}/livez") or web.process.poll() is not None)
        assert web.process.poll() is None, web.log.read_text()
        return web

    return begin


@pytest.fixture
def environ(provider, committed_db) -> dict[str, str]:  # noqa: F811
    """Of all parts; time runs fifty times as fast for the worker."""
    return {**environment(provider, committed_db), "DEMO_SPEED": "50"}
