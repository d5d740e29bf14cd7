"""What the pages of the 09:12 situation ask of the database: a number that depends on no row."""

import re
from collections.abc import Iterator

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from approvals.models import ApprovalRequest, State
from audit.models import Event
from handoffs.models import Handoff

MOST = 12
# One more where somebody has decided what is being carried out: the next of their decisions. Two more for
# who may decide under a ceiling: it, and the sum under it.
MOST_OF_A_REQUEST = 15
# The report of a handoff shows requests, lines, policies and figures, each then and now; a cause its
# requests, its calls, what was said and what can be done. One more when nobody accepted it in time: who
# was told, which is so from three minutes after the situation was made.
MOST_OF_A_REPORT = 16
MOST_OF_A_PERSON = 16  # rights, seats, ceilings, covers, factors, tokens and second accounts
# A change of access is tried, in a transaction that is rolled back: what it reads grows with its parts.
MOST_OF_A_TRIED_CHANGE = 25

EVERYBODYS = [
    *(f"/queue/?view={view}" for view in ("me", "stuck", "people", "systems", "all")),
    *("/decisions/", "/decisions/?show=decided", "/decisions/?show=cover"),
    *("/lookup/", "/lookup/?q=ZD-9921", "/lookup/?q=A. Silva", "/go/?q=20"),
    *("/failures/", "/failures/too-many-requests/", "/systems/", "/dashboard/"),
    *("/handoff/", "/handoff/new/", "/inbox/", "/me/", "/me/cover/", "/me/notify/", "/me/tokens/"),
    *("/help/", "/runbooks/", "/requests/new/", "/requests/new/refund/", "/webhooks/"),
    *("/audit/", "/audit/?outcome=denied", "/audit/?object=request&who=worker"),
    *("/audit/catalogue/", "/audit/verify/"),
    *("/policies/", "/policies/refunds/", "/policies/refunds/v/1/", "/policies/refunds/drafts/1/"),
    *("/policies/refunds/drafts/1/file/", "/policies/refunds/move/", "/second-looks/"),
    *(f"/policies/refunds/drafts/1/rules/{end}/" for end in ("1", "new", "1/remove")),
    *("/policies/refunds/simulate/", "/policies/refunds/simulations/1/"),
    "/policies/refunds/simulations/1/requests/?way=more_approvals",
    "/policies/refunds/simulations/1/requests/export/?way=more_approvals",
    *("/access/", "/access/changes/", "/access/changes/1/", "/access/queues/refunds/"),
    *(
        "/access/queues/refunds/decide_request/",
        "/access/review/",
        "/people/",
        "/people/new/",
        "/people/3/access/",
    ),
    *("/people/3/seats/2/", "/access/teams/2/"),
]


def asked(email: str) -> dict[str, int]:
    """By address, how many queries it costs this person; what a process reads once is not counted."""
    client = Client()
    client.force_login(User.objects.get(email=email))
    return dict(_asked(client))


def _asked(client: Client) -> Iterator[tuple[str, int]]:
    for address in (*EVERYBODYS, *_of_what_there_is()):
        client.get(address)
        with CaptureQueriesContext(connection) as seen:
            answer = client.get(address)
        assert answer.status_code in (200, 302, 403, 404), address
        yield address, len(seen)


def _of_what_there_is() -> Iterator[str]:
    for item in ApprovalRequest.objects.all():
        yield f"/requests/{item.ref}/"
        if item.state == State.PENDING:
            yield f"/requests/{item.ref}/approvers/"
    pending = ApprovalRequest.objects.filter(state=State.PENDING).first()
    retrying = ApprovalRequest.objects.filter(state=State.RETRYING).first()
    yield f"/requests/{pending.ref}/reject/"
    yield f"/requests/{retrying.ref}/attempts/1/"
    for handoff in Handoff.objects.all():
        yield f"/handoff/{handoff.pk}/"
    yield f"/audit/events/{Event.objects.filter(action='request.resubmit').first().pk}/"


def too_many(email: str) -> dict[str, int]:
    """The addresses that cost this person more than their budget."""
    return {address: count for address, count in asked(email).items() if count > budget(address)}


def budget(address: str) -> int:
    if re.match(r"/access/changes/\d", address):
        return MOST_OF_A_TRIED_CHANGE
    if address.startswith("/people/"):
        return MOST_OF_A_PERSON
    if re.match(r"/handoff/\d|/failures/\w", address):
        return MOST_OF_A_REPORT
    return MOST_OF_A_REQUEST if address.startswith("/requests/") else MOST
