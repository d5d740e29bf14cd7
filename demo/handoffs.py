"""Two handoffs of operations: one that was read yesterday, and the night's, which nobody has finished."""

from collections.abc import Callable
from datetime import datetime

from accounts.models import Team, User
from approvals.models import ApprovalRequest
from handoffs.commands.answering import answer_line
from handoffs.commands.drafting import Typed, Words, send_handoff, start_handoff
from handoffs.models import Handoff, Section


def hand_over(
    *,
    by: User,
    to: User,
    shift_from: datetime,
    shift_to: datetime,
    at: datetime,
    note: str,
    key: Callable[[], str],
) -> Handoff:
    """Started, kept as it was filled in, with a note, and sent."""
    started = start_handoff(
        by=by,
        at=at,
        key=key(),
        team=Team.objects.get(name="Operations").pk,
        to=to.pk,
        shift_from=shift_from,
        shift_to=shift_to,
    )
    draft = Handoff.objects.get(pk=started.ref)
    lines = {
        line.pk: Words(line.next_step, line.condition, line.to_id)
        for line in draft.lines.filter(section=Section.RISKY)
    }
    typed = Typed(note=note, nones=tuple(Section.values), lines=lines)
    send_handoff(handoff_id=draft.pk, by=by, at=at, key=key(), typed=typed)
    return Handoff.objects.get(pk=draft.pk)


def answer(
    handoff: Handoff, item: ApprovalRequest, choice: str, *, at: datetime, key: str, text: str = ""
) -> None:
    answer_line(
        handoff_id=handoff.pk,
        line_id=handoff.lines.get(item=item).pk,
        by=handoff.receiver,
        at=at,
        key=key,
        choice=choice,
        text=text,
    )
