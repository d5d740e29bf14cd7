"""Beside a run under way: readers and probes, faults by the timetable, and a sample every half minute."""

import json
import threading
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TextIO

import psycopg

from bench.long_run import database, processes
from bench.long_run.faults import Timetable
from bench.long_run.probes import Probes
from bench.long_run.readers import Readers
from tests.crash.harness.run import Running
from tests.crash.harness.world import World, signed_in

SAMPLE_S = 30.0
COUNTED_EVERY = 10  # samples: counting rows reads the tables
FLOOR = """
CREATE TABLE bench_floor (id bigserial PRIMARY KEY, at timestamptz NOT NULL);
GRANT INSERT ON bench_floor TO approval_queue_app;
GRANT USAGE ON bench_floor_id_seq TO approval_queue_app;
"""


@dataclass
class Watch:
    """`each_tick` of the run. Writes to `file`, from `begins_s` on, one JSON object a line."""

    begins_s: float
    seconds: float
    reads_per_second: float
    receiver: ThreadingHTTPServer
    file: TextIO
    samples: int = 0
    readers: Readers | None = None
    probes: Probes | None = None

    def __post_init__(self) -> None:
        self._faults = Timetable(begins_s=self.begins_s, seconds=self.seconds)
        self._next_s = self.begins_s

    def __call__(self, running: Running) -> None:
        """From the thread that starts processes."""
        if self.readers is None:
            self._start(running)
        if running.clients.is_over.is_set():
            return
        self._faults(running)
        if running.passed_s >= self._next_s:
            self._next_s += SAMPLE_S
            self._sample(running)

    def _start(self, running: Running) -> None:
        auditor, token = _prepared(running.world, self.receiver)
        is_over = running.clients.is_over
        [port] = running.parts.ports
        self.readers = Readers(
            running.clients, port, auditor, token, self.reads_per_second, is_over
        )
        self.probes = Probes(
            running.clients, port, is_over, lambda: running.passed_s - self.begins_s
        )
        self.readers.start()
        self.probes.start()

    def _sample(self, running: Running) -> None:
        sample: dict[str, Any] = {
            "at_s": round(running.passed_s - self.begins_s, 1),
            "commands": len(running.clients.history),
            "reads": sum(self.readers.seen.values()),
            "load": float(Path("/proc/loadavg").read_text().split()[0]),
            "metric_files": _size(Path(running.parts.environment["PROMETHEUS_MULTIPROC_DIR"])),
            "processes": [process.fields() for process in processes.all_of(running.parts)],
        }
        try:
            with running.world.connect() as connection:
                sample |= _of_the_database(connection, self.samples % COUNTED_EVERY == 0)
        except psycopg.OperationalError:
            sample["is_down"] = True
        self.samples += 1
        self.write("sample", sample)
        if self.probes.found:
            found, self.probes.found = self.probes.found, []
            self.write("probes", [asdict(one) for one in found])

    def write(self, name: str, what: Any) -> None:
        self.file.write(json.dumps({name: what}) + "\n")
        self.file.flush()


def _of_the_database(connection: psycopg.Connection, is_counted: bool) -> dict[str, Any]:
    tables = database.tables(connection)
    found = {
        "connections": database.connections(connection),
        "tables": tables,
        "size": database.size(connection),
    }
    if is_counted:
        found["contents"] = database.contents(connection, sorted(tables))
    return found


def _size(folder: Path) -> dict[str, int]:
    sizes = [path.stat().st_size for path in folder.glob("*.db")]
    return {"files": len(sizes), "bytes": sum(sizes)}


def _prepared(world: World, receiver: ThreadingHTTPServer) -> tuple[str, str]:
    """The auditor's session and a token that reads; a receiver of every event; the floor's table."""
    from django.db import connections
    from django.utils import timezone

    from accounts import tokens
    from accounts.models import User
    from webhooks.commands import create_endpoint

    at = timezone.now()
    [reader, *_] = world.with_role("operates")
    token = tokens.make(
        User.objects.get(pk=reader.id), name="Long run", scopes=["read"], days=2, at=at
    )
    create_endpoint(
        by=User.objects.get(email="admin@demo.test"),
        at=at,
        key="long-run",
        name="Long run",
        url=f"http://{place_of(receiver)}/hooks",
    )
    session = signed_in(User.objects.get(email="auditor@demo.test"))
    with world.connect() as connection:
        connection.execute(FLOOR)
        # Of this command the comparison of the end knows nothing.
        connection.execute("DELETE FROM approvals_idempotencyrecord WHERE key = 'long-run'")
    connections.close_all()
    return session, token.secret


class _Receiver(BaseHTTPRequestHandler):
    """Hears everything and keeps nothing."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def receiver() -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def place_of(server: ThreadingHTTPServer) -> str:
    return f"127.0.0.1:{server.server_address[1]}"
