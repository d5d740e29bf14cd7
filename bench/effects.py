"""Effects a second, against procrastinate's own no-op jobs with the same workers in the same run.

`python -m bench.effects [--rounds 7] [--workers 2] [--concurrency 8]`: an embedded server with its
durable settings, the demo's provider as a process of its own, which answers at once. In each round as
many no-ops and as many approved refunds are committed in one transaction each, one kind after the other,
and the time is taken until none is left; the numbers are medians of the rounds.
"""

import argparse
import cProfile
import itertools
import json
import os
import pstats
import statistics
import time
from collections.abc import Callable

from bench.database import own_database
from bench.workers import no_op_workers, provider, until, workers

PASSWORD = "correct horse battery"  # noqa: S105 - thrown away with the database
_numbers = itertools.count(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=400, help="of each kind in a round")
    parser.add_argument("--profile", action="store_true", help="where the time of effects goes")
    options = parser.parse_args()
    with provider() as address, own_database():
        point_to(address)
        support = people()["support@demo.test"]
        told = {} if options.profile else _measured(support, options)
        print(json.dumps({**told, **_looked_into(support, options)}, indent=1))


def point_to(address: str) -> None:
    """This process and those it starts call the provider at `address`."""
    from django.conf import settings

    settings.STRIPE_API_BASE, settings.STRIPE_API_KEY = address, "sk_test_bench"
    settings.ACCOUNT_SERVICE_URL, settings.ACCOUNT_SERVICE_SECRET = address, "secret"
    os.environ |= {
        "STRIPE_API_BASE": address,
        "STRIPE_API_KEY": "sk_test_bench",
        "ACCOUNT_SERVICE_URL": address,
        "ACCOUNT_SERVICE_SECRET": "secret",
    }


def people() -> dict:
    from django.utils import timezone

    from demo import organisation

    return organisation.create(at=timezone.now(), password=PASSWORD)


def ask(by: object) -> str:
    """A refund that the policy approves at once; its reference."""
    from django.utils import timezone

    from approvals.commands.submit import submit

    number = next(_numbers)
    payload = {
        "order": f"B-{number}",
        "payment": f"pi_bench{number}",
        "amount": 4800,
        "currency": "EUR",
        "reason_code": "other",
    }
    wanted = {"kind": "refund", "payload": payload, "customer": "A. Silva", "reason": "Bench."}
    return submit(by=by, at=timezone.now(), key=f"b-{number}", **wanted).ref


def _measured(by: object, options: argparse.Namespace) -> dict:
    rates: dict[str, list[float]] = {"floor": [], "effects": []}
    kinds = {"floor": (_no_ops, _floor_left), "effects": (lambda n: _approved(by, n), _not_done)}
    count = options.workers, options.concurrency
    with no_op_workers(*count), workers(*count):
        for number in range(options.rounds + 1):
            for name, (begin, left) in kinds.items():
                rate = _round(begin, left, options.jobs)
                if number:  # the first is not measured: everything is loaded in it
                    rates[name].append(rate)
    ratios = [ours / floor for floor, ours in zip(*rates.values(), strict=True)]
    return {
        "workers": options.workers,
        "concurrency": options.concurrency,
        "rounds": options.rounds,
        "load": [round(one, 1) for one in os.getloadavg()],
        "per_second": {name: round(statistics.median(found), 1) for name, found in rates.items()},
        "of_the_floor": round(statistics.median(ratios), 2),
        "of_the_floor_by_round": [round(ratio, 2) for ratio in sorted(ratios)],
    }


def _round(begin: Callable[[int], None], left: Callable[[], int], count: int) -> float:
    """Jobs a second, from their commit until none is left."""
    from django.db import transaction

    with transaction.atomic():
        begin(count)
    began = time.monotonic()
    until(lambda: left() == 0)
    return count / (time.monotonic() - began)


def _no_ops(count: int) -> None:
    from bench.no_ops import worker_app

    for _ in range(count):
        worker_app().tasks["floor:nothing"].defer()


def _floor_left() -> int:
    return _left("SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'floor'")


def _approved(by: object, count: int) -> None:
    for _ in range(count):
        ask(by)


def _not_done() -> int:
    return _left("SELECT count(*) FROM approvals_effect WHERE settled_at IS NULL")


def _left(query: str) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def _looked_into(by: object, options: argparse.Namespace) -> dict:
    """Statements of one effect, and with `--profile` where the time of a hundred goes."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from approvals import execution
    from approvals.models import ApprovalRequest

    found = [ask(by) for _ in range(102)]
    ids = list(ApprovalRequest.objects.filter(ref__in=found).values_list("pk", flat=True))
    execution.run(ids[0], wake=_nobody)
    with CaptureQueriesContext(connection) as captured:
        execution.run(ids[1], wake=_nobody)
    if options.profile:
        for query in captured.captured_queries:
            print(query["sql"][:3000], "\n")
        profile = cProfile.Profile(time.thread_time)  # of the processor; waiting is none
        profile.enable()
    began, cpu = time.monotonic(), time.process_time()
    for item_id in ids[2:]:
        execution.run(item_id, wake=_nobody)
    spent, cpu = time.monotonic() - began, time.process_time() - cpu
    if options.profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("cumulative").print_stats(90)
    return {
        "statements_per_effect": len(captured),
        "ms_per_effect_one_after_the_other": round(spent * 10, 1),
        "of_it_python_ms": round(cpu * 10, 1),
    }


def _nobody(item_id: int, at: object) -> None:
    """Nobody is woken: what is measured is done."""


if __name__ == "__main__":
    main()
