"""Decisions a second through the API, against an empty call of it that commits one row.

`python -m bench.decision [--rounds 7] [--clients 8]`: an embedded server with its durable settings, two
web processes of four threads. In each round the same number of approvals and of empty calls, one kind
after the other; the numbers are medians of the rounds.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.database import own_database
from bench.serving import served

A_ROUND = 96  # calls of each kind
PASSWORD = "correct horse battery"  # noqa: S105 - thrown away with the database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    with own_database():
        token, refs = _prepared((options.rounds + 1) * A_ROUND)
        with served() as address:
            print(json.dumps(_measured(address, token, refs, options), indent=1))


def _prepared(count: int) -> tuple[str, list[str]]:
    """A token of somebody who decides, and requests that wait for them alone."""
    from django.utils import timezone

    from accounts import tokens
    from approvals.commands.submit import submit
    from demo import organisation

    at = timezone.now()
    people = organisation.create(at=at, password=PASSWORD)
    token = tokens.make(
        people["finance1@demo.test"], name="bench", scopes=["read", "decide"], days=1, at=at
    )
    asks = people["support@demo.test"]
    refs = [submit(by=asks, at=at, key=f"b-{n}", **_wanted(n)).ref for n in range(count)]
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
    left = iter(refs)

    def approve() -> None:
        ref = next(left)
        body = {"revision": 1, "step": 1}
        headers = {"Idempotency-Key": ref}
        client.post(f"/v1/requests/{ref}/approve", json=body, headers=headers).raise_for_status()

    def floor() -> None:
        client.post("/floor/row", json={}).raise_for_status()

    rates: dict[str, list[float]] = {"floor": [], "approve": []}
    with ThreadPoolExecutor(options.clients) as clients:
        for number in range(options.rounds + 1):
            for call in (floor, approve):
                rate = _round(clients, call)
                if number:  # the first is not measured: everything is loaded in it
                    rates[call.__name__].append(rate)
    return _told(rates, options)


def _round(clients: ThreadPoolExecutor, call: Callable[[], None]) -> float:
    """Answers a second. One that is no success ends the run."""
    began = time.monotonic()
    answers = [clients.submit(call) for _ in range(A_ROUND)]
    for answer in answers:
        answer.result()
    return A_ROUND / (time.monotonic() - began)


def _told(rates: dict[str, list[float]], options: argparse.Namespace) -> dict:
    ratios = [yes / floor for yes, floor in zip(rates["approve"], rates["floor"], strict=True)]
    return {
        "clients": options.clients,
        "rounds": options.rounds,
        "per_second": {name: round(statistics.median(found), 1) for name, found in rates.items()},
        "of_the_floor": round(statistics.median(ratios), 2),
        "of_the_floor_by_round": [round(ratio, 2) for ratio in sorted(ratios)],
    }


if __name__ == "__main__":
    main()
