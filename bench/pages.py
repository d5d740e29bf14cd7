"""The main pages with 100,000 requests: questions to the database, bytes, and time against a floor.

`python -m bench.pages [--requests 100000] [--rounds 15] [--data-dir DIR]`: an embedded server, filled by
`manage.py seed`. With `--data-dir` the data is kept there and found again. Pages and the floor (a
fixed page behind the same middleware and session) take turns, so that whatever else the machine
does hits all of them. Exits with 1 when a page is over its budget; time has none here.
"""

import argparse
import html
import re
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.database import own_database

MOST_QUEUE_BYTES = 120_000
DEEP = 15  # pages of the queue
NEXT = re.compile(r'href="([^"]*)" rel="next"')


@dataclass
class Page:
    """One address as one person sees it, and what was measured of it."""

    name: str
    email: str
    path: str
    queries: int = 0
    size: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def is_queue(self) -> bool:
        return self.path.startswith("/queue/")

    def over(self) -> list[str]:
        """Which budgets it is over."""
        from tests.demo.pages import budget

        found = []
        if self.queries > (most := budget(self.path)):
            found.append(f"{self.name}: {self.queries} queries, {most} at most")
        if self.is_queue and self.size > MOST_QUEUE_BYTES:
            found.append(f"{self.name}: {self.size:,} bytes, {MOST_QUEUE_BYTES:,} at most")
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--data-dir", default="")
    options = parser.parse_args()
    with own_database(options.data_dir):
        _filled(options.requests)
        pages = _measured(options.rounds)
    _report(pages)
    over = [sentence for page in pages for sentence in page.over()]
    if over:
        sys.exit("Over budget:\n" + "\n".join(over))


def _filled(requests: int) -> None:
    """As many sample requests, notices of those that are stuck, and fresh statistics."""
    from django.core.management import call_command
    from django.db import connections
    from django.utils import timezone

    from approvals.models import ApprovalRequest
    from notifications import rounds

    missing = requests - ApprovalRequest.objects.count()
    if missing <= 0:
        return
    call_command("seed", f"--requests={missing}")
    rounds.tell_of_stuck(at=timezone.now())
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _measured(rounds: int) -> list[Page]:
    from django.http import HttpResponse
    from django.test import Client

    from accounts.models import User

    clients = {}
    for user in User.objects.filter(is_service=False):
        clients[user.email] = Client(HTTP_HOST="localhost")
        clients[user.email].force_login(user)

    def get(page: Page) -> HttpResponse:
        return clients[page.email].get(page.path)

    pages = [Page("floor", "ops@demo.test", "/floor/page/"), *_pages(get)]
    for page in pages:
        get(page)  # once, unmeasured: everything is loaded
        page.queries, page.size = _weighed(get, page)
    for _ in range(rounds):
        for page in pages:
            began = time.perf_counter()
            get(page)
            page.seconds.append(time.perf_counter() - began)
    return pages


def _pages(get: Callable) -> list[Page]:
    """The main pages, each as somebody who uses it sees it."""
    from approvals.models import ApprovalRequest, State
    from demo.seeding.contents import LARGE_CUSTOMER

    ops, finance, support = "ops@demo.test", "finance1@demo.test", "support@demo.test"
    of = ApprovalRequest.objects.order_by("-id")
    pending = of.filter(state=State.PENDING, kind="refund").first()
    done = of.filter(state=State.DONE, kind="refund").first()
    retrying = of.filter(state=State.RETRYING).first()
    views = ("me", "stuck", "people", "systems", "all")
    pages = [Page(f"queue, {view}", ops, f"/queue/?view={view}") for view in views]
    pages += [
        Page("queue, me, finance", finance, "/queue/?view=me"),
        Page(f"queue, all, page {DEEP}", ops, _deep(get, ops, "/queue/?view=all")),
        Page("queue, done", ops, "/queue/?view=all&state=done"),
        Page(f"queue, done, page {DEEP}", ops, _deep(get, ops, "/queue/?view=all&state=done")),
        Page("queue, search", ops, f"/queue/?view=all&q={LARGE_CUSTOMER}"),
        Page("decisions", finance, "/decisions/"),
        Page("request, pending", finance, f"/requests/{pending.ref}/"),
        Page("request, retrying", ops, f"/requests/{retrying.ref}/"),
        Page("request, done", ops, f"/requests/{done.ref}/"),
        Page("lookup, request", support, f"/lookup/?q={done.ref}"),
        Page("lookup, order", support, f"/lookup/?q={done.payload['order']}"),
        Page("lookup, customer of many", support, f"/lookup/?q={LARGE_CUSTOMER}"),
        Page("lookup, part of a name", support, "/lookup/?q=northwind"),
        Page("lookup, nothing", support, "/lookup/?q=nobody-of-this-name"),
        Page("failures", ops, "/failures/"),
        Page("failures, one cause", ops, f"/failures/{retrying.cause}/"),
        Page("dashboard, 24 h", ops, "/dashboard/"),
        Page("dashboard, 30 d", ops, "/dashboard/?period=30d"),
        Page("handoffs", ops, "/handoff/"),
        Page("inbox", support, "/inbox/"),
        Page("inbox, all", support, "/inbox/?show=all"),
    ]
    return pages


def _deep(get: Callable, email: str, path: str) -> str:
    """The address of the page that is reached by following “next” from the first."""
    for _ in range(DEEP - 1):
        following = NEXT.search(get(Page("", email, path)).content.decode())
        if following is None:
            break
        path = html.unescape(following[1])
    return path


def _weighed(get: Callable, page: Page) -> tuple[int, int]:
    """Questions to the database, and bytes as they are before any compression."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as seen:
        answer = get(page)
    if answer.status_code != 200:
        sys.exit(f"{page.path} answered {answer.status_code}")
    return len(seen), len(answer.content)


def _report(pages: list[Page]) -> None:
    floor = statistics.median(pages[0].seconds)
    print(f"{'page':28} {'queries':>7} {'bytes':>8} {'p50':>7} {'p95':>7}   of the floor: p50  p95")
    for page in pages:
        p50 = statistics.median(page.seconds)
        p95 = statistics.quantiles(page.seconds, n=20)[-1]
        print(
            f"{page.name:28} {page.queries:7} {page.size:8,} {p50 * 1000:5.1f}ms {p95 * 1000:5.1f}ms"
            f" {p50 / floor:20.1f} {p95 / floor:5.1f}"
        )


if __name__ == "__main__":
    main()
