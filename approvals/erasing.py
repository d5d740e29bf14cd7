"""Forgetting a request: what it says of its customer goes from every table, and its past stays provable.

Amounts, times, states, decisions and the provider's reference stay: they are ours, and say nothing of
anybody.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import connection, transaction

from approvals import kinds
from approvals.content import hash_of
from approvals.events import Action
from approvals.kinds.base import FORGOTTEN
from approvals.models import ApprovalRequest, IdempotencyRecord
from approvals.transitions import commit
from audit.recorder import Actor

# What other apps hold of a request; each is called in the transaction that forgets it.
ALSO: list[Callable[[ApprovalRequest], None]] = []


def forget(item_id: int, *, actor: Actor, at: datetime, erasure: int) -> bool:
    """In a transaction of its own; False when it was forgotten before. The request must have ended."""
    with transaction.atomic():
        item = ApprovalRequest.objects.select_for_update(of=("self",)).get(pk=item_id)
        if item.forgotten_at is not None:
            return False
        _empty(item)
        commit(
            item,
            Action.FORGET,
            actor=actor,
            at=at,
            facts={"erasure": erasure},
            forgotten_at=at,
            content_hash=hash_of(item),
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT approvals_forget(%s), audit_forget(%s)", [item.pk, item.stream])
        item.glass_breaks.update(reason="", finding="")
        _forget_answers(item)
        for also in ALSO:
            also(item)
    return True


def _empty(item: ApprovalRequest) -> None:
    kind = kinds.kind_of(item.kind)
    item.payload = kind.forgotten(item.payload)
    item.subject = kind.subject(item.payload)
    item.customer, item.reason, item.ticket, item.examined = FORGOTTEN, "", "", []
    item.hold_reason = item.closing_reason = ""


def _forget_answers(item: ApprovalRequest) -> None:
    """What callers were shown of it. Who repeats a command is shown it as it is now."""
    for record in IdempotencyRecord.objects.filter(answer__ref=item.ref):
        record.answer = {**record.answer, "shown": "", "sentence": ""}
        record.save(update_fields=["answer"])
