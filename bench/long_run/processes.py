"""How much memory each process has, by group, as the kernel counts it."""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.crash.harness.processes import Parts, children

TICKS = os.sysconf("SC_CLK_TCK")
FIELDS = {"Rss": "rss", "Pss": "pss", "Anonymous": "own"}


@dataclass(frozen=True)
class Process:
    """Sizes in bytes: `rss` with what it shares, `pss` with its part of that, `own` what nobody else
    has. `age_s` in seconds; `cpu_s` is what it has computed so far."""

    group: str
    pid: int
    age_s: float
    cpu_s: float
    rss: int
    pss: int
    own: int

    def fields(self) -> dict[str, Any]:
        return asdict(self)


def all_of(parts: Parts) -> list[Process]:
    return [process for group, pid in _groups(parts) for process in of(group, pid)]


def _groups(parts: Parts) -> Iterator[tuple[str, int]]:
    for master in parts.masters:
        yield "web, master", master.pid
        for pid in children(master.pid):
            yield "web", pid
    for worker in parts.workers:
        yield "worker", worker.pid
    if parts.database is not None:
        yield "PostgreSQL", parts.database.pid
        for pid in children(parts.database.pid):
            yield "PostgreSQL", pid
    yield "provider", parts.simulator.pid
    yield "proxy", parts.proxy.pid
    yield "this run", os.getpid()


def began(pid: int) -> int:
    """When, in the kernel's ticks; of one that has ended, never."""
    try:
        return int(_stat(pid)[19])
    except OSError:
        return 0


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def of(group: str, pid: int) -> Iterator[Process]:
    """Nothing of one that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        stat = _stat(pid)
        up = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError):
        return
    found = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name in FIELDS:
            found[FIELDS[name]] = int(value.split()[0]) * 1024
    if not found:
        return
    age, cpu = up - int(stat[19]) / TICKS, (int(stat[11]) + int(stat[12])) / TICKS
    yield Process(group, pid, age_s=round(age, 1), cpu_s=cpu, **found)
