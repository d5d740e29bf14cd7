"""The one way in which a handoff reaches the database: version, row and event together."""

from datetime import datetime
from typing import Any

from approvals.kinds.base import FORGOTTEN
from approvals.models import ApprovalRequest
from audit.recorder import Actor, Target, record
from handoffs.models import Handoff, Line


def commit(handoff: Handoff, action: str, **said: Any) -> None:
    """Save the handoff with its next version, and record the event that says so, as `tell` does."""
    handoff.version += 1
    handoff.save()
    tell(handoff, action, **said)


def tell(
    handoff: Handoff,
    action: str,
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
    facts: dict | None = None,
    key: str = "",
) -> None:
    """Record the event of a version that is saved already (a new handoff has none before)."""
    record(
        stream=handoff.stream,
        action=action,
        actor=actor,
        target=Target("handoff", str(handoff.pk), handoff.version - 1 or None, handoff.version),
        at=at,
        reason=reason,
        facts={"state": handoff.state, **(facts or {})},
        key=key,
    )


def forget(item: ApprovalRequest) -> None:
    """The words of lines about a request that is forgotten. What they answered stays."""
    lines = Line.objects.filter(item=item)
    said = {"title": FORGOTTEN, "next_step": "", "condition": "", "sentence": ""}
    lines.filter(answer_text="").update(**said)
    lines.exclude(answer_text="").update(**said, answer_text=FORGOTTEN)
