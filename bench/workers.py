"""The other programs of one measurement: the provider, and workers; each a process of its own."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def provider(*more: str) -> Iterator[str]:
    """The demo's provider on loopback, with a ledger on disk; gives its address."""
    with tempfile.TemporaryDirectory(prefix="aq-bench-") as directory:
        command = ["demo.simulator", "--port=0", f"--ledger={Path(directory) / 'ledger'}", *more]
        with program(*command, stdout=subprocess.PIPE, text=True) as process:
            yield process.stdout.readline().split()[-1]


@contextmanager
def workers(count: int, concurrency: int, **environment: str) -> Iterator[None]:
    """So many of the product's workers, all of them ready."""
    with ExitStack() as stack:
        wanted = heard_of() + 1
        for number in range(count):
            command = ["worker", f"--concurrency={concurrency}", f"--name=bench-{number}"]
            stack.enter_context(_started([sys.executable, "manage.py", *command], environment))
        until(lambda: heard_of() >= wanted)
        time.sleep(3)  # all parts of all of them
        yield


@contextmanager
def no_op_workers(count: int, concurrency: int) -> Iterator[None]:
    """So many of procrastinate's own workers with jobs that do nothing."""
    with ExitStack() as stack:
        wanted = heard_of() + count
        for _ in range(count):
            stack.enter_context(program("bench.no_ops", f"--concurrency={concurrency}"))
        until(lambda: heard_of() >= wanted)
        yield


@contextmanager
def program(*command: str, **options: object) -> Iterator[subprocess.Popen]:
    with _started([sys.executable, "-m", *command], {}, **options) as process:
        yield process


@contextmanager
def _started(command: list[str], environment: dict, **options: object) -> Iterator:
    process = subprocess.Popen(command, env={**os.environ, **environment}, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def heard_of() -> int:
    from procrastinate.contrib.django.models import ProcrastinateWorker

    return ProcrastinateWorker.objects.count()


def until(condition: Callable[[], object], *, seconds: float = 120, pause: float = 0.02) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("What was waited for did not happen.")
        time.sleep(pause)
