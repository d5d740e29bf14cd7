"""What one approval asks of the database, statement by statement: nothing is read twice."""

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals.api import showing
from approvals.commands import decide

STATEMENT = re.compile(r"\W*(INSERT INTO|UPDATE|SELECT)\b")
FIRST_COLUMN = re.compile(r'SELECT "(\w+)"\.')
TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE) "?(\w+)|(procrastinate_defer)')
WANTED = [
    "INSERT INTO approvals_idempotencyrecord",
    "SELECT accounts_user",
    "SELECT approvals_approvalrequest",  # its lock
    "SELECT approvals_approvalrequest",  # what stands there now, and what it is joined to
    "SELECT approvals_step",
    "SELECT approvals_decision",
    "INSERT INTO approvals_decision",
    "UPDATE approvals_step",
    "UPDATE approvals_approvalrequest",
    "INSERT INTO audit_event",
    "INSERT INTO approvals_effect",
    "SELECT procrastinate_defer",
    "UPDATE approvals_idempotencyrecord",
]
SHOWN = ["SELECT approvals_system"]


def statements(seen: CaptureQueriesContext) -> list[str]:
    """Each with the first table it names; savepoints are left out."""
    found = [query["sql"] for query in seen.captured_queries if STATEMENT.match(query["sql"])]
    return [f"{STATEMENT.match(sql)[1]} {_table(sql)}" for sql in found]


def _table(sql: str) -> str:
    named = FIRST_COLUMN.match(sql) or TABLE.search(sql)
    return next(filter(None, named.groups()))


def approve(cast, **shown) -> CaptureQueriesContext:
    item, at = cast.ask(), timezone.now()
    with CaptureQueriesContext(connection) as seen:
        decide.approve(
            ref=item.ref, by=cast.approver, at=at, key="one", revision=1, step=1, **shown
        )
    return seen


def test_an_approval_reads_each_thing_once(cast):
    assert statements(approve(cast)) == WANTED


def test_nothing_within_its_transaction_is_one_of_its_own(cast):
    """Each savepoint would be two statements more, and a number of a transaction more."""
    begun = [
        query["sql"] for query in approve(cast) if (query["sql"] or "").startswith("SAVEPOINT")
    ]
    assert len(begun) == 1  # the command's own transaction, within that of the test


def test_what_it_shows_is_read_as_it_is_left(cast):
    assert statements(approve(cast, show=showing.request_as_left(timezone.now()))) == [
        *WANTED[:-1],
        *SHOWN,
        WANTED[-1],
    ]
