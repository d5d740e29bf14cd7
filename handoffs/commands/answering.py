"""What the receiver does: answer each request. Only accepting moves who owns it."""

from dataclasses import dataclass
from datetime import datetime

from accounts import access
from accounts.models import User
from approvals.commands import operate
from approvals.commands.frame import LONGEST_TEXT, Answer
from approvals.models import ApprovalRequest, Queue
from approvals.refusals import (
    CommandInFlight,
    Invalid,
    NotFound,
    Refusal,
    TransitionNotAllowed,
)
from approvals.rules import may, visible_to
from approvals.wording import clock, visible
from handoffs.commands.frame import Running, cleaned, managed
from handoffs.models import TAKING, Choice, Handoff, HandoffState, Line

NEEDS_TEXT = {
    Choice.QUESTION: "Write your question.",
    Choice.CANNOT: "Say why you cannot take it.",
}


@dataclass(frozen=True)
class Told:
    """What became of one line that was accepted with the others."""

    line_id: int
    is_done: bool
    sentence: str


def answer_line(
    *,
    handoff_id: int,
    line_id: int,
    by: User,
    at: datetime,
    key: str,
    choice: str,
    text: str = "",
) -> Answer:
    """Final. `text` is needed for a question and for “cannot take it”. The last one ends the handoff."""

    def act(running: Running) -> tuple[Handoff, str]:
        handoff = _sent(running, handoff_id)
        line = _line(handoff, line_id, running)
        line.answer = _known(choice)
        line.answer_text = _worded(line.answer, text)
        line.answered_at = at
        line.ownership = _ownership(line, running)
        line.save()
        is_last = not handoff.lines.filter(answer="").exists()
        if is_last:
            handoff.state, handoff.ended_at = HandoffState.DONE, at
        running.commit(
            handoff,
            "handoff.answer",
            reason=line.answer_text,
            facts={"ref": line.item.ref, "answer": line.answer, "owner": line.ownership},
        )
        said = f"{line.item.ref}: {line.get_answer_display().lower()}. {line.ownership}".strip()
        return handoff, f"{said} All is answered: the handoff is done." if is_last else said

    arguments = {"line": line_id, "choice": choice, "text": text}
    return managed("answer", handoff_id, act, by=by, at=at, key=key, arguments=arguments)


def accept_rest(*, handoff_id: int, by: User, at: datetime, key: str) -> list[Told]:
    """Accept each line that has no answer: an answer and an event of its own for each.

    Repeated with the same key, after a crash for instance, it goes on with what is left.
    """
    seen = ApprovalRequest.objects.filter(visible_to(access.of(by, Queue)))
    rest = Line.objects.filter(handoff_id=handoff_id, answer="", item__in=seen).order_by("place")
    return [
        _accept_one(handoff_id, line_id, by=by, at=at, key=f"{key}/{line_id}")
        for line_id in rest.values_list("pk", flat=True)
    ]


def acknowledge(*, handoff_id: int, by: User, at: datetime, key: str) -> Answer:
    """The receiver has read a report without a request in it: there is nothing to answer one by one."""

    def act(running: Running) -> tuple[Handoff, str]:
        handoff = _sent(running, handoff_id)
        if handoff.lines.exists():
            raise TransitionNotAllowed("This handoff has requests in it: answer each of them.")
        handoff.state, handoff.ended_at = HandoffState.DONE, at
        running.commit(handoff, "handoff.acknowledge")
        return handoff, "You have read it. The handoff is done."

    return managed("acknowledge", handoff_id, act, by=by, at=at, key=key)


def _accept_one(handoff_id: int, line_id: int, *, by: User, at: datetime, key: str) -> Told:
    try:
        answer = answer_line(
            handoff_id=handoff_id, line_id=line_id, by=by, at=at, key=key, choice=Choice.ACCEPT
        )
    except TransitionNotAllowed as refusal:  # answered in the meantime
        return Told(line_id, is_done=False, sentence=refusal.sentence)
    return Told(line_id, is_done=True, sentence=answer.sentence)


def _sent(running: Running, handoff_id: int) -> Handoff:
    handoff = running.locked(handoff_id)
    running.check_is_receiver(handoff)
    if handoff.state != HandoffState.SENT:
        raise TransitionNotAllowed(
            f"This handoff is {handoff.get_state_display().lower()}; it takes no more answers. "
            "Nothing was recorded."
        )
    return handoff


def _line(handoff: Handoff, line_id: int, running: Running) -> Line:
    line = handoff.lines.select_related("item", "to").filter(pk=line_id).first()
    if line is None or not may("view", line.item, running.access):
        raise NotFound(str(line_id))
    if line.answer:
        raise TransitionNotAllowed(
            f"{line.item.ref} was answered at {clock(line.answered_at, running.at)}: "
            f"{line.get_answer_display().lower()}. Answers are final."
        )
    line.handoff = handoff
    return line


def _known(choice: str) -> Choice:
    if choice not in Choice.values:
        raise Invalid({"choice": "Choose one of the three answers."})
    return Choice(choice)


def _worded(choice: Choice, text: str) -> str:
    if choice not in NEEDS_TEXT:
        return ""
    words = cleaned("reason", text, longest=LONGEST_TEXT)
    if not words:
        raise Invalid({"reason": NEEDS_TEXT[choice]})
    return words


# --- Whose it is then ------------------------------------------------------------------------------


def _ownership(line: Line, running: Running) -> str:
    """Make it the new owner's, by the command of requests, and say what became of that."""
    if line.answer not in TAKING:
        return ""
    item, owner = line.item, line.new_owner
    if not item.is_open:
        return f"It was {item.get_state_display().lower()} already, so nobody owns it anew."
    if item.owner_id == owner.pk:
        return f"{visible(owner.name)} owned it already."
    if why_not := _why_not(item, owner, running):
        return f"Its owner did not change: {why_not}"
    try:
        _give(item, owner, running, key=f"handoff-{line.handoff_id}-line-{line.pk}")
    except CommandInFlight:
        raise
    except Refusal as refusal:
        return f"Its owner did not change: {refusal.sentence}"
    return f"{visible(owner.name)} owns it now."


def _why_not(item: ApprovalRequest, owner: User, running: Running) -> str:
    """Asked before the command, so that no refused attempt is recorded of who accepts."""
    verb = "claim" if owner.pk == running.by.pk else "assign"
    new_owner = access.of(owner, Queue)
    for verdict in (may(verb, item, running.access), may("own", item, new_owner)):
        if not verdict:
            return verdict.sentence
    return ""


def _give(item: ApprovalRequest, owner: User, running: Running, *, key: str) -> None:
    said = {"ref": item.ref, "by": running.by, "at": running.at, "key": key}
    if owner.pk == running.by.pk:
        operate.claim(**said)
    else:
        operate.assign(**said, to=owner.email)
