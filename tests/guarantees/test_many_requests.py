"""Every main page asks as much of the database with thousands of requests as with few (ui.md §6, 31)."""

import re
from collections import Counter

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from approvals.models import ApprovalRequest, State
from demo.seeding.contents import LARGE_CUSTOMER
from notifications import rounds
from notifications.models import Notice

MOST_QUERIES = 15  # of any page
PAGE_BYTES = 120_000  # the budget of the queue with 50 rows; nothing else is larger
OPS, FINANCE, SUPPORT = "ops@demo.test", "finance1@demo.test", "support@demo.test"


def addresses() -> list[tuple[str, str]]:
    """Who reads which page; requests are chosen once, so that they are the same later."""
    of = ApprovalRequest.objects.order_by("id")
    pending = of.filter(state=State.PENDING, kind="refund").first()
    retrying = of.filter(state=State.RETRYING).first()
    done = of.filter(state=State.DONE, customer=LARGE_CUSTOMER).first()
    return [
        *((OPS, f"/queue/?view={view}") for view in ("me", "stuck", "people", "systems", "all")),
        (OPS, "/queue/?view=all&state=done"),
        (OPS, f"/queue/?view=all&q={LARGE_CUSTOMER}"),
        (FINANCE, "/queue/?view=me"),
        (FINANCE, "/decisions/"),
        (FINANCE, f"/requests/{pending.ref}/"),
        (OPS, f"/requests/{retrying.ref}/"),
        (OPS, f"/requests/{done.ref}/"),
        (SUPPORT, f"/lookup/?q={done.ref}"),
        (SUPPORT, f"/lookup/?q={LARGE_CUSTOMER}"),
        (OPS, "/failures/"),
        (OPS, f"/failures/{retrying.cause}/"),
        (OPS, "/dashboard/"),
        (OPS, "/dashboard/?period=30d"),
        (OPS, "/handoff/"),
        (SUPPORT, "/inbox/"),
    ]


def weighed(pages: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[list[str], int]]:
    """By reader and address: what the database was asked, and bytes."""
    clients = {email: Client() for email in (OPS, FINANCE, SUPPORT)}
    for email, client in clients.items():
        client.force_login(User.objects.get(email=email))
    found = {}
    for email, path in pages:
        clients[email].get(path)  # what a process reads once is not counted
        with CaptureQueriesContext(connection) as seen:
            answer = clients[email].get(path)
        assert answer.status_code == 200
        found[email, path] = ([query["sql"] for query in seen], len(answer.content))
    return found


def shapes(sql: list[str]) -> Counter[str]:
    """How often each question was asked, whatever it was asked about; prepared ones have no text."""
    return Counter(
        re.sub(r"\(\?(, \?)+\)", "(?)", re.sub(r"'[^']*'|\b\d+\b", "?", one)) for one in sql if one
    )


def asked_again(few: list[str], many: list[str]) -> Counter[str]:
    """What is asked more often; a question may come once where few requests gave no reason for it."""
    before = shapes(few)
    return shapes(many) - Counter({one: max(1, before[one]) for one in shapes(many)})


def test_no_page_asks_more_when_there_are_thousands(committed_db, cast):
    call_command("seed", "--requests=700", "--open=100", "--days=20")
    of_two = cast.ask(payload={"amount": 200_000}, at=timezone.now())
    cast.approve(of_two, at=timezone.now())  # so that one waits for others of the approver's team
    rounds.tell_of_stuck(at=timezone.now())
    assert Notice.objects.filter(user__email=SUPPORT).count() > 30  # more than a page
    pages = addresses()
    few = weighed(pages)
    call_command("seed", "--requests=3000", "--open=10", "--i-know-this-adds-sample-data")
    many = weighed(pages)
    assert not {page: more for page in pages if (more := asked_again(few[page][0], many[page][0]))}
    assert not {page: sql for page, (sql, _) in many.items() if len(sql) > MOST_QUERIES}
    assert not {page: size for page, (_, size) in many.items() if size > PAGE_BYTES}
