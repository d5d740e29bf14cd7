"""What leaves the house: thin, without names of people, customers' facts or reasons.

Only events of requests and of outside systems' switches. Sign-ins, refused attempts and management
are in other streams and stay here.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC

from approvals.events import Action, SystemAction
from approvals.models import ApprovalRequest
from audit.models import Event

STREAMS = ("request/", "system/")
ACTIONS = [action.value for action in (*Action, *SystemAction)]
TEST = "webhook.test"
LARGEST_BODY = 20_000


@dataclass(frozen=True)
class About:
    """What the body says of a request beside its event."""

    kind: str
    queue: str
    queue_id: int


def leaves(event: Event) -> bool:
    return event.stream.startswith(STREAMS) and event.action in ACTIONS


def about(events: Iterable[Event]) -> dict[str, About]:
    """By reference, the requests that these events are about. One query."""
    refs = {event.target_id for event in events if event.target_type == "request"}
    found = ApprovalRequest.objects.filter(ref__in=refs).values_list(
        "ref", "kind", "queue__slug", "queue_id"
    )
    return {ref: About(kind, queue, queue_id) for ref, kind, queue, queue_id in found}


def body(event: Event, item: About | None) -> str:
    """JSON in ASCII, the same characters whenever it is made."""
    at = event.occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    told = {
        "ref": event.target_id,
        "kind": item.kind if item else None,
        "queue": item.queue if item else None,
        "state": event.facts.get("state"),
        "revision": event.facts.get("revision"),
        "version": event.version_after,
        "outcome": event.outcome,
        "stream": event.stream,
        "seq": event.seq,
        "hash": bytes(event.hash).hex(),
        "actor_type": event.actor_type,
        "request_id": event.context.get("request_id"),
    }
    return json.dumps({"type": event.action, "timestamp": at, "data": told}, separators=(",", ":"))
