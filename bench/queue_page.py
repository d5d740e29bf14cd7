"""The queue page at a million requests, beside its floor and beside how such lists are usually made.

`python -m bench.queue_page [--requests 1000000] [--open 20000] [--rounds 20] [--data-dir DIR]`: an
embedded server, filled by `manage.py seed` and then by copies of what has ended (`bench.growing`). All
pages take turns, in one process, behind the same middleware and session, so that whatever else the
machine does hits all of them. The floor is the queue's own template with what it shows in memory.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.database import own_database

DEEP = 15
READER = "ops@demo.test"


@dataclass
class Page:
    name: str
    path: str
    is_slow: bool = False  # asked in a few of the rounds only
    queries: int = 0
    size: int = 0
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--data-dir", default="")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: at least 2, or there is nothing to compare")
    with own_database(options.data_dir) as server:
        _fill(options.requests, options.open, server)
        pages = _measured(options.rounds, grants=options.requests)
    _report(pages)


def _fill(requests: int, is_open: int, server: object) -> None:
    from django.core.management import call_command

    from approvals.models import OPEN, ApprovalRequest
    from bench import growing

    missing = is_open - ApprovalRequest.objects.filter(state__in=OPEN).count()
    if missing > is_open // 10:
        percent = 100 * is_open / min(requests, 2 * is_open)
        call_command("seed", f"--requests={min(requests, 2 * is_open)}", f"--open={percent}")
    growing.grow(requests, connect=lambda: server.connect(database="approval_queue"))


def _measured(rounds: int, *, grants: int) -> list[Page]:
    from django.test import Client

    from accounts.models import User

    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.get(email=READER))
    _remember(client)
    _grant_each()
    pages = list(_pages(client))
    for page in pages:
        client.get(page.path)
        page.queries, page.size = _weighed(client, page.path)
    for number in range(rounds):
        for page in pages:
            if page.is_slow and number % 4:
                continue
            began = time.perf_counter()
            client.get(page.path)
            page.seconds.append(time.perf_counter() - began)
    return pages


def _remember(client: object) -> None:
    """What the floors show."""
    from django.test.utils import setup_test_environment, teardown_test_environment

    from approvals.models import OPEN, ApprovalRequest
    from approvals.queries import ORDER
    from bench import peers

    setup_test_environment()  # templates tell what they were given
    peers.REMEMBERED["page"] = client.get("/queue/?view=all").context[0].flatten()
    teardown_test_environment()
    joined = ApprovalRequest.objects.select_related(*peers.JOINED).filter(state__in=OPEN)
    peers.REMEMBERED["items"] = list(joined.order_by(*ORDER)[: peers.ROWS])


def _grant_each() -> None:
    """A grant of guardian's for each request, for the person who reads."""
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType
    from django.db import connections

    from accounts.models import User
    from approvals.models import ApprovalRequest
    from bench import peers

    kind = ContentType.objects.get_for_model(ApprovalRequest)
    codename = peers.PERMISSION.split(".")[1]
    permission, _ = Permission.objects.get_or_create(
        codename=codename, content_type=kind, defaults={"name": "May read it"}
    )
    reader = User.objects.get(email=READER)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO guardian_userobjectpermission"
            " (permission_id, content_type_id, object_pk, user_id)"
            " SELECT %s, %s, id::text, %s FROM approvals_approvalrequest"
            " ON CONFLICT DO NOTHING",
            [permission.pk, kind.pk, reader.pk],
        )
        cursor.execute("ANALYZE guardian_userobjectpermission")


def _pages(client: object) -> Iterator[Page]:
    from approvals.models import ENDED, ApprovalRequest
    from bench.pages import NEXT
    from demo.seeding.contents import LARGE_CUSTOMER

    ended = ApprovalRequest.objects.filter(state__in=ENDED, kind="refund").order_by("-id").first()
    yield Page("floor: same template", "/floor/queue/")
    yield Page("a plain table of 50 rows", "/floor/plain/")
    for view in ("all", "me", "stuck", "people", "systems"):
        yield Page(f"queue, {view}", f"/queue/?view={view}")
    yield Page(f"queue, all, page {DEEP}", _deep(client, "/queue/?view=all", NEXT))
    yield Page("queue, all, near the end", _at_the_end())
    yield Page("queue, done", "/queue/?view=all&state=done")
    yield Page(f"queue, done, page {DEEP}", _deep(client, "/queue/?view=all&state=done", NEXT))
    yield Page("queue, due in 1 h", "/queue/?view=all&due=1h")
    yield Page("search, reference", f"/lookup/?q={ended.ref}")
    yield Page("search, ticket", f"/lookup/?q={ended.ticket}")
    yield Page("search, order", f"/lookup/?q={ended.payload['order']}")
    yield Page("search, customer", f"/lookup/?q={ended.customer}")
    yield Page("search, customer of many", f"/lookup/?q={LARGE_CUSTOMER}")
    yield Page("admin, tuned", "/tuned/approvals/approvalrequest/", is_slow=True)
    yield Page("admin, stock", "/stock/approvals/approvalrequest/", is_slow=True)
    yield Page("get_objects_for_user", "/floor/grants/", is_slow=True)


def _deep(client: object, path: str, link: object) -> str:
    import html

    for _ in range(DEEP - 1):
        following = link.search(client.get(path).content.decode())
        if following is None:
            break
        path = html.unescape(following[1])
    return path


def _at_the_end() -> str:
    """The page of the queue behind all but its last sixty rows."""
    from urllib.parse import urlencode

    from approvals.models import OPEN, ApprovalRequest
    from approvals.paging import cursor_at
    from approvals.queries import ORDER

    found = ApprovalRequest.objects.filter(state__in=OPEN).order_by(*(f"-{name}" for name in ORDER))
    item = found[min(60, found.count() - 1)]
    place = [item.rank, item.due_order.isoformat(), item.created_at.isoformat(), item.pk]
    return "/queue/?" + urlencode({"view": "all", "cursor": cursor_at(place, of="queue")})


def _weighed(client: object, path: str) -> tuple[int, int]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as seen:
        answer = client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}")
    return len(seen), len(answer.content)


def _report(pages: list[Page]) -> None:
    floor = statistics.median(pages[0].seconds)
    heads = f"{'page':28} {'queries':>7} {'bytes':>8} {'p50':>9} {'p95':>9} {'a second':>9}"
    print(heads + "   of the floor   p95 / floor")
    for page in pages:
        p50 = statistics.median(page.seconds)
        p95 = statistics.quantiles(page.seconds, n=20)[-1]
        print(
            f"{page.name:28} {page.queries:7} {page.size:8,} {p50 * 1000:7.1f}ms {p95 * 1000:7.1f}ms"
            f" {1 / p50:9.1f} {floor / p50:14.2f} {p95 / floor:13.1f}"
        )


if __name__ == "__main__":
    main()
