"""Deciding: approve, reject, send back with a question, and taking an approval back in time."""

from approvals.commands import steps
from approvals.commands.frame import Running, bounded, command, required
from approvals.events import Action
from approvals.models import Choice, Decision, State
from approvals.rules import covered_by
from approvals.wording import clock


@command("approve", from_states=[State.PENDING])
def approve(running: Running, *, revision: int, step: int, reason: str = "") -> None:
    """Say yes to the step and the revision that were seen. The last yes makes it start."""
    item = running.item
    running.compare_revision(revision)
    running.compare_step(step)
    running.check_allowed()
    reason = bounded("reason", reason)
    here = item.open_step
    given = item.approvals_of(step)
    _decide(running, Choice.APPROVE, reason)
    is_closed = len(given) + 1 >= here.quorum
    following = next((other for other in item.steps if other.number == step + 1), None)
    if is_closed:
        here.closed_at = running.at
        here.save()
    is_complete = is_closed and following is None
    item.approve(complete=is_complete)
    if is_complete:
        fields = steps.approved(item, running.at)
    elif is_closed:
        fields = steps.opened(following, running.at)
        following.save()
    else:
        fields = {}
    sentence = f"Approved by you at {running.at:%H:%M:%S} UTC."
    if is_complete:
        sentence += f" It starts at {clock(fields['starts_at'], running.at)}."
    running.commit(Action.APPROVE, sentence=sentence, reason=reason, facts={"step": step}, **fields)
    if is_complete:
        steps.prepare_effect(item)


@command("reject", from_states=[State.PENDING])
def reject(running: Running, *, revision: int, step: int, reason: str) -> None:
    """Say no, with a reason. Nothing will happen."""
    item = running.item
    running.compare_revision(revision)
    running.compare_step(step)
    running.check_allowed()
    reason = required("reason", reason, "Say why you reject it. The requester reads it.")
    _decide(running, Choice.REJECT, reason)
    item.reject()
    running.commit(
        Action.REJECT,
        sentence=f"{item.ref} is rejected. Nothing was sent.",
        reason=reason,
        facts={"step": step},
        closing_reason=reason,
        decided_by=running.by,
        **steps.waits_for_nobody(running.at),
    )


@command("send_back", from_states=[State.PENDING])
def send_back(running: Running, *, revision: int, step: int, reason: str) -> None:
    """Ask the requester a question; it waits for their answer."""
    item = running.item
    running.compare_revision(revision)
    running.compare_step(step)
    running.check_allowed()
    reason = required("reason", reason, "Write your question. The requester reads it.")
    _decide(running, Choice.SEND_BACK, reason)
    item.send_back()
    running.commit(
        Action.SEND_BACK,
        sentence=f"{item.ref} is sent back with your question.",
        reason=reason,
        facts={"step": step},
        closing_reason=reason,
        decided_by=running.by,
        **steps.waits_for_nobody(running.at),
    )


@command("take_back", from_states=[State.APPROVED])
def take_back(running: Running) -> None:
    """The person who gave the last approval changes their mind before it starts."""
    item = running.item
    running.check_allowed()
    last = item.last_approval
    Decision.objects.filter(pk=last.pk).update(voided_at=running.at)
    reopened = next(step for step in item.steps if step.number == last.step)
    item.take_back()
    fields = steps.opened(reopened, running.at)
    reopened.save()
    running.commit(
        Action.TAKE_BACK,
        sentence=f"Your approval of {item.ref} is taken back. Nothing was sent.",
        facts={"step": last.step},
        **fields,
    )


def _decide(running: Running, choice: Choice, reason: str) -> None:
    item = running.item
    covered = covered_by(item, running.access)
    if covered is not None:
        running.in_place_of = covered.name
    Decision.objects.create(
        item=item,
        revision=item.revision,
        step=item.step,
        choice=choice,
        decided_by=running.by,
        person_key=running.access.person_key,
        covered_id=covered.user_id if covered else None,
        covered_key=covered.person_key if covered else None,
        reason=reason,
        content_hash=item.content_hash,
        decided_at=running.at,
    )
