"""Requests as rows of a table: who and what, since when, why, and the one verb that helps most."""

from collections.abc import Sequence
from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone

from approvals import kinds, queries
from approvals.commands.operate import BETWEEN_REMINDERS, REMINDABLE
from approvals.explain import Waiting
from approvals.models import ApprovalRequest, State
from approvals.rules import may
from approvals.views.frame import new_key, reader, tallies
from approvals.wording import duration, short_name, shortened, visible


def rows(request: HttpRequest, items: Sequence[ApprovalRequest], now: datetime) -> list[dict]:
    """What the table of requests shows, here and on the page of a cause. Constant queries."""
    waiting = queries.explained(items, now)
    causes = {cause: tally.retrying for cause, tally in tallies(request).items()}
    return [_row(request, item, waiting[item.pk], causes, now) for item in items]


def _row(
    request: HttpRequest, item: ApprovalRequest, waiting: Waiting, causes: dict, now: datetime
) -> dict:
    kind = kinds.kind_of(item.kind)
    late = item.due_at is not None and item.due_at < now
    same = causes.get(item.cause, 0) if item.state == State.RETRYING else 0
    return {
        "ref": item.ref,
        "version": item.version,
        "url": f"/requests/{item.ref}/",
        "title": visible(kind.title(item.payload)),
        "subtitle": f"{visible(kind.subtitle(item.payload))}, {visible(item.customer)}",
        "glass": _glass(item),
        "status": {"label": waiting.label, "tone": waiting.tone},
        "why": waiting.sentence,
        "next": waiting.next if item.state in (State.RETRYING, State.NEEDS_PERSON) else "",
        "same": {"label": f"{same} with this cause", "url": f"/failures/{item.cause}/"}
        if same > 1
        else None,
        "due_at": item.due_at,
        "due_label": _distance(item.due_at, now) if item.due_at else "",
        "late": late,
        "owner": shortened(visible(short_name(item.owner.name)), 30) if item.owner else "Unclaimed",
        "action": _action(request, item),
    }


def _glass(item: ApprovalRequest) -> dict | None:
    """In red words, while somebody may decide it past its team."""
    if item.glass_by is None:
        return None
    who = shortened(visible(short_name(item.glass_by.name)), 30)
    return {"label": f"Glass broken by {who}", "tone": "failed"}


def _distance(due: datetime, now: datetime) -> str:
    return f"{duration(now - due)} late" if due < now else f"in {duration(due - now)}"


def _action(request: HttpRequest, item: ApprovalRequest) -> dict | None:
    """One verb at most, the safest that helps."""
    person = reader(request)
    if item.state == State.PENDING and may("approve", item, person):
        return {"label": "Review", "url": f"/requests/{item.ref}/#decide", "tone": "default"}
    if _is_worth_a_reminder(item) and may("remind", item, person):
        return _at_once(item, "Remind", "remind")
    if item.owner_id is None and item.is_open and may("claim", item, person):
        return _at_once(item, "Claim", "claim")
    return None


def _is_worth_a_reminder(item: ApprovalRequest) -> bool:
    """It waits longer than it should, and nobody was reminded a moment ago."""
    now = timezone.now()
    late = min((at for at in (item.warn_at, item.due_at) if at), default=None)
    reminded = item.reminded_at
    return (
        item.state in REMINDABLE
        and late is not None
        and late < now
        and (reminded is None or reminded + BETWEEN_REMINDERS <= now)
    )


def _at_once(item: ApprovalRequest, label: str, verb: str) -> dict:
    return {
        "label": label,
        "url": f"/requests/{item.ref}/{verb}/",
        "method": "post",
        "tone": "default",
        "key": new_key(),
        "version": item.version,
    }


def plural(count: int) -> str:
    return f"{count} request" if count == 1 else f"{count} requests"
