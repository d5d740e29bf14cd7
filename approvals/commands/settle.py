"""Settling: two people find out, with evidence, what no program could tell."""

from django.conf import settings

from approvals import kinds, timing
from approvals.commands.frame import Running, bounded, command, required
from approvals.events import Action
from approvals.models import Effect, Settlement, State
from approvals.refusals import TooEarly, TransitionNotAllowed
from approvals.stages import waits_for_nobody
from approvals.wording import clock

SETTLED_AS_NOT_DONE = "settled-as-not-done"


@command("settle", from_states=[State.IN_DOUBT, State.NEEDS_PERSON])
def settle(
    running: Running, *, revision: int, happened: bool, reason: str, reference: str = ""
) -> None:
    """Say what you found out, with evidence. It counts once a second person confirms it."""
    item = running.item
    running.compare_revision(revision)
    running.check_allowed()
    _refuse_too_early(running, happened)
    evidence = required("reason", reason, "Write what you saw and where.")
    reference = bounded("reference", reference, longest=200)
    Settlement.objects.filter(item=item, confirmed_at=None).update(is_dropped=True)
    Settlement.objects.create(
        item=item,
        revision=item.revision,
        happened=happened,
        evidence=evidence,
        reference=reference,
        proposed_by=running.by,
        person_key=running.access.person_key,
        proposed_at=running.at,
    )
    running.commit(
        Action.PROPOSE_SETTLEMENT,
        sentence=f"Your finding on {item.ref} is recorded. A second person must confirm it.",
        reason=evidence,
        facts={"happened": happened, "reference": reference},
    )


@command(
    "confirm_settlement",
    phrase="confirm how it was settled",
    from_states=[State.IN_DOUBT, State.NEEDS_PERSON],
)
def confirm_settlement(
    running: Running, *, revision: int, reason: str = "", finding: int | None = None
) -> None:
    """Confirm what somebody else found: done, or certainly not done.

    `finding` is the id of the finding that was read; when another has taken its place, refused.
    """
    item = running.item
    running.compare_revision(revision)
    running.check_allowed()
    found = item.open_settlement
    if found is None:
        raise TransitionNotAllowed(f"Nobody has a finding on {item.ref} that could be confirmed.")
    if finding is not None and finding != found.pk:
        raise TransitionNotAllowed(
            f"Somebody has found something else about {item.ref} since. Nothing was recorded; "
            "read it first."
        )
    _refuse_too_early(running, found.happened)
    comment = bounded("reason", reason)
    found.confirmed_by, found.confirmed_at = running.by, running.at
    found.save()
    _close_effect(running, found)
    item.settle(happened=found.happened)
    item.cause = "" if found.happened else SETTLED_AS_NOT_DONE
    done = "done" if found.happened else "not done"
    running.commit(
        Action.SETTLE,
        sentence=f"{item.ref} is settled as {done}.",
        reason=comment or found.evidence,
        facts={
            "system": kinds.kind_of(item.kind).system,
            "happened": found.happened,
            "outcome": done,
            "reference": found.reference,
        },
        **waits_for_nobody(running.at),
    )


def _refuse_too_early(running: Running, happened: bool) -> None:
    """Nobody can have seen that it did not happen while it may still be on its way."""
    sent_at = running.item.effect.sent_at
    if happened or sent_at is None:
        return
    counts_from = timing.absence_counts_from(sent_at, speed=settings.WAITING_IS_DIVIDED_BY)
    if counts_from > running.at:
        raise TooEarly(
            f"{running.item.ref} was sent a moment ago and may still arrive. Nothing was recorded. "
            f"Look at the provider again after {clock(counts_from, running.at)}."
        )


def _close_effect(running: Running, found: Settlement) -> None:
    """A worker that is asking right now comes too late: the epoch moves on."""
    effect = Effect.objects.select_for_update().get(item=running.item)
    effect.epoch += 1
    effect.lease_until = None
    effect.next_question_at = effect.next_attempt_at = None
    if found.happened:
        effect.settled_at = running.at
        effect.undone_at = None
        if kinds.kind_of(running.item.kind).may_fail_later:
            effect.next_question_at = timing.next_check(running.at, running.at)
        effect.provider_reference = found.reference
        effect.last_cause = ""
    else:
        effect.sent_at = None
        effect.ask_first = True
        effect.last_cause = SETTLED_AS_NOT_DONE
    effect.save()
