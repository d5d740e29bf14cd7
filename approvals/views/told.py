"""What is shown of a request's content and of what happened to it, now and as it was."""

from datetime import datetime

from approvals import kinds
from approvals.events import TONES, sentence
from approvals.models import ApprovalRequest
from approvals.wording import clock, visible
from audit import timeline
from audit.models import Event


def what_was_asked(item: ApprovalRequest, kind: kinds.Kind, now: datetime) -> list[dict]:
    lines = [
        *({"label": fact.label, "value": visible(fact.value)} for fact in kind.facts(item.payload)),
        {"label": "Customer", "value": visible(item.customer)},
        {"label": "Reason", "value": visible(item.reason)},
    ]
    if item.ticket:
        lines.append({"label": "Ticket", "value": visible(item.ticket)})
    asked_by = f"{visible(item.requested_by.name)}, {clock(item.created_at, now)}"
    return [*lines, {"label": "Asked by", "value": asked_by}]


def of_stream(stream: str) -> list[Event]:
    """All that happened, newest first."""
    return list(timeline.of_stream(stream))


def entry(event: Event) -> dict:
    return {
        "at": event.occurred_at,
        "sentence": sentence(event.action, event.facts),
        "actor": visible(speaker_of(event)),
        "detail": visible(event.reason),
        "changes": [
            {name: visible(str(value)) for name, value in change.items()}
            for change in event.changes
        ],
        "tone": TONES.get(event.action, ""),
    }


def speaker_of(event: Event) -> str:
    """Who did it, and for whom when it was under cover."""
    covered = event.facts.get("for")
    return f"{event.actor_label} for {covered}" if covered else event.actor_label
