"""Starts the simulator as a process of its own, as the demo and the crash test do."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import stripe

PROJECT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "demo.simulator"]


@dataclass(frozen=True)
class Simulator:
    process: subprocess.Popen[str]
    url: str
    http: httpx.Client

    @property
    def stripe(self) -> stripe.StripeClient:
        return stripe.StripeClient(
            "sk_test_simulator", base_addresses={"api": self.url}, max_network_retries=0
        )

    @contextmanager
    def hanging(self, method: str, path: str, body: str, *, key: str = "key-1") -> Iterator[None]:
        """A call whose effect is booked and whose client waits for an answer."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: simulator\r\nAuthorization: Bearer secret\r\n"
            f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        address = httpx.URL(self.url)
        with socket.create_connection((address.host, address.port)) as client:
            client.sendall((head + body).encode())
            until(self.effects)
            yield

    def set_faults(self, **faults: float) -> None:
        self.http.post("/faults", json=faults).raise_for_status()

    def effects(self) -> list[dict]:
        return self.http.get("/ledger").json()["effects"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def until(is_so: Callable[[], object]) -> None:
    """Asks again and again, but not for ever: at most a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if is_so():
            return
    raise AssertionError("It did not come to be.")


Start = Callable[..., Simulator]


def run_refused(*options: str) -> subprocess.CompletedProcess[str]:
    """For starts that are expected to end at once."""
    return subprocess.run(
        [*COMMAND, *options], check=False, cwd=PROJECT, capture_output=True, text=True, timeout=30
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts simulators on one ledger; each is ended after the test."""
    started: list[Simulator] = []

    def start_one(*options: str) -> Simulator:
        process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--ledger", str(tmp_path / "ledger.sqlite3"), *options],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = process.stdout.readline()
        url = line.removeprefix("Provider simulator: ").strip()
        headers = {"Authorization": "Bearer secret"}
        started.append(Simulator(process, url, httpx.Client(base_url=url, headers=headers)))
        return started[-1]

    yield start_one
    for simulator in started:
        simulator.http.close()
        simulator.kill()
        simulator.process.stdout.close()


@pytest.fixture
def simulator(start: Start) -> Simulator:
    return start()
