"""Deciding: approve, reject, send back with a question, and taking an approval back in time."""

from collections.abc import Sequence
from datetime import datetime

from accounts.verdicts import denied
from approvals import stages, whole
from approvals.ceilings import Ceilings
from approvals.commands import steps
from approvals.commands.frame import Running, bounded, command, required
from approvals.events import Action
from approvals.models import Choice, Decision, State, Step
from approvals.refusals import NotAllowed
from approvals.rules import covered_by, may_decide, needs_glass
from approvals.wording import clock


@command("approve", from_states=[State.PENDING])
def approve(running: Running, *, revision: int, step: int, reason: str = "") -> None:
    """Say yes to the step and the revision that were seen. The last yes makes it start."""
    item = running.item
    here = _seen(running, revision, step)
    reason = bounded("reason", reason)
    _check_ceilings(running, here)
    given = item.approvals_of(step)
    _decide(running, here, Choice.APPROVE, reason)
    is_closed = len(given) + 1 >= here.quorum
    still_open = [other for other in item.open_steps if other.number != step]
    following = stages.stage_after(item.steps, step)
    if is_closed:
        here.closed_at, here.escalates_at = running.at, None
        here.save_changes()
    is_complete = is_closed and not still_open and not following
    item.approve(complete=is_complete)
    if is_complete:
        fields = steps.approved(item, running.at)
    elif is_closed:
        fields = stages.asked(still_open) if still_open else _next_stage(following, running.at)
    else:
        fields = {}
    sentence = f"Approved by you at {running.at:%H:%M:%S} UTC."
    if is_complete:
        sentence += f" It starts at {clock(fields['starts_at'], running.at)}."
    running.commit(Action.APPROVE, sentence=sentence, reason=reason, facts={"step": step}, **fields)
    if is_complete:
        steps.prepare_effect(item)


def _next_stage(stage: Sequence[Step], at: datetime) -> dict:
    fields = stages.opened(stage, at)
    for step in stage:
        step.save_changes()
    return fields


@command("reject", from_states=[State.PENDING])
def reject(running: Running, *, revision: int, step: int, reason: str) -> None:
    """Say no, with a reason. Nothing will happen."""
    item = running.item
    here = _seen(running, revision, step)
    reason = required("reason", reason, "Say why you reject it. The requester reads it.")
    _decide(running, here, Choice.REJECT, reason)
    item.reject()
    running.commit(
        Action.REJECT,
        sentence=f"{item.ref} is rejected. Nothing was sent.",
        reason=reason,
        facts={"step": step},
        closing_reason=reason,
        decided_by=running.by,
        **stages.waits_for_nobody(running.at),
    )


@command("send_back", phrase="send it back", from_states=[State.PENDING])
def send_back(running: Running, *, revision: int, step: int, reason: str) -> None:
    """Ask the requester a question; it waits for their answer."""
    item = running.item
    here = _seen(running, revision, step)
    reason = required("reason", reason, "Write your question. The requester reads it.")
    _decide(running, here, Choice.SEND_BACK, reason)
    item.send_back()
    running.commit(
        Action.SEND_BACK,
        sentence=f"{item.ref} is sent back with your question.",
        reason=reason,
        facts={"step": step},
        closing_reason=reason,
        decided_by=running.by,
        **stages.waits_for_nobody(running.at),
    )


@command("take_back", phrase="take it back", from_states=[State.APPROVED])
def take_back(running: Running) -> None:
    """The person who gave the last approval changes their mind before it starts."""
    item = running.item
    running.check_allowed()
    last = item.last_approval
    Decision.objects.filter(pk=last.pk).update(voided_at=running.at)
    reopened = next(step for step in item.steps if step.number == last.step)
    item.take_back()
    fields = _next_stage([reopened], running.at)
    running.commit(
        Action.TAKE_BACK,
        sentence=f"Your approval of {item.ref} is taken back. Nothing was sent.",
        facts={"step": last.step},
        **fields,
    )


def _seen(running: Running, revision: int, number: int) -> Step:
    """The open step with the number that was seen, when it and the revision are still as seen.

    Steps and decisions are read here, under the request's lock, and not again.
    """
    running.read_whole()
    running.compare_revision(revision)
    running.compare_step(number)
    running.check_allowed()
    here = next(step for step in running.item.open_steps if step.number == number)
    verdict = may_decide(running.item, here, running.access)
    if not verdict:
        raise NotAllowed(verdict)
    if needs_glass(running.item, here, running.access) and running.at >= running.item.glass_until:
        raise NotAllowed(denied("glass-closed", "The time after you broke the glass is over."))
    return here


def _check_ceilings(running: Running, here: Step) -> None:
    """What was approved under them lately is counted under their lock."""
    if not here.is_capped:
        return
    seat = covered_by(running.item, running.access, here) or running.access
    reached = Ceilings.of(here.team_ids, lock=True).reached_by(
        running.item, here, seat, at=running.at
    )
    if reached:
        raise NotAllowed(denied("ceiling", f"{reached} Nothing was recorded."))


def _decide(running: Running, here: Step, choice: Choice, reason: str) -> None:
    item = running.item
    covered = covered_by(item, running.access, here)
    if covered is not None:
        running.in_place_of = covered.name
    glass = None
    if needs_glass(item, here, running.access):
        glass = item.glass_breaks.filter(opened_by=running.by, revision=item.revision).last()
    whole.add(
        Decision.add(
            item=item,
            revision=item.revision,
            step=here.number,
            choice=choice,
            decided_by=running.by,
            person_key=running.access.person_key,
            covered_id=covered.user_id if covered else None,
            covered_key=covered.person_key if covered else None,
            glass=glass,
            reason=reason,
            content_hash=item.content_hash,
            decided_at=running.at,
        )
    )
