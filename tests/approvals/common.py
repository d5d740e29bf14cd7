"""What several tests of commands look at: events, refused attempts, jobs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from approvals.commands import decide
from approvals.models import ApprovalRequest
from approvals.refusals import Refusal
from audit.models import Event, Outcome


def events_of(item: ApprovalRequest) -> list[Event]:
    return list(Event.objects.filter(stream=item.stream).order_by("seq"))


def denied(user: User) -> list[Event]:
    """Refused attempts in the stream of this person."""
    found = Event.objects.filter(stream=f"person/{user.person_key}", outcome=Outcome.DENIED)
    return list(found.order_by("seq"))


def jobs() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        return cursor.fetchone()[0]


def refused(kind: type[Refusal], attempt: Callable[..., Any], /, **arguments: Any) -> Refusal:
    """The refusal that `attempt` gives, which must be exactly of this kind."""
    with pytest.raises(Refusal) as caught:
        attempt(**arguments)
    assert type(caught.value) is kind, f"{type(caught.value).__name__}: {caught.value.sentence}"
    assert caught.value.sentence.strip()
    return caught.value


def refused_on(
    kind: type[Refusal],
    item: ApprovalRequest,
    attempt: Callable[..., Any],
    *,
    by: User,
    **body: Any,
) -> Refusal:
    """As `refused`; the request is untouched and the attempt stands once in the person's stream."""
    before = ApprovalRequest.objects.get(pk=item.pk)
    attempts, events = len(denied(by)), len(events_of(item))
    refusal = refused(kind, attempt, ref=item.ref, by=by, **body)
    after = ApprovalRequest.objects.get(pk=item.pk)
    assert (after.version, after.state, after.revision) == (
        before.version,
        before.state,
        before.revision,
    )
    assert len(events_of(item)) == events
    assert len(denied(by)) == attempts + 1
    return refusal


def job_arguments() -> list[dict[str, Any]]:
    """In the order in which the jobs were asked for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs ORDER BY id")
        found = [arguments for (arguments,) in cursor.fetchall()]
    return [json.loads(one) if isinstance(one, str) else one for one in found]


def approve(cast, item, *, by=None, key="K", **changes):
    body = {"revision": 1, "step": 1, "reason": "", **changes}
    return decide.approve(ref=item.ref, by=by or cast.approver, at=cast.now, key=key, **body)
