"""Who did not answer in time: said once of each handoff, half an hour into the receiver's shift."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

from approvals.sweeping import CLOCK
from handoffs.changes import commit
from handoffs.models import PATIENCE, Handoff, HandoffState

AT_ONCE = 100


def mark_late(at: datetime) -> list[Handoff]:
    """Mark and return the handoffs that became late by `at`. Each is returned once, ever."""
    due = _due(at).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]
    marked = [_mark(pk, at) for pk in list(due)]
    return [handoff for handoff in marked if handoff is not None]


def is_late(handoff: Handoff, now: datetime) -> bool:
    """Somebody still waits for its answers, and has for too long."""
    return handoff.state == HandoffState.SENT and handoff.due_at <= now


def _due(at: datetime) -> QuerySet[Handoff]:
    sent = Handoff.objects.filter(state=HandoffState.SENT, late_at=None)
    begins = Greatest(F("shift_to"), F("sent_at"))
    return sent.annotate(begins=begins).filter(begins__lte=at - PATIENCE)


def _mark(pk: int, at: datetime) -> Handoff | None:
    with transaction.atomic():
        handoff = (
            Handoff.objects.select_for_update(of=("self",))
            .select_related("team", "sender", "receiver")
            .filter(pk=pk, state=HandoffState.SENT, late_at=None)
            .first()
        )
        if handoff is None:
            return None
        handoff.late_at = at
        left = handoff.lines.filter(answer="").count()
        facts = {
            "unanswered": left,
            "to": handoff.receiver.name,
            "from_id": handoff.sender_id,
            "team_id": handoff.team_id,
        }
        commit(handoff, "handoff.late", actor=CLOCK, at=at, facts=facts)
    return handoff
