"""The one way in which a changed request reaches the database: version, row and event together."""

from datetime import datetime
from typing import Any

from approvals.events import Action
from approvals.models import ApprovalRequest
from audit.models import Event, Outcome
from audit.recorder import Actor, Target, record


def commit(
    item: ApprovalRequest,
    action: Action,
    *,
    actor: Actor,
    at: datetime,
    outcome: Outcome = Outcome.SUCCESS,
    reason: str = "",
    reason_code: str = "",
    changes: list[dict] | None = None,
    facts: dict | None = None,
    key: str = "",
    **fields: Any,
) -> Event:
    """Save `item` with its next version and `fields`, and record the event that says so (I3).

    Needs an open transaction that holds the row's lock. The event comes last: it locks the stream.
    """
    before = item.version
    for name, value in fields.items():
        setattr(item, name, value)
    item.version = before + 1
    item.updated_at = at
    item.save_changes()
    return announce(
        item,
        action,
        actor=actor,
        at=at,
        outcome=outcome,
        reason=reason,
        reason_code=reason_code,
        changes=changes,
        facts=facts,
        key=key,
        version_before=before,
    )


def announce(
    item: ApprovalRequest,
    action: Action,
    *,
    actor: Actor,
    at: datetime,
    version_before: int | None,
    outcome: Outcome = Outcome.SUCCESS,
    reason: str = "",
    reason_code: str = "",
    changes: list[dict] | None = None,
    facts: dict | None = None,
    key: str = "",
) -> Event:
    """Record the event of a change that is saved already (a new request has no version before)."""
    return record(
        **told(item, action, version_before=version_before, facts=facts),
        actor=actor,
        at=at,
        outcome=outcome,
        reason=reason,
        reason_code=reason_code,
        changes=changes,
        key=key,
    )


def told(
    item: ApprovalRequest, action: Action, *, version_before: int | None, facts: dict | None
) -> dict[str, Any]:
    """What the event of a change says of the request as it stands now, as `record` takes it.

    From then on, its columns as they are now are what was told of it: call it once for each event.
    """
    row, private_row = item.changed_columns()
    return {
        "stream": item.stream,
        "action": action.value,
        "target": Target(
            type="request", id=item.ref, version_before=version_before, version_after=item.version
        ),
        "policy": f"{item.policy_version.policy.slug} {item.policy_version.number}",
        "facts": {"state": item.state, "revision": item.revision, **(facts or {})},
        "row": row,
        "private_row": private_row,
    }
