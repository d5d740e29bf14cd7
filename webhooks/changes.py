"""The one way in which a managed endpoint reaches the database: version, row and event together."""

from datetime import datetime
from typing import Any

from audit.models import Event
from audit.recorder import Actor, Target, record
from webhooks.models import Endpoint


def commit(endpoint: Endpoint, action: str, **said: Any) -> Event:
    """Save the endpoint with its next version, and record the event that says so, as `tell` does."""
    endpoint.version += 1
    endpoint.save()
    return tell(endpoint, action, **said)


def tell(
    endpoint: Endpoint,
    action: str,
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
    changes: list[dict] | None = None,
    facts: dict | None = None,
    key: str = "",
) -> Event:
    """Record the event of a version that is saved already (a new endpoint has none before)."""
    return record(
        stream=endpoint.stream,
        action=action,
        actor=actor,
        target=Target("webhook", str(endpoint.pk), endpoint.version - 1 or None, endpoint.version),
        at=at,
        reason=reason,
        changes=changes,
        facts=facts,
        key=key,
    )
