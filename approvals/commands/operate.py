"""Keeping requests moving: whose it is, whether it is tried, and what the next person should know."""

from datetime import timedelta

from accounts import access
from accounts.models import User
from approvals import jobs, kinds
from approvals.causes import cause as cause_of
from approvals.commands.frame import Running, command, required
from approvals.commands.mentions import mentioned
from approvals.events import Action
from approvals.models import OPEN, ApprovalRequest, Effect, Note, Queue, State
from approvals.refusals import Invalid, TooEarly, TransitionNotAllowed
from approvals.rules import may
from approvals.wording import clock, short_name

REMINDABLE = (State.PENDING, State.SENT_BACK)
BETWEEN_REMINDERS = timedelta(minutes=30)
HOLDABLE = (State.APPROVED, State.EXECUTING, State.RETRYING, State.IN_DOUBT)


@command("claim", from_states=OPEN)
def claim(running: Running) -> None:
    """Make it yours, so that nobody else looks at it at the same time."""
    running.check_allowed()
    before = running.item.owner
    running.commit(
        Action.CLAIM,
        sentence=f"{running.item.ref} is yours.",
        changes=[
            {
                "field": "Owner",
                "before": before.name if before else "",
                "after": running.access.name,
            }
        ],
        owner=running.by,
    )


@command("release", from_states=OPEN)
def release(running: Running) -> None:
    """Make it nobody's, so that others know it is free."""
    running.check_allowed()
    before = running.item.owner
    running.commit(
        Action.RELEASE,
        sentence=f"{running.item.ref} is free for others.",
        changes=[{"field": "Owner", "before": before.name, "after": ""}],
        owner=None,
    )


@command("assign", from_states=OPEN)
def assign(running: Running, *, to: str) -> None:
    """Give it to a colleague, by their e-mail address. They must be able to operate its queue."""
    item = running.item
    running.check_allowed()
    person = User.objects.filter(email__iexact=to.strip(), is_active=True).first()
    if person is None:
        raise Invalid({"to": "Nobody here has this e-mail address."})
    verdict = may("own", item, access.of(person, Queue))
    if not verdict:
        raise Invalid({"to": verdict.sentence})
    if item.owner_id == person.pk:
        raise Invalid({"to": f"{item.ref} is {person.name}’s already."})
    before = item.owner
    running.commit(
        Action.ASSIGN,
        sentence=f"{item.ref} is now {short_name(person.name)}’s.",
        changes=[{"field": "Owner", "before": before.name if before else "", "after": person.name}],
        facts={"to": person.name, "owner": str(person.pk)},
        owner=person,
    )


@command("remind", phrase="remind anybody of it", from_states=REMINDABLE)
def remind(running: Running) -> None:
    """Tell whoever it waits for once more; not more often than every half hour."""
    item = running.item
    running.check_allowed()
    last = item.reminded_at
    if last is not None and running.at < last + BETWEEN_REMINDERS:
        raise TooEarly(
            f"A reminder went out at {clock(last, running.at)}. The next can follow at "
            f"{clock(last + BETWEEN_REMINDERS, running.at)}."
        )
    to = item.waiting_team.name if item.state == State.PENDING else item.requested_by.name
    running.commit(
        Action.REMIND,
        sentence=f"{to} is reminded of {item.ref}.",
        facts={"to": to},
        reminded_at=running.at,
    )


@command("note", from_states=[state for state in State if state != State.NEW])
def note(running: Running, *, reason: str) -> None:
    """Leave a note. What is approved, and what was approved, stays as it is; who is named is told."""
    running.check_allowed()
    text = required("reason", reason, "Write the note.")
    Note.objects.create(item=running.item, author=running.by, text=text, written_at=running.at)
    named = mentioned(text, running.item)
    running.commit(
        Action.NOTE,
        sentence=f"Your note is added.{named.sentence}",
        reason=text,
        facts={"mentions": [str(person.pk) for person in named.people]} if named.people else {},
    )


@command("hold", phrase="hold its retries", from_states=HOLDABLE)
def hold(running: Running, *, reason: str) -> None:
    """No more tries until somebody resumes it. A call under way goes on; questions are still asked."""
    running.check_allowed()
    why = required("reason", reason, "Say why you hold it. Whoever looks next reads it.")
    running.commit(
        Action.HOLD,
        sentence=f"{running.item.ref} is held. Nothing is sent until it is resumed.",
        reason=why,
        held_at=running.at,
        held_by=running.by,
        hold_reason=why,
    )


@command("resume", from_states=OPEN)
def resume(running: Running) -> None:
    """Let it go on, with the tries that it had left; a try that came due meanwhile is made now."""
    running.check_allowed()
    running.commit(
        Action.RESUME,
        sentence=f"{running.item.ref} is not held any more.",
        held_at=None,
        held_by=None,
        hold_reason="",
    )
    jobs.wake(running.item.pk, running.at, running.item.kind)


@command("try_again", phrase="try it again", from_states=[State.NEEDS_PERSON, State.RETRYING])
def try_again(running: Running) -> None:
    """Have it tried now. Only where nothing was sent, or nothing of it stands at the provider."""
    item = running.item
    running.check_allowed()
    effect = Effect.objects.select_for_update().get(item=item)
    check_can_be_tried(item, effect)
    if item.state == State.NEEDS_PERSON:
        effect.max_attempts = max(effect.max_attempts, effect.attempts + 1)
        effect.window_began_at = None
        effect.ask_first = effect.first_sent_at is not None
        effect.epoch += 1  # a worker that is asking right now comes too late
        effect.lease_until = None
    effect.next_attempt_at = running.at
    effect.next_question_at = None
    effect.save()
    item.try_again()
    running.commit(
        Action.TRY_AGAIN,
        sentence=f"The next try of {item.ref} is due now. Nothing is done twice.",
        facts={"attempt": effect.attempts + 1, "max_attempts": effect.max_attempts},
        waiting_since=running.at,
    )
    jobs.wake(item.pk, running.at, item.kind)


def can_be_tried(item: ApprovalRequest, effect: Effect) -> bool:
    """Whether `try_again` has a meaning for a request that is retrying or needs a person."""
    try:
        check_can_be_tried(item, effect)
    except TransitionNotAllowed:
        return False
    return True


def check_can_be_tried(item: ApprovalRequest, effect: Effect) -> None:
    """Refuse what may have happened already, and what would only be refused again."""
    if item.state == State.RETRYING:
        return
    why = cause_of(item.cause)
    if not effect.is_proven_absent:
        raise TransitionNotAllowed(
            f"{item.ref} may have been done already, so it is not tried again. Ask the provider, "
            "or settle it with evidence."
        )
    if not why.can_try_again:
        raise TransitionNotAllowed(
            f"Trying {item.ref} again cannot help: {why.plain}. {why.next_step}"
        )


@command(
    "ask_provider",
    phrase="ask the provider about it",
    from_states=[State.IN_DOUBT, State.NEEDS_PERSON],
)
def ask_provider(running: Running) -> None:
    """Have the provider asked now whether it happened. That only reads."""
    item = running.item
    running.check_allowed()
    kind = kinds.kind_of(item.kind)
    if not kind.is_outside:
        raise TransitionNotAllowed(f"No outside system takes part in {item.ref}.")
    effect = Effect.objects.select_for_update().get(item=item)
    effect.next_question_at = running.at
    effect.save()
    running.commit(
        Action.ASK_PROVIDER,
        sentence=f"{kind.system} is asked about {item.ref} now. That changes nothing there.",
        facts={"system": kind.system},
    )
    jobs.wake(item.pk, running.at, item.kind)
