"""The only writer of events."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from audit import chain, commitments, correlation
from audit.models import Event, Outcome


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
    seq, head = _head(stream)
    event = following(
        seq, head, stream=stream, action=action, actor=actor, target=target, at=at, **more
    )
    with transaction.atomic(savepoint=False):
        event.save(force_insert=True)
    return event


def following(
    seq: int,
    head: bytes,
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
    """The event that comes after number `seq` with the hash `head`, chained and not saved.

    What may hold data of customers goes into `reason`, `changes` and `private_row`, nowhere else.
    """
    event = Event(
        stream=stream,
        seq=seq + 1,
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
        prev_hash=head,
    )
    commitments.seal(event)
    event.hash = chain.link(head, event)
    return event


def _head(stream: str) -> tuple[int, bytes]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, hash FROM audit_head(%s)", [stream])
        seq, head = cursor.fetchone()
    return seq, bytes(head)
