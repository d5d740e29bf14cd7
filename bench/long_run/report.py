"""What a long run found: its first ten minutes against its last ten, and what was still growing.

From the file of samples to one object of figures and verdicts; docs/reference/speed.md explains them.
"""

import json
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.long_run.probes import FLOORS

WINDOW_S = 600.0
MB = 1024 * 1024
SETTLED_S = 300.0  # by then a process has loaded everything
LIVED_S = 900.0
# What still counts as not growing.
MOST_MEMORY_AN_HOUR = 0.03  # of a process that has lived long enough to tell
MOST_SHARED_MEMORY = 1.2  # of PostgreSQL: end against begin
MOST_CONNECTIONS = 1.1  # the highest number: end against begin
MOST_SLOWER = 1.25  # times the floor: end against begin
MOST_BLOAT = 2.0  # bytes on disk for each row: end against begin
SMALL = 512 * 1024  # bytes, below which a table's size says nothing
# Tables whose rows come and go or are changed again and again.
CHURNED = (
    "procrastinate_jobs",
    "procrastinate_events",
    "procrastinate_workers",
    "django_session",
    "accounts_bucket",
    "audit_stream",
    "approvals_approvalrequest",
    "approvals_effect",
    "approvals_idempotencyrecord",
    "notifications_notice",
    "notifications_follower",
    "webhooks_delivery",
    "webhooks_endpoint",
)


@dataclass
class Run:
    samples: list[dict[str, Any]] = field(default_factory=list)
    probes: list[dict[str, Any]] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return self.samples[-1]["at_s"] if self.samples else 0.0

    @property
    def windows(self) -> dict[str, tuple[float, float]]:
        length = min(WINDOW_S, self.seconds / 2)
        return {"begin": (0.0, length), "end": (self.seconds - length, self.seconds + 1)}

    def between(self, rows: Iterable[dict[str, Any]], window: str) -> list[dict[str, Any]]:
        since, until = self.windows[window]
        return [row for row in rows if since <= row["at_s"] < until]


def read(path: Path) -> Run:
    run = Run()
    for line in path.read_text().splitlines():
        for name, what in json.loads(line).items():
            if name == "sample":
                run.samples.append(what)
            elif name == "probes":
                run.probes += what
            else:
                run.end = what
    return run


def of(path: Path) -> dict[str, Any]:
    """Figures by subject, each with what it was at begin and end and whether that is good."""
    run = read(path)
    found = {
        "seconds": run.seconds,
        "machine_load": _both(run, run.samples, lambda sample: sample["load"], statistics.median),
        "memory_mb": dict(_memory(run)),
        "connections": dict(_connections(run)),
        "tables": dict(_tables(run)),
        "latency": dict(_latency(run)),
        "capacity": _capacity(run),
        **_end(run),
    }
    verdicts = [
        row["is_good"]
        for subject in ("memory_mb", "connections", "tables", "latency")
        for row in found[subject].values()
    ]
    return found | {"is_good": all(verdicts) and found["is_right"]}


def _both(
    run: Run,
    rows: Sequence[dict[str, Any]],
    value: Callable[[dict[str, Any]], float],
    of_all: Callable[[list[float]], float],
) -> dict[str, float]:
    """Nothing where a window has nothing to say."""
    found = {}
    for window in run.windows:
        values = [value(row) for row in run.between(rows, window)]
        if values:
            found[window] = round(of_all(values), 3)
    return found


def _is_at_most(both: dict[str, float], times: float) -> bool:
    """Where one of the two is missing nothing is shown, so it isn't good."""
    return len(both) == 2 and both["end"] <= both["begin"] * times


# --- Memory -------------------------------------------------------------------------------------


