"""The product on its hosts: web and workers each on one, with a supervisor that starts them again."""

import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from config import embedded
from demo.loopback import answers
from tests.crash.harness.processes import Parts, until
from tests.crash.harness.world import PROJECT, World
from tests.hosts.servers import PORT, Pair
from tests.hosts.topology import Host, Lan

WEB_PORT = 8000
READY_WITHIN_S = 30
WEBS, WORKERS = (11, 12), (21, 22, 23)
DATABASES = (31, 32)
# Both servers, of which the one that takes writes is meant; one that is gone costs two seconds.
PARAMETERS = "&target_session_attrs=read-write&connect_timeout=2"


@dataclass
class LanParts(Parts):
    """`off` are hosts without power. `restarts` counts what ended by itself, by kind."""

    lan: Lan | None = None
    pair: Pair | None = None
    webs: list[Host] = field(default_factory=list)
    job_hosts: list[Host] = field(default_factory=list)
    off: set[str] = field(default_factory=set)
    restarts: Counter[str] = field(default_factory=Counter)
    at_the_end: dict[str, int] = field(default_factory=dict)

    @classmethod
    def on(cls, lan: Lan, world: World, *, synchronous: bool) -> "LanParts":
        hosts = (lan.add("db1", DATABASES[0]), lan.add("db2", DATABASES[1]))
        pair = Pair.on(lan, hosts, world.directory, synchronous=synchronous)
        parts = cls(world, lan=lan, pair=pair)
        parts.webs = [lan.add(f"web{n}", address) for n, address in enumerate(WEBS, 1)]
        parts.job_hosts = [lan.add(f"worker{n}", address) for n, address in enumerate(WORKERS, 1)]
        return parts

    # --- Starting and ending --------------------------------------------------------------------

    def start_database(self) -> None:
        self.pair.start_primary()
        self.world.server = self.pair.primary.embedded

    def start(self, *, seed: int) -> None:
        self.start_simulator(seed, f"--address={self.lan.gateway}")
        self.environment = self.product_environment()
        self.masters = [self._start_web(host) for host in self.webs]
        self.workers = [self._start_job_host(host) for host in self.job_hosts]
        for place in self.places:
            until(lambda place=place: _is_ready(place), "The web server")

    def product_environment(self) -> Mapping[str, str]:
        servers = ",".join(one.host.address for one in (self.pair.primary, self.pair.standby))
        asked = self.world.environment(
            database=(servers, PORT), provider=self.provider, parameters=PARAMETERS
        )
        return {**asked, "ALLOWED_HOSTS": ",".join(host.address for host in self.webs)}

    def stop(self) -> None:
        if self.masters and not self.at_the_end:
            with contextlib.suppress(psycopg.Error):  # whatever has happened, all is ended
                self.at_the_end = self._count_who_lives()
        super().stop()

    def stop_database(self) -> None:
        self.pair.stop()

    def watch(self) -> None:
        """Start again what has ended on a host that has power."""
        for kind, hosts, processes, start in (
            ("web", self.webs, self.masters, self._start_web),
            ("worker", self.job_hosts, self.workers, self._start_job_host),
        ):
            for place, (host, process) in enumerate(zip(hosts, processes, strict=True)):
                if process.poll() is None or host.name in self.off:
                    continue
                self.restarts[kind] += 1
                processes[place] = start(host)

    def power_off(self, host: Host) -> None:
        self.off.add(host.name)
        host.kill()

    def power_on(self, host: Host) -> None:
        """What ran there starts with it, which is no restart by itself."""
        host.mend()
        self.off.discard(host.name)
        for hosts, processes, start in (
            (self.webs, self.masters, self._start_web),
            (self.job_hosts, self.workers, self._start_job_host),
        ):
            if host in hosts:
                processes[hosts.index(host)] = start(host)

    def follow(self) -> None:
        """Whoever looks at the database from here looks at the primary."""
        self.world.server = self.pair.primary.embedded

    # --- Looking --------------------------------------------------------------------------------

    @property
    def places(self) -> list[tuple[str, int]]:
        return [(host.address, WEB_PORT) for host in self.webs]

    def order(self, **order: Any) -> dict[str, int]:
        """There is no proxy in front of the database here."""
        return {}

    def does(self, *arguments: str, says: str = "") -> subprocess.CompletedProcess:
        """A command of `manage.py` at the primary, by its socket."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=dict(
                self.world.environment(
                    database=(str(self.world.server.socket_directory), PORT),
                    provider=self.provider,
                )
            ),
            input=f"{says}\n",
            capture_output=True,
            text=True,
            check=False,
        )

    def _count_who_lives(self) -> dict[str, int]:
        alive = self.pair.primary.ask(
            "SELECT count(*) FROM procrastinate_workers"
            " WHERE last_heartbeat > now() - interval '30 seconds'",
            embedded.DATABASE,
        )[0][0]
        deadline = time.monotonic() + READY_WITHIN_S
        ready: set[tuple[str, int]] = set()
        while len(ready) < len(self.places) and time.monotonic() < deadline:
            ready |= {place for place in self.places if place not in ready and _is_ready(place)}
        return {"web_ready": len(ready), "heartbeats": alive}

    # --- Processes ------------------------------------------------------------------------------

    def _start_web(self, host: Host) -> subprocess.Popen:
        return self._run(host.inside(self.web_command(host.address, WEB_PORT)))

    def _start_job_host(self, host: Host) -> subprocess.Popen:
        return self._run(host.inside(self.worker_command()))


def _is_ready(place: tuple[str, int]) -> bool:
    return answers(f"http://{place[0]}:{place[1]}/readyz")
