"""What is shown of a request's content and of what happened to it, now and as it was."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from approvals import kinds
from approvals.events import TONES, sentence
from approvals.hiding import hidden
from approvals.kinds.base import Fact
from approvals.models import ApprovalRequest
from approvals.wording import clock, visible
from audit import timeline
from audit.models import Event


def what_was_asked(item: ApprovalRequest, kind: kinds.Kind, now: datetime) -> list[dict]:
    lines = [
        *(fact_shown(fact) for fact in kind.facts(item.payload)),
        {"label": "Customer", "value": visible(item.customer)},
        {"label": "Reason", "value": visible(item.reason)},
    ]
    if item.ticket:
        lines.append({"label": "Ticket", "value": visible(item.ticket)})
    asked_by = f"{visible(item.requested_by.name)}, {clock(item.created_at, now)}"
    return [*lines, {"label": "Asked by", "value": asked_by}]


def fact_shown(fact: Fact) -> dict[str, str]:
    value = hidden(fact.value) if fact.is_private else fact.value
    return {"label": fact.label, "value": visible(value)}


def changes_shown(changes: Iterable[Mapping]) -> list[dict[str, str]]:
    """Field by field, before and after; private ones only so far that they can be told apart."""
    private = kinds.private_labels()
    return [
        {
            name: visible(hidden(str(value)) if change["field"] in private else str(value))
            for name, value in change.items()
        }
        for change in changes
    ]


def of_stream(stream: str) -> list[Event]:
    """All that happened, newest first."""
    return list(timeline.of_stream(stream))


def entry(event: Event) -> dict:
    return {
        "at": event.occurred_at,
        "sentence": sentence(event.action, event.facts),
        "actor": visible(speaker_of(event)),
        "detail": visible(event.reason),
        "changes": changes_shown(event.changes),
        "tone": TONES.get(event.action, ""),
    }


def speaker_of(event: Event) -> str:
    """Who did it, and for whom when it was under cover."""
    covered = event.facts.get("for")
    return f"{event.actor_label} for {covered}" if covered else event.actor_label
