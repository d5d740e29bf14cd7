"""Does the memory of a web process stay flat? Pages and commands by the thousand, and nothing goes wrong.

`python -m bench.memory [--calls 20000]`: an embedded server, two web processes of four threads, four
clients that open pages and write notes, so that what is read stays as large as it was. Told at each tenth
part: what each process has that nobody else has, in MB.
"""

import argparse
import itertools
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from bench.database import own_database
from bench.effects import ask, people
from bench.long_run.processes import Process, of
from bench.serving import served
from tests.crash.harness.processes import children, command

CLIENTS, REQUESTS = 4, 200
PAGES = (
    "/queue/?view=all",
    "/queue/?view=stuck",
    "/queue/?view=done",
    "/decisions/",
    "/failures/",
    "/dashboard/",
    "/lookup/?q=B-7",
    "/inbox/",
    "/queue/export/?view=done",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    options = parser.parse_args()
    with own_database():
        everybody = people()
        refs = [ask(everybody["support@demo.test"]) for _ in range(REQUESTS)]
        reader = everybody["ops@demo.test"]
        with served() as address:
            _push(_calls(reader, address, refs), options.calls)


def _calls(reader: object, address: str, refs: list[str]) -> Iterator[Callable[[], None]]:
    """Ten pages and then a note, over and over, each about the next request."""
    import httpx
    from django.conf import settings
    from django.test import Client
    from django.utils import timezone

    from accounts import tokens

    browser = Client()
    browser.force_login(reader)
    name = settings.SESSION_COOKIE_NAME
    pages = httpx.Client(
        base_url=address, cookies={name: browser.cookies[name].value}, trust_env=False, timeout=60
    )
    made = tokens.make(reader, name="bench", scopes=["operate"], days=1, at=timezone.now())
    commands = httpx.Client(
        base_url=f"{address}/api/v1/requests",
        headers={"Authorization": f"Bearer {made.secret}"},
        trust_env=False,
        timeout=60,
    )

    def read(path: str) -> None:
        pages.get(path).raise_for_status()

    def note(ref: str, number: int) -> None:
        headers, body = {"Idempotency-Key": f"note-{number}"}, {"reason": "Asked the customer."}
        commands.post(f"/{ref}/note", json=body, headers=headers).raise_for_status()

    for number, ref in enumerate(itertools.cycle(refs)):
        for path in (*PAGES, f"/requests/{ref}/"):
            yield lambda path=path: read(path)
        yield lambda ref=ref, number=number: note(ref, number)


def _push(calls: Iterator[Callable[[], None]], count: int) -> None:
    part = count // 10
    print("   calls   a second   own memory of each web process, MB")
    with ThreadPoolExecutor(CLIENTS) as clients:
        for done in range(part, count + 1, part):
            began = time.monotonic()
            for answer in [clients.submit(call) for call in itertools.islice(calls, part)]:
                answer.result()
            rate = part / (time.monotonic() - began)
            own = "   ".join(f"{process.own / 1e6:.1f}" for process in _web())
            print(f"{done:>8,}   {rate:>8.0f}   {own}", flush=True)


def _web() -> list[Process]:
    """Those that gunicorn has started; it is a child of this process, as the database is."""
    masters = [pid for pid in children(os.getpid()) if b"gunicorn" in command(pid)]
    return [web for master in masters for pid in children(master) for web in of("web", pid)]


if __name__ == "__main__":
    main()
