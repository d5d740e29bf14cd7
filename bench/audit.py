"""What the record costs: 32 writers with and without the chain, and verification against plain hashing.

`make bench-audit`. Each figure is a ratio against a floor in the same run, the median of several.

- writers: events a second of 32 threads on streams of their own, each event in a transaction of its own,
  against the same rows into a table without chain, head and triggers.
- verify: events a second of `verify()`, against reading the same rows with their JSON and hashing bytes
  that are ready.
"""

import argparse
import contextlib
import functools
import hashlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.database import own_database

WRITERS = 32
PLAIN = "bench_plain_event"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--each", type=int, default=60, help="events of each writer in one round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with own_database():
        _writers(options.each, options.rounds)
        _verification(options.requests, options.rounds)


# --- Writers -------------------------------------------------------------------------------------


def _writers(each: int, rounds: int) -> None:
    _make_plain_table()
    chained, plain = [], []
    for number in range(rounds + 1):  # the first round warms up
        chained.append(_rate(each, lambda n, round=number: _chained(f"bench/{round}/{n}")))
        with _without_hashing():
            plain.append(_rate(each, lambda n, round=number: _unchained(f"bench/{round}/{n}")))
    ratios = [a / b for a, b in zip(chained[1:], plain[1:], strict=True)]
    print(
        f"writers: {statistics.median(chained[1:]):,.0f} events/s chained,"
        f" {statistics.median(plain[1:]):,.0f} plain: {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f}, {rounds} rounds)"
    )


def _make_plain_table() -> None:
    from django.conf import settings
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(f"CREATE TABLE {PLAIN} (LIKE audit_event INCLUDING ALL)")
        user = connections["owner"].ops.quote_name(settings.DATABASES["default"]["USER"])
        cursor.execute(f"GRANT SELECT, INSERT ON {PLAIN} TO {user}")


def _rate(each: int, writer: Callable[[int], Callable[[], None]]) -> float:
    """Events a second of all writers together."""
    from django.db import connections, transaction

    ready = threading.Barrier(WRITERS + 1)

    ended = []

    def work(number: int) -> None:
        write = writer(number)
        connections["default"].ensure_connection()
        ready.wait()
        for _ in range(each):
            with transaction.atomic():
                write()
        connections["default"].close()
        ended.append(number)

    threads = [threading.Thread(target=work, args=[number]) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if len(ended) < WRITERS:
        raise SystemExit("A writer failed.")
    return WRITERS * each / seconds


def _arguments(stream: str) -> dict:
    from django.utils import timezone

    from audit.recorder import Actor, Target

    return {
        "stream": stream,
        "action": "request.note",
        "actor": Actor("person", "1", "Eleni Markou", auth_method="session"),
        "target": Target("request", "RF-1", 1, 2),
        "at": timezone.now(),
        "reason": "The carrier confirmed that the parcel is lost.",
        "facts": {"state": "pending", "revision": 1},
        "row": {"version": 2, "updated_at": "2026-11-24T09:12:00.000000Z"},
    }


def _chained(stream: str) -> Callable[[], None]:
    from audit.recorder import record

    return lambda: record(**_arguments(stream))


def _unchained(stream: str) -> Callable[[], None]:
    """The same row by the same ORM, numbered by its writer: no head to lock, no hash, no trigger."""
    from audit.recorder import following

    plain, seq = _plain_model(), 0

    def write() -> None:
        nonlocal seq
        event = following(seq, bytes(32), **_arguments(stream))
        seq += 1
        values = {field.attname: getattr(event, field.attname) for field in _kept(type(event))}
        plain(**values).save(force_insert=True)

    return write


@contextlib.contextmanager
def _without_hashing() -> Iterator[None]:
    """For a whole round: its writers are all of one kind."""
    from audit import chain, commitments

    kept = chain.link, commitments.seal
    chain.link, commitments.seal = (lambda head, event: bytes(32)), (lambda event: None)
    try:
        yield
    finally:
        chain.link, commitments.seal = kept


def _kept(model: Any) -> list:
    return [field for field in model._meta.concrete_fields if field.name not in ("id", "xid")]


@functools.cache
def _plain_model() -> Any:
    from django.db import models

    from audit.models import Event

    fields = {field.name: field.clone() for field in _kept(Event)}
    meta = type("Meta", (), {"managed": False, "app_label": "audit", "db_table": PLAIN})
    return type("PlainEvent", (models.Model,), {**fields, "Meta": meta, "__module__": __name__})


# --- Verification --------------------------------------------------------------------------------


def _verification(requests: int, rounds: int) -> None:
    from django.core.management import call_command
    from django.utils import timezone

    from audit import chain, sealing
    from audit.models import Event
    from audit.verify import verify

    call_command("seed", f"--requests={requests}", "--i-know-this-adds-sample-data")
    sealing.seal_all(at=timezone.now())
    prepared = [chain.canonical(event) for event in Event.objects.iterator()]

    def floor() -> int:
        for event, data in zip(Event.objects.iterator(), prepared, strict=True):
            hashlib.sha256(bytes(event.prev_hash) + data).digest()
        return len(prepared)

    def whole() -> int:
        report = verify()
        if not report.is_intact:
            raise SystemExit(f"The record is broken: {report.breaks}")
        return report.events

    ratios, rates = [], []
    for _ in range(rounds):
        least, ours = _events_a_second(floor), _events_a_second(whole)
        ratios.append(ours / least)
        rates.append((ours, least))
    print(
        f"verify: {statistics.median(r for r, _ in rates):,.0f} events/s of {len(prepared):,},"
        f" floor {statistics.median(f for _, f in rates):,.0f}: {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f}, {rounds} rounds)"
    )


def _events_a_second(run: Callable[[], int]) -> float:
    began = time.perf_counter()
    count = run()
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
