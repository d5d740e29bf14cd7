"""The queue asks the database the same number of questions, however much is in it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import ApprovalRequest
from tests import postgres

pytestmark = pytest.mark.usefixtures("committed_db")
COPIED = ["id", "ref", "stream", "subject", "effect_key", "rank", "due_order"]


def queries_of(client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        answer = client.get(address)
    assert answer.status_code == 200
    assert answer.content.count(b'id="row-') == 50
    return len(seen)


def copies(database: str, item: ApprovalRequest, first: int, last: int) -> None:
    """Pending requests like `item`, with their steps; in bulk, so without events of their own."""
    names = [f.column for f in ApprovalRequest._meta.concrete_fields if f.column not in COPIED]
    columns = ", ".join(names)
    with postgres.admin(database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            f"INSERT INTO approvals_approvalrequest (ref, stream, subject, {columns})"
            f" SELECT 'ZZ-' || n, 'request/ZZ-' || n, 'copy ' || n, {columns}"
            " FROM approvals_approvalrequest, generate_series(%s::int, %s::int) n WHERE ref = %s",
            [first, last, item.ref],
        )
        connection.execute(
            "INSERT INTO approvals_step (item_id, revision, number, team_id, quorum, due_after_s,"
            " warn_after_s, opened_at) SELECT r.id, s.revision, s.number, s.team_id, s.quorum,"
            " s.due_after_s, s.warn_after_s, s.opened_at FROM approvals_approvalrequest r,"
            " approvals_step s WHERE s.item_id = %s AND r.ref LIKE 'ZZ-%%' AND NOT EXISTS"
            " (SELECT FROM approvals_step t WHERE t.item_id = r.id)",
            [item.pk],
        )
        connection.execute("ANALYZE")


@pytest.mark.parametrize("view", ["all", "people"])
def test_the_queue_asks_as_much_at_50_as_at_5000(client, cast, committed_db, view):
    client.force_login(cast.operator)
    item = cast.ask()
    copies(committed_db, item, 1, 49)
    queries_of(client, f"/queue/?view={view}")  # what a process reads once is not counted
    few = queries_of(client, f"/queue/?view={view}")
    copies(committed_db, item, 50, 4999)
    assert ApprovalRequest.objects.count() == 5000
    assert queries_of(client, f"/queue/?view={view}") == few <= 12
