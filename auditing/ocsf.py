"""An event in the shape of OCSF 1.3 (https://schema.ocsf.io/1.3.0/), for tools that collect such.

Sign-ins are Authentication, edits of accounts are Account Change, everything else is API Activity.
What OCSF has no field for stands under `unmapped`, so nothing is lost (docs/reference/audit-events.md).
`tests/auditing/test_ocsf.py` holds every action against the official schema of this version.
"""

from datetime import datetime
from typing import Any, NamedTuple

from audit.models import Event, Outcome
from auditing import catalogue

VERSION = "1.3.0"
ACCOUNT = "user"  # the type of the target when an administrator edits an account


class Kind(NamedTuple):
    """`activity_name` is written out where the number says only “other”."""

    class_uid: int
    class_name: str
    category_uid: int
    category_name: str
    activity_id: int
    activity_name: str


IDENTITY = (3, "Identity & Access Management")
APPLICATION = (6, "Application Activity")
UNKNOWN, OTHER = 0, 99
PRODUCT = "Approval Queue"
LOGON, LOGOFF = (1, "Logon"), (2, "Logoff")
ACCOUNT_CHANGES = {"admin.add": (1, "Create"), "admin.delete": (6, "Delete")}
READS = (
    *("audit.read", "audit.export", "queue.export", "request.reveal", "request.receipt"),
    "policy.export_trial",
)
CREATES = (
    *("request.submit", "token.create", "webhook.create", "handoff.start", "admin.add"),
    *("policy.draft", "person.save_view"),
)
DELETES = ("admin.delete", "token.revoke", "person.delete_view", "policy.discard")
UPDATES = (
    *("request.resubmit", "webhook.change", "person.settings", "person.notify", "admin.change"),
    "policy.change_draft",
)
STATUS = {
    Outcome.SUCCESS: (1, "Success"),
    Outcome.DENIED: (2, "Failure"),
    Outcome.FAILED: (2, "Failure"),
}
SYSTEM = (3, "System")
USER_TYPES = {"person": (1, "User"), "worker": SYSTEM, "clock": SYSTEM, "system": SYSTEM}
UNMAPPED = (
    *("stream", "seq", "target_type", "target_id", "version_before", "version_after", "reason"),
    *("reason_code", "policy", "changes", "facts", "on_behalf_of", "outcome", "schema_version"),
    "context",
)


def shaped(event: Event, *, product_version: str) -> dict[str, Any]:
    """One OCSF event, as plain JSON."""
    kind = kind_of(event)
    status_id, status = STATUS.get(event.outcome, (OTHER, "Other"))
    return {
        "class_uid": kind.class_uid,
        "class_name": kind.class_name,
        "category_uid": kind.category_uid,
        "category_name": kind.category_name,
        "activity_id": kind.activity_id,
        "activity_name": kind.activity_name,
        "type_uid": kind.class_uid * 100 + kind.activity_id,
        "type_name": _type_name(kind),
        "time": _milliseconds(event.occurred_at),
        "severity_id": 2 if event.outcome == Outcome.DENIED else 1,
        "severity": "Low" if event.outcome == Outcome.DENIED else "Informational",
        "status_id": status_id,
        "status": status,
        "status_code": event.reason_code or event.outcome,
        "status_detail": event.reason,
        "message": catalogue.sentence(event),
        "metadata": _metadata(event, product_version),
        "actor": {"user": _actor(event)},
        "src_endpoint": _source(event),
        **_by_class(event, kind),
        "unmapped": {
            **{name: getattr(event, name) for name in UNMAPPED},
            "hash": bytes(event.hash).hex(),
            "prev_hash": bytes(event.prev_hash).hex(),
        },
    }


def kind_of(event: Event) -> Kind:
    if event.action in ("person.sign_in", "person.sign_out"):
        activity = LOGON if event.action == "person.sign_in" else LOGOFF
        return Kind(3002, "Authentication", *IDENTITY, *activity)
    if event.target_type == ACCOUNT and event.action.startswith("admin."):
        activity = ACCOUNT_CHANGES.get(event.action, (OTHER, event.action))
        return Kind(3001, "Account Change", *IDENTITY, *activity)
    return Kind(6003, "API Activity", *APPLICATION, *_api_activity(event.action))


def _api_activity(action: str) -> tuple[int, str]:
    for number, name, actions in (
        (1, "Create", CREATES),
        (2, "Read", READS),
        (3, "Update", UPDATES),
        (4, "Delete", DELETES),
    ):
        if action in actions:
            return number, name
    return OTHER, action


def _type_name(kind: Kind) -> str:
    activity = "Other" if kind.activity_id == OTHER else kind.activity_name
    return f"{kind.class_name}: {activity}"


def _by_class(event: Event, kind: Kind) -> dict[str, Any]:
    if kind.class_uid == 6003:
        resource = {"type": event.target_type, "uid": event.target_id}
        return {"api": {"operation": event.action}, "resources": [resource]}
    if kind.class_uid == 3002:
        return {"user": _actor(event), "service": {"name": PRODUCT}, **_protocol(event)}
    return {"user": {"uid": event.target_id, "name": str(event.facts.get("name", ""))}}


def _protocol(event: Event) -> dict[str, Any]:
    """How they signed in; none of ours (password, session) is among the protocols that OCSF knows."""
    protocol_id = OTHER if event.auth_method else UNKNOWN
    return {"auth_protocol_id": protocol_id, "auth_protocol": event.auth_method or "Unknown"}


def _metadata(event: Event, product_version: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "uid": f"{event.stream}#{event.seq}",
        "sequence": event.seq,
        "correlation_uid": event.context.get("correlation_id", ""),
        "event_code": event.action,
        "logged_time": _milliseconds(event.recorded_at),
        "product": {
            "name": PRODUCT,
            "vendor_name": PRODUCT,
            "version": product_version,
        },
    }


def _actor(event: Event) -> dict[str, Any]:
    type_id, type_name = USER_TYPES.get(event.actor_type, (OTHER, event.actor_type))
    return {
        "uid": event.actor_id,
        "name": event.actor_label,
        "type_id": type_id,
        "type": type_name,
    }


def _source(event: Event) -> dict[str, Any]:
    """OCSF wants an address or a name: what works by itself comes from the product."""
    address = event.context.get("source_ip", "")
    return {"ip": address} if address else {"name": PRODUCT}


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
