"""The only writer of events."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.utils import timezone

from audit import chain, commitments, correlation
from audit.models import Event, Outcome
from audit.prepared import kept_cursor


class OutsideTransaction(RuntimeError):
    """An event must commit together with the change it tells of."""


@dataclass(frozen=True)
class Actor:
    """Who did it. `type` is person, service, worker, clock or provider."""

    type: str
    id: str
    label: str
    auth_method: str = ""
    on_behalf_of: str = ""


@dataclass(frozen=True)
class Target:
    """What it was done to. Versions are None where the target has none."""

    type: str
    id: str
    version_before: int | None = None
    version_after: int | None = None


def record(
    *, stream: str, action: str, actor: Actor, target: Target, at: datetime, **more: Any
) -> Event:
    """Append one event to `stream` and advance its head. `more` is as in `following`.

    Holds the stream's head locked until the transaction ends: take it last, after the rows that
    the command changes. Raises `OutsideTransaction` when no transaction is open.
    """
    if not connection.in_atomic_block:
        raise OutsideTransaction(f"{action} on {stream} was recorded outside a transaction.")
    event = told(stream=stream, action=action, actor=actor, target=target, at=at, **more)
    _append(event)
    return event


def following(seq: int, head: bytes, **said: Any) -> Event:
    """The event that comes after number `seq` with the hash `head`, chained and not saved."""
    event = told(**said)
    event.seq, event.prev_hash = seq + 1, head
    event.hash = chain.link(head, event)
    return event


def told(
    *,
    stream: str,
    action: str,
    actor: Actor,
    target: Target,
    at: datetime,
    outcome: str = Outcome.SUCCESS,
    reason_code: str = "",
    reason: str = "",
    policy: str = "",
    changes: list[dict] | None = None,
    facts: dict | None = None,
    row: dict | None = None,
    private_row: dict | None = None,
    key: str = "",
) -> Event:
    """The event without its place in the chain. `said` of `following` and `more` of `record`.

    What may hold data of customers goes into `reason`, `changes` and `private_row`, nowhere else.
    """
    event = Event(
        stream=stream,
        occurred_at=at,
        recorded_at=timezone.now(),
        actor_type=actor.type,
        actor_id=actor.id,
        actor_label=actor.label,
        on_behalf_of=actor.on_behalf_of,
        auth_method=actor.auth_method,
        action=action,
        target_type=target.type,
        target_id=target.id,
        version_before=target.version_before,
        version_after=target.version_after,
        outcome=str(outcome),
        reason_code=reason_code,
        reason=reason,
        policy=policy,
        changes=changes or [],
        facts=facts or {},
        row=row or {},
        private_row=private_row or {},
        context=correlation.current(),
        key_hash=hashlib.sha256(key.encode()).hexdigest() if key else "",
    )
    commitments.seal(event)
    return event


# What the database gives an event: its place, and with it the hash.
_GIVEN = ("id", "seq", "prev_hash", "hash", "xid")
_FIELDS = [field for field in Event._meta.concrete_fields if field.name not in _GIVEN]
_APPEND = f"""
INSERT INTO audit_event (seq, prev_hash, hash, {", ".join(field.column for field in _FIELDS)})
SELECT head.seq + 1, head.hash, sha256(head.hash || %s || convert_to((head.seq + 1)::text, 'UTF8') || %s),
    {", ".join(["%s"] * len(_FIELDS))}
FROM audit_head(%s) AS head
RETURNING {", ".join(_GIVEN)}
"""  # noqa: S608 -- the names of our own columns


def _append(event: Event) -> None:
    """In one statement: lock the stream's head, take the next number, hash as `chain.link` does."""
    own = connections[DEFAULT_DB_ALIAS]
    values = [field.get_db_prep_save(getattr(event, field.attname), own) for field in _FIELDS]
    cursor = kept_cursor()
    with transaction.atomic(savepoint=False):
        cursor.execute(_APPEND, [*chain.around_seq(event), *values, event.stream])
        event.pk, event.seq, event.prev_hash, event.hash, event.xid = cursor.fetchone()
    event.xid = int(event.xid)
    event.prev_hash, event.hash = bytes(event.prev_hash), bytes(event.hash)
    event._state.adding, event._state.db = False, DEFAULT_DB_ALIAS
