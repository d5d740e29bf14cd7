"""What most tests of handoffs begin with."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from accounts.models import Team
from approvals.models import ApprovalRequest
from audit.models import Event
from handoffs.commands.answering import answer_line
from handoffs.commands.drafting import Typed, Words, send_handoff, start_handoff
from handoffs.models import Handoff, Line, Section

NONES = ("changed", "done", "note")
ALL_NONES = tuple(section.value for section in Section)


@dataclass(frozen=True)
class Morning:
    risky: ApprovalRequest
    people: ApprovalRequest
    retrying: ApprovalRequest
    held: ApprovalRequest


def arguments(cast, **changes: Any) -> dict:
    """What `start_handoff` takes: of the eight hours before now, to the second operator."""
    return {
        "by": cast.operator,
        "at": cast.now,
        "key": cast.key(),
        "team": Team.objects.get(name="Operations").pk,
        "to": cast.second_operator.pk,
        "shift_from": cast.now - timedelta(hours=8),
        "shift_to": cast.now + timedelta(minutes=18),
        **changes,
    }


def start(cast, **changes: Any) -> Handoff:
    answer = start_handoff(**arguments(cast, **changes))
    return Handoff.objects.get(pk=answer.ref)


def typed(draft: Handoff, **changes: Any) -> Typed:
    """The form of a draft as it is shown, with None ticked where it is empty."""
    lines = {
        line.pk: Words(line.next_step, line.condition, line.to_id)
        for line in draft.lines.filter(section=Section.RISKY)
    }
    return Typed(**{"note": draft.note, "nones": NONES, "lines": lines, **changes})


def on_draft(cast, draft: Handoff, **changes: Any) -> dict:
    """What a command of the sender takes."""
    return {
        "handoff_id": draft.pk,
        "by": cast.operator,
        "at": cast.now,
        "key": cast.key(),
        "typed": typed(draft),
        **changes,
    }


def send(cast, draft: Handoff, **changes: Any) -> Handoff:
    send_handoff(**on_draft(cast, draft, **changes))
    return Handoff.objects.get(pk=draft.pk)


def line_of(handoff: Handoff, item: ApprovalRequest) -> Line:
    return handoff.lines.get(item=item)


def answer(cast, handoff: Handoff, item: ApprovalRequest, choice: str = "accept", **more: Any):
    return answer_line(
        **{
            "handoff_id": handoff.pk,
            "line_id": line_of(handoff, item).pk,
            "by": cast.second_operator,
            "at": cast.now + timedelta(minutes=10),
            "key": cast.key(),
            "choice": choice,
            **more,
        }
    )


def actions(handoff: Handoff) -> list[str]:
    found = Event.objects.filter(stream=handoff.stream).order_by("seq")
    return [event.action.removeprefix("handoff.") for event in found]
