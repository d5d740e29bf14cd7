"""Commands a second through the API, against an empty call of it that commits one row.

`python -m bench.api [--seconds 10] [--clients 8]`: an embedded server with its durable settings, two
web processes of four threads. The kinds of call take turns in short rounds, so that whatever else
the machine does hits all of them.
"""

import argparse
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable

from bench.database import own_database
from bench.serving import served

ROUND_S = 1.0
REQUESTS = 64
NUMBERS = itertools.count()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="for each kind of call")
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    with own_database():
        token, refs = _prepared()
        with served() as address:
            print(json.dumps(_measured(address, token, refs, options), indent=1))


def _prepared() -> tuple[str, list[str]]:
    """People, a token with every scope, and requests that wait for Finance."""
    from django.utils import timezone

    from accounts import tokens
    from approvals.commands.submit import submit
    from demo import organisation

    at = timezone.now()
    people = organisation.create(at=at, password="correct horse battery")  # noqa: S106 - thrown away
    scopes = ["read", "submit", "operate"]
    token = tokens.make(people["support@demo.test"], name="bench", scopes=scopes, days=1, at=at)
    refs = [
        submit(by=people["support@demo.test"], at=at, key=f"b-{n}", **_wanted(n)).ref
        for n in range(REQUESTS)
    ]
    return token.secret, refs


def _wanted(number: int) -> dict:
    payload = {
        "order": f"B-{number}",
        "payment": f"pi_bench{number}",
        "amount": 8800,
        "currency": "EUR",
        "reason_code": "other",
    }
    return {"kind": "refund", "payload": payload, "customer": "A. Silva", "reason": "Bench."}


def _measured(address: str, token: str, refs: list[str], options: argparse.Namespace) -> dict:
    import httpx

    client = httpx.Client(
        base_url=f"{address}/api",
        headers={"Authorization": f"Bearer {token}"},
        limits=httpx.Limits(max_connections=options.clients),
        trust_env=False,
        timeout=60,
    )

    def note(number: int) -> httpx.Response:
        headers = {"Idempotency-Key": f"n-{number}"}
        url = f"/v1/requests/{refs[number % len(refs)]}/note"
        return client.post(url, json={"reason": "Measured."}, headers=headers)

    def ask(number: int) -> httpx.Response:
        headers = {"Idempotency-Key": f"a-{number}"}
        return client.post("/v1/requests", json=_wanted(REQUESTS + number), headers=headers)

    def replay(number: int) -> httpx.Response:
        headers = {"Idempotency-Key": "again"}
        return client.post(f"/v1/requests/{refs[0]}/note", json={"reason": "R."}, headers=headers)

    calls: dict[str, Callable[[int], httpx.Response]] = {
        "floor": lambda _: client.post("/floor/row", json={}),
        "note": note,
        "ask": ask,
        "replay": replay,
        "read": lambda number: client.get(f"/v1/requests/{refs[number % len(refs)]}"),
    }
    done: Counter = Counter()
    spent: Counter = Counter()
    for call in calls.values():  # once, unmeasured: everything is loaded
        call(next(NUMBERS)).raise_for_status()
    for _ in range(max(1, round(options.seconds / ROUND_S))):
        for name, call in calls.items():
            number, seconds = _round(call, options.clients)
            done[name] += number
            spent[name] += seconds
    per_second = {name: done[name] / spent[name] for name in calls}
    return {
        "clients": options.clients,
        "per_second": {name: round(rate, 1) for name, rate in per_second.items()},
        "of_the_floor": {name: round(per_second[name] / per_second["floor"], 2) for name in calls},
    }


def _round(call: Callable[[int], object], clients: int) -> tuple[int, float]:
    """How many answers came in how many seconds. An answer that is no success ends the run."""
    began = time.monotonic()
    counts = [0] * clients
    failures: list[BaseException] = []

    def work(place: int) -> None:
        try:
            while time.monotonic() - began < ROUND_S and not failures:
                call(next(NUMBERS)).raise_for_status()
                counts[place] += 1
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(counts), time.monotonic() - began


if __name__ == "__main__":
    main()
