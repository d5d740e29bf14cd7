"""What becomes of sample requests, in realistic proportions, and how each comes to it."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

from approvals.kinds import base
from approvals.models import ENDED, State
from demo.seeding.story import Story

OPEN_FATES = {
    State.PENDING: 55,
    State.SENT_BACK: 8,
    State.APPROVED: 5,
    State.EXECUTING: 2,
    State.RETRYING: 12,
    State.IN_DOUBT: 6,
    State.NEEDS_PERSON: 12,
}
ENDED_FATES = {State.DONE: 86, State.REJECTED: 6, State.WITHDRAWN: 5, State.EXPIRED: 3}
PASSING = ("too-many-requests", "not-reached", "not-reached", "provider-busy")
DOUBTS = ("no-answer", "connection-lost", "provider-error", "provider-pending")
FOR_GOOD = {
    "refund": ("card-declined", "already-refunded", "payment-disputed"),
    "account_change": ("account-number-rejected", "refused-by-provider"),
    "manual": ("by-hand",),
}
HOURS, MINUTES = timedelta(hours=1), timedelta(minutes=1)


def drawn(draw: Random, *, is_open: bool) -> State:
    fates = OPEN_FATES if is_open else ENDED_FATES
    return draw.choices(list(fates), fates.values())[0]


def live(story: Story, wanted: State) -> None:
    """Bring a new request to the state that is `wanted`, or the nearest that it can come to."""
    fate = _possible(story, wanted)
    if story.desk.operators and story.draw.random() < 0.04:
        story.wait(5 * MINUTES)
        story.note("The customer has written again; answered with the usual text.")
    LIVES[fate](story)
    if fate not in ENDED and story.desk.operators and story.draw.random() < 0.2:
        story.claim()


def _possible(story: Story, wanted: State) -> State:
    expires_at = story.item.expires_at
    if not story.steps and wanted not in CARRIED_OUT:
        wanted = State.DONE if wanted in ENDED else State.RETRYING
    elif not story.is_decidable:
        wanted = State.WITHDRAWN if wanted in ENDED else State.PENDING
    if not story.desk.kind.is_outside:
        if wanted in (State.EXECUTING, State.RETRYING, State.IN_DOUBT):
            wanted = State.NEEDS_PERSON
        elif wanted == State.DONE and len(story.desk.operators) < 2:
            wanted = State.REJECTED
    has_expired = expires_at is not None and expires_at <= story.now
    if wanted in (State.PENDING, State.SENT_BACK) and has_expired:
        return State.EXPIRED
    if wanted == State.EXPIRED and not has_expired:
        return State.WITHDRAWN
    return wanted


# --- With people -----------------------------------------------------------------------------------


def _pending(story: Story) -> None:
    if story.is_decidable and story.steps[0].quorum > 1 and story.draw.random() < 0.5:
        story.wait(HOURS)
        story.approve()


def _sent_back(story: Story) -> None:
    story.wait(HOURS)
    story.send_back("Which of the two parcels is it about?")


def _rejected(story: Story) -> None:
    story.wait(2 * HOURS)
    story.reject("It is not covered: the return window had ended.")


def _withdrawn(story: Story) -> None:
    story.wait(3 * HOURS)
    story.withdraw("The customer found the parcel.")


def _expired(story: Story) -> None:
    story.expire()


def _approve(story: Story) -> None:
    """All approvals; now and then after a question and an answer."""
    if story.item.state == State.PENDING and story.draw.random() < 0.03:
        _sent_back(story)
        story.wait(HOURS)
        story.resubmit(f"{story.item.reason} It is about the second parcel.")
    while story.item.state == State.PENDING:
        story.wait(HOURS)
        story.approve()


# --- With systems ----------------------------------------------------------------------------------


def _approved(story: Story) -> None:
    story.be_recent(20 * MINUTES)
    _approve(story)
    if story.desk.operators and story.draw.random() < 0.5:
        story.hold("The provider asked us to wait until it has looked at this account.")


def _executing(story: Story) -> None:
    _approve(story)
    story.be_recent(0.5 * MINUTES)
    story.start()


def _retrying(story: Story) -> None:
    story.be_recent(30 * MINUTES)
    _approve(story)
    cause = story.draw.choice(PASSING)
    story.try_it(_passing(cause))
    while story.item.state == State.RETRYING and story.effect.next_attempt_at < story.now:
        story.try_it(_passing(cause))


def _in_doubt(story: Story) -> None:
    _approve(story)
    story.be_recent(10 * MINUTES)
    story.try_it(_doubt(story.draw.choice(DOUBTS)))


def _needs_person(story: Story) -> None:
    _approve(story)
    _refuse_for_good(story)


def _done(story: Story) -> None:
    _approve(story)
    if not story.desk.kind.is_outside:
        _refuse_for_good(story)
        story.wait(2 * HOURS)
        story.settle("Seen in the archive's list of sent post.", _reference(story))
        return
    chance = story.draw.random()
    if chance < 0.01:
        story.try_it(_doubt("no-answer"))
        story.ask(base.Done(_reference(story)))
    else:
        if chance < 0.07 and story.effect.max_attempts > 1:
            story.try_it(_passing(story.draw.choice(PASSING)))
        story.try_it(base.Done(_reference(story)))
    story.looked_after()


def _refuse_for_good(story: Story) -> None:
    causes = FOR_GOOD.get(story.item.kind, ("refused-by-provider",))
    story.try_it(base.Refused(story.draw.choice(causes), permanent=True, evidence="Sample data."))


def _passing(cause: str) -> base.Refused:
    return base.Refused(cause, permanent=False, evidence="Sample data.")


def _doubt(cause: str) -> base.Unknown:
    return base.Unknown(cause, evidence="Sample data.")


def _reference(story: Story) -> str:
    return f"seed_{story.item.ref}"


LIVES: dict[State, Callable[[Story], None]] = {
    State.PENDING: _pending,
    State.SENT_BACK: _sent_back,
    State.APPROVED: _approved,
    State.EXECUTING: _executing,
    State.RETRYING: _retrying,
    State.IN_DOUBT: _in_doubt,
    State.NEEDS_PERSON: _needs_person,
    State.DONE: _done,
    State.REJECTED: _rejected,
    State.WITHDRAWN: _withdrawn,
    State.EXPIRED: _expired,
}
CARRIED_OUT = (
    State.EXECUTING,
    State.RETRYING,
    State.IN_DOUBT,
    State.NEEDS_PERSON,
    State.DONE,
)
