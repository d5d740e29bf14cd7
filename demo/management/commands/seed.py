"""`seed --requests N`: sample requests in bulk, for benchmarks and for looking at a full queue."""

import os
import time
from argparse import ArgumentParser, ArgumentTypeError

from django.core.management.base import BaseCommand, CommandError

from approvals.clock import database_time
from demo.seeding import running
from demo.seeding.desks import NowhereToAsk
from demo.seeding.plan import DAYS, OPEN_PERCENT, Plan, Written
from demo.seeding.running import CHUNK

SURE = "--i-know-this-adds-sample-data"
MOST_DAYS = 3650
WORTH_A_PROCESS = 2000  # requests


class Command(BaseCommand):
    help = (
        "Add sample requests of all kinds in all states, with steps, decisions, calls and events."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--requests", type=_positive, required=True, help="how many to add")
        parser.add_argument("--seed", type=int, default=1, help="the same gives the same data")
        parser.add_argument("--days", type=_days, default=DAYS, help="how far back they reach")
        parser.add_argument(
            "--open", type=_percent, default=OPEN_PERCENT, help="percent that are open"
        )
        parser.add_argument(
            "--processes",
            type=_positive,
            help="how many write at once; one for each processor, when there is enough to write",
        )
        parser.add_argument(SURE, action="store_true", dest="is_sure")

    def handle(
        self,
        *,
        requests: int,
        seed: int,
        days: int,
        processes: int | None,
        is_sure: bool,
        **options: object,
    ) -> None:
        if running.holds_others() and not is_sure:
            raise CommandError(
                "There are requests here that seed did not make, and what it adds can never be "
                f"removed; add {SURE} if you mean it."
            )
        plan = Plan(requests, seed, database_time(), days, options["open"])
        began = time.monotonic()

        def tell(written: Written) -> None:
            if written.requests % (10 * CHUNK) == 0 and written.requests < requests:
                self.stdout.write(_line(written, time.monotonic() - began))

        try:
            written = running.run(plan, tell=tell, spread_over=processes or _worth(requests))
        except NowhereToAsk as nowhere:
            raise CommandError(str(nowhere)) from nowhere
        self.stdout.write(_line(written, time.monotonic() - began))


def _line(written: Written, seconds: float) -> str:
    rate = written.requests / seconds
    return (
        f"{written.requests:,} requests, {written.events:,} events, up to {written.last}: "
        f"{seconds:.1f} s, {rate:,.0f} requests/s"
    )


def _worth(requests: int) -> int:
    """How many processes: to begin one takes as long as to write a chunk."""
    return max(1, min(os.cpu_count() or 1, requests // WORTH_A_PROCESS))


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise ArgumentTypeError("write a whole number from 1 up")
    return int(text)


def _days(text: str) -> int:
    days = _positive(text)
    if days > MOST_DAYS:
        raise ArgumentTypeError(f"write a whole number up to {MOST_DAYS}")
    return days


def _percent(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = -1
    if not 0 <= percent <= 100:
        raise ArgumentTypeError("write a number from 0 to 100")
    return percent
