"""From asking to done under a steady load, and one slow provider beside a fast one.

`python -m bench.steady [--rate 5] [--seconds 12] [--rounds 5]`: an open loop, so whoever is late holds
up nobody. Refunds are approved by policy when they are asked for, and the demo's provider answers at
once; the time runs from the call of the command to the effect's end, and is told in parts: asking,
waiting for a worker, the call with what is written around it. The floor is one of procrastinate's own
no-op jobs, from its command to its row being gone. Then the same refunds beside account changes whose
provider takes ten seconds for each call and gets more of them than it has slots.
"""

import argparse
import json
import os
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from bench.database import own_database
from bench.effects import ask, people, point_to
from bench.workers import no_op_workers, provider, until, workers

SLOW_S = 10
AT_ONCE = [{"name": "At once", "steps": []}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5, help="a second")
    parser.add_argument("--seconds", type=float, default=12, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with ExitStack() as stack:
        fast = stack.enter_context(provider())
        slow = stack.enter_context(provider("--fault=slow=1", f"--slow-seconds={SLOW_S}"))
        stack.enter_context(own_database())
        point_to(fast)
        os.environ |= {"ACCOUNT_SERVICE_URL": slow, "ACCOUNT_SERVICE_TIMEOUT_S": "20"}
        support = people()["support@demo.test"]
        _approve_account_changes_at_once()
        stack.enter_context(no_op_workers(options.workers, 8))
        stack.enter_context(workers(options.workers, 8))
        print(json.dumps(_measured(support, options), indent=1))


def _approve_account_changes_at_once() -> None:
    from django.utils import timezone

    from approvals.commands.policies import load_policy

    load_policy(slug="account-changes", name="Bench", table=AT_ONCE, at=timezone.now())


def _measured(by: object, options: argparse.Namespace) -> dict:
    told: dict[str, list[dict]] = {"floor": [], "alone": [], "beside_a_slow_one": []}
    _steady(lambda: _done(by), options.rate, 3)  # everything is loaded
    for _ in range(options.rounds):
        told["floor"].append(_steady(_no_op, options.rate, options.seconds))
        told["alone"].append(_steady(lambda: _done(by), options.rate, options.seconds))
    stop = threading.Event()
    beside = threading.Thread(target=_slow_ones, args=[by, stop])
    beside.start()
    until(lambda: _in_flight() >= 8)
    for _ in range(options.rounds):
        found = _steady(lambda: _done(by), options.rate, options.seconds)
        told["beside_a_slow_one"].append(found | {"slow_in_flight": _in_flight()})
    stop.set()
    beside.join()
    return {
        "rate": options.rate,
        "workers": options.workers,
        "load": [round(one, 1) for one in os.getloadavg()],
        **{name: _medians(rounds) for name, rounds in told.items()},
    }


def _medians(rounds: list[dict]) -> dict:
    return {name: round(statistics.median(one[name] for one in rounds)) for name in rounds[0]}


def _steady(one: Callable[[], list[float]], rate: float, seconds: float) -> dict:
    """Milliseconds of `one` and of its parts, begun so many times a second whatever became of others."""
    spent: list[list[float]] = []
    begun = [
        threading.Thread(target=lambda: spent.append(_own(one)))
        for _ in range(round(rate * seconds))
    ]
    start = time.monotonic()
    for number, thread in enumerate(begun):
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        thread.start()
    for thread in begun:
        thread.join()
    if len(spent) < len(begun):
        raise RuntimeError("Not all of them came to an end.")
    names = ["whole", *(["asking", "waiting", "call"] if len(spent[0]) > 1 else [])]
    told = {}
    for name, values in zip(names, zip(*spent, strict=True), strict=True):
        cuts = statistics.quantiles([ms * 1000 for ms in values], n=20)
        told |= {f"{name}_p50_ms": cuts[9], f"{name}_p95_ms": cuts[18]}
    return told


def _own(one: Callable[[], list[float]]) -> list[float]:
    """With a connection of the thread's own."""
    from django.db import connection

    try:
        return one()
    finally:
        connection.close()


def _no_op() -> list[float]:
    from procrastinate.contrib.django.models import ProcrastinateJob

    from bench.no_ops import worker_app

    began = time.monotonic()
    job = worker_app().tasks["floor:nothing"].defer()
    until(lambda: not ProcrastinateJob.objects.filter(pk=job).exists(), pause=0.005)
    return [time.monotonic() - began]


def _done(by: object) -> list[float]:
    """All of it, then its parts; in seconds."""
    from approvals.models import Attempt

    began = time.time()
    ref = ask(by)
    asked = time.time()
    ended = Attempt.objects.filter(effect__item__ref=ref, effect__settled_at__isnull=False)
    until(ended.exists, pause=0.2)
    times = ended.values_list("started_at", "effect__settled_at").get()
    started, settled = (moment.timestamp() for moment in times)
    return [settled - began, asked - began, started - asked, settled - started]


def _slow_ones(by: object, stop: threading.Event) -> None:
    """Three times as many as the slow provider's slots can carry out."""
    from django.db import connection
    from django.utils import timezone

    from approvals.commands.submit import submit

    number = 0
    while not stop.wait(0.4):
        number += 1
        payload = {"account": f"acct_{number}", "change": "email", "to": "new@example.test"}
        wanted = {"payload": payload, "customer": "A. Silva", "reason": "Bench."}
        submit(by=by, at=timezone.now(), key=f"s-{number}", kind="account_change", **wanted)
    connection.close()


def _in_flight() -> int:
    from approvals.models import Attempt

    running = Attempt.objects.filter(finished_at=None)
    return running.filter(effect__item__kind="account_change").count()


if __name__ == "__main__":
    main()
