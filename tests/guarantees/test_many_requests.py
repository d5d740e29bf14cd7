"""Every main page asks as much of the database with thousands of requests as with few (ui.md §6, 31)."""

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from approvals.models import ApprovalRequest, State
from demo.seeding.contents import LARGE_CUSTOMER

QUEUE_BYTES = 120_000  # of 50 rows
PAGE_BYTES = 120_000
OPS, FINANCE, SUPPORT = "ops@demo.test", "finance1@demo.test", "support@demo.test"


def addresses() -> list[tuple[str, str]]:
    """Who reads which page; requests are chosen once, so that they are the same later."""
    of = ApprovalRequest.objects.order_by("id")
    pending = of.filter(state=State.PENDING, kind="refund").first()
    retrying = of.filter(state=State.RETRYING).first()
    done = of.filter(state=State.DONE, kind="refund").first()
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
        (FINANCE, "/inbox/"),
    ]


def weighed(pages: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
    """By reader and address: questions to the database, and bytes."""
    clients = {email: Client() for email in (OPS, FINANCE, SUPPORT)}
    for email, client in clients.items():
        client.force_login(User.objects.get(email=email))
    found = {}
    for email, path in pages:
        clients[email].get(path)  # what a process reads once is not counted
        with CaptureQueriesContext(connection) as seen:
            answer = clients[email].get(path)
        assert answer.status_code == 200
        found[email, path] = (len(seen), len(answer.content))
    return found


def test_no_page_asks_more_when_there_are_thousands(committed_db):
    call_command("seed", "--requests=300", "--open=70")
    pages = addresses()
    few = weighed(pages)
    call_command("seed", "--requests=3000", "--open=10")
    many = weighed(pages)
    assert {page: queries for page, (queries, _) in many.items()} == {
        page: queries for page, (queries, _) in few.items()
    }
    assert not {page: size for page, (_, size) in many.items() if size > PAGE_BYTES}