def _memory(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of the web and the workers that which lived longest; of PostgreSQL all of it."""
    for group in ("web", "worker"):
        life = _longest_life(run, group)
        yield f"{group}, eldest", _grown(life)
    shared = _both(run, _with_all(run), _of_postgresql, statistics.median)
    yield "PostgreSQL, all", shared | {"is_good": _is_at_most(shared, MOST_SHARED_MEMORY)}


def _longest_life(run: Run, group: str) -> list[tuple[float, float]]:
    """(age in s, own memory in MB), once it has settled."""
    lives: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for sample in run.samples:
        for one in sample["processes"]:
            if one["group"] == group and one["age_s"] > SETTLED_S:
                lives[one["pid"]].append((one["age_s"], one["own"] / MB))
    return max(lives.values(), key=lambda life: life[-1][0] - life[0][0], default=[])


def _grown(life: list[tuple[float, float]]) -> dict[str, Any]:
    if len(life) < 2 or life[-1][0] < LIVED_S:
        return {"is_good": False, "why": "none lived long enough to tell"}
    half = life[len(life) // 2 :]
    slope = statistics.linear_regression(*zip(*half, strict=True)).slope * 3600
    return {
        "begin": round(life[0][1], 1),
        "end": round(life[-1][1], 1),
        "lived_s": round(life[-1][0]),
        "an_hour": round(slope, 2),
        "is_good": slope <= MOST_MEMORY_AN_HOUR * life[0][1],
    }


def _with_all(run: Run) -> list[dict[str, Any]]:
    return [sample for sample in run.samples if "connections" in sample]


def _of_postgresql(sample: dict[str, Any]) -> float:
    return sum(one["own"] for one in sample["processes"] if one["group"] == "PostgreSQL") / MB


# --- Connections and tables ---------------------------------------------------------------------


def _connections(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in ("web", "worker"):
        both = _both(run, _with_all(run), lambda one, n=name: one["connections"].get(n, 0), max)
        yield name, both | {"is_good": _is_at_most(both, MOST_CONNECTIONS)}


def _tables(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each, bytes on disk for each row that is there; and the dead, which autovacuum takes away."""
    counted = [sample for sample in run.samples if "contents" in sample]
    if len(counted) < 2:
        return
    first, last = counted[1] if len(counted) > 2 else counted[0], counted[-1]
    for name in CHURNED:
        if name not in last["tables"]:
            continue
        sizes = {"begin": _bytes(first, name), "end": _bytes(last, name)}
        rows = {when: _rows(sample, name) for when, sample in (("begin", first), ("end", last))}
        a_row = {when: round(sizes[when] / max(rows[when], 1)) for when in sizes}
        is_small = max(sizes.values()) < SMALL
        yield (
            name,
            {
                "kb": {when: round(size / 1024) for when, size in sizes.items()},
                "rows": rows,
                "bytes_a_row": a_row,
                "dead": last["tables"][name]["dead"],
                "changes": last["tables"][name]["changes"],
                "is_good": is_small or _is_at_most(a_row, MOST_BLOAT),
            },
        )


def _bytes(sample: dict[str, Any], name: str) -> int:
    return sample["tables"][name]["heap"] + sample["tables"][name]["indexes"]


def _rows(sample: dict[str, Any], name: str) -> int:
    return sample["contents"][name][0]


# --- Latency ------------------------------------------------------------------------------------


def _latency(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """Milliseconds, and how many times the floor of the same minutes."""
    for name, floor in FLOORS.items():
        found: dict[str, Any] = {}
        for part, of_all in (("p50", statistics.median), ("p95", _p95)):
            ms = _both(run, _answered(run, name), _ms, of_all)
            floors = _both(run, _answered(run, floor), _ms, of_all)
            found[f"{part}_ms"] = ms
            found[f"{part}_floors"] = {
                window: round(ms[window] / floors[window], 2) for window in ms if window in floors
            }
        missed = [one for one in run.probes if one["name"] == name and not one["is_answered"]]
        found["unanswered"] = len(missed)
        found["is_good"] = _is_at_most(found["p50_floors"], MOST_SLOWER)
        yield name, found


def _answered(run: Run, name: str) -> list[dict[str, Any]]:
    return [one for one in run.probes if one["name"] == name and one["is_answered"]]


def _ms(one: dict[str, Any]) -> float:
    return one["took_s"] * 1000


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


# --- What it costs, and how it ended --------------------------------------------------------------


def _capacity(run: Run) -> dict[str, Any]:
    """Of one request, with all that belongs to it: its share of what the database has grown by."""
    counted = [sample for sample in run.samples if "contents" in sample]
    if len(counted) < 2:
        return {}
    first, last = counted[0], counted[-1]
    requests = _rows(last, "approvals_approvalrequest") - _rows(first, "approvals_approvalrequest")
    if requests <= 0:
        return {}
    grown = {name: _bytes(last, name) - _bytes(first, name) for name in last["tables"]}
    largest = sorted(grown, key=lambda name: -grown[name])[:8]
    events = _rows(last, "audit_event") - _rows(first, "audit_event")
    return {
        "requests": requests,
        "events_a_request": round(events / requests, 1),
        "bytes_a_request": round((last["size"]["database"] - first["size"]["database"]) / requests),
        "of_that": {name: round(grown[name] / requests) for name in largest},
    }


def _end(run: Run) -> dict[str, Any]:
    names = ("commands", "acked", "answers", "reads", "kills_by_point", "faults", "requests")
    wrong = ("lost", "doubled", "unexplained", "doctor", "verify")
    found = {name: run.end.get(name) for name in (*names, *wrong, "findings")}
    return found | {"is_right": bool(run.end) and not any(run.end[name] for name in wrong)}


# --- The table ----------------------------------------------------------------------------------


def table(found: dict[str, Any]) -> str:
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['seconds']:.0f} s; load of the machine {_pair(found['machine_load'])}"
    yield f"{'':42} {'begin':>10} {'end':>10}"
    for name, row in found["memory_mb"].items():
        more = f"{row['an_hour']:+.2f} MB an hour" if "an_hour" in row else row.get("why", "")
        yield _line(f"memory of {name}, MB", row, row["is_good"], more)
    for name, row in found["connections"].items():
        yield _line(f"most connections of {name}", row, row["is_good"])
    for name, row in found["tables"].items():
        more = f"{row['rows'].get('end')} rows, {row['dead']} dead, {_pair(row['kb'])} kB"
        yield _line(f"bytes a row, {name}", row["bytes_a_row"], row["is_good"], more)
    for name, row in found["latency"].items():
        more = f"{_pair(row['p50_ms'])} ms; {row['unanswered']} unanswered"
        yield _line(f"{name}, p50 in floors", row["p50_floors"], row["is_good"], more)
        more = f"{_pair(row['p95_ms'])} ms"
        yield _line(f"{name}, p95 in floors", row["p95_floors"], None, more)
    for name in ("lost", "doubled", "unexplained", "doctor", "verify"):
        yield f"{name:42} {'':10} {found[name]!s:>10}"


def _line(name: str, both: dict[str, Any], is_good: bool | None, more: str = "") -> str:
    verdict = {True: "good", False: "NOT GOOD", None: ""}[is_good]
    values = " ".join(f"{both.get(when, '–'):>10}" for when in ("begin", "end"))
    return f"{name:42} {values}  {verdict:8} {more}"


def _pair(both: dict[str, Any]) -> str:
    return " → ".join(f"{both[when]:.0f}" for when in ("begin", "end") if when in both)
