"""What goes wrong, by a timetable that begins anew every ten minutes: each of them is like the others.

The eldest web and job worker are spared: whether memory grows can be seen only on those that live.
Once in the run, outside of its first and its last ten minutes, PostgreSQL itself is damaged and the
line to it is lossy: that ends workers, as it should, and the eldest must then live to the end.
"""

from collections.abc import Callable, Sequence

from bench.long_run.processes import began
from tests.crash.harness.run import Running

PERIOD_S = 600.0
CRASH_AT = 0.2  # of the run


class Timetable:
    """Called often; does what has become due, `begins_s` after the run's begin."""

    def __init__(self, *, begins_s: float, seconds: float) -> None:
        periods = max(1, round(seconds / PERIOD_S))
        self.period_s = seconds / periods
        self.begins_s = begins_s
        self._due: list[tuple[float, Callable[[Running], None]]] = sorted(
            [
                ((period + at) * self.period_s, does)
                for period in range(periods)
                for at, does in _IN_A_PERIOD
            ]
            + [(CRASH_AT * seconds + wait_s, does) for wait_s, does in _ONCE],
            key=lambda one: one[0],
        )

    def __call__(self, running: Running) -> None:
        while self._due and running.passed_s - self.begins_s > self._due[0][0]:
            _, does = self._due.pop(0)
            does(running)


def _kill_web(running: Running) -> None:
    running.killer.kill("web", _younger(running.parts.web_workers()))


def _kill_worker(running: Running) -> None:
    running.killer.kill("worker", _younger([one.pid for one in running.parts.workers]))


def _younger(pids: Sequence[int]) -> list[int]:
    """All but the eldest. Their numbers say nothing: they begin anew."""
    return sorted(pids, key=began)[1:]


def _end_connections(running: Running) -> None:
    """Of the web, as an administrator or a failing switch would."""
    running.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'web' LIMIT 3"
    )
    running.killer.faults["terminated backend"] += 3


def _put_worker_to_sleep(running: Running) -> None:
    running.killer.sleep(_younger([one.pid for one in running.parts.workers]), 20, "stopped worker")


def _provider(name: str) -> Callable[[Running], None]:
    def does(running: Running) -> None:
        running.killer.provider_is(name)
        running.killer.faults[f"provider {name}"] += 1

    return does


def _line(name: str) -> Callable[[Running], None]:
    return lambda running: running.killer.line_is(name)


_IN_A_PERIOD: list[tuple[float, Callable[[Running], None]]] = [
    (0.05, _provider("realistic")),
    (0.12, _kill_web),
    (0.2, _provider("slow")),
    (0.26, _kill_worker),
    (0.3, _provider("hostile")),
    (0.38, _kill_web),
    (0.4, _provider("realistic")),
    (0.46, _put_worker_to_sleep),
    (0.52, _provider("down")),
    (0.6, _provider("realistic")),
    (0.62, _end_connections),
    (0.7, _kill_worker),
    (0.78, _provider("cut off")),
    (0.84, _provider("realistic")),
    (0.86, _kill_web),
    (0.94, _provider("quiet")),
]
_ONCE: list[tuple[float, Callable[[Running], None]]] = [
    (0.0, lambda running: running.killer.kill_backend()),
    (20.0, _line("lossy")),
    (50.0, _line("sound")),
]
