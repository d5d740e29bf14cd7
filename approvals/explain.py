"""What a request waits for, since when, what comes next and whether anything has moved.

Pure: a request with its rows loaded, what is known of the people who can act, and the moment.
Every sentence about waiting is here, and only here; `sentence` has at most 140 characters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from approvals import kinds
from approvals.causes import ACCEPTED, NOTHING, PERHAPS, Cause
from approvals.causes import cause as cause_of
from approvals.kinds.base import Kind
from approvals.models import ApprovalRequest, Choice, Decision, State, System
from approvals.wording import clock, duration, listed, relative, short_name, shortened, visible

LONGEST = 140
LATE_START = timedelta(minutes=2)


@dataclass(frozen=True)
class Deciders:
    """Who can decide the open step now, and when their team works."""

    names: Sequence[str] = ()
    place: str = ""
    open_until: datetime | None = None
    opens_at: datetime | None = None


@dataclass(frozen=True)
class Waiting:
    """`moved` says whether anything changed in the outside world; `stuck` why it is stuck, or "".

    `runbook` is the slug of the page that says what to do, or "".
    """

    label: str
    tone: str
    sentence: str
    since: datetime
    moved: str
    next: str = ""
    next_at: datetime | None = None
    who: str = ""
    stuck: str = ""
    runbook: str = ""
    heading: str = "Why it is waiting"


@dataclass(frozen=True)
class _Case:
    item: ApprovalRequest
    kind: Kind
    deciders: Deciders
    now: datetime
    system: System | None = None
    nothing: str = field(default="")

    def time(self, at: datetime) -> str:
        return clock(at, self.now)


def explain(
    item: ApprovalRequest, deciders: Deciders, now: datetime, system: System | None = None
) -> Waiting:
    """The whole answer to “what is it waiting for?”, for every state.

    `system` is the switch of the outside system that carries it out, when it has one.
    """
    nothing = "No money has moved." if item.amount is not None else "Nothing has changed."
    if getattr(getattr(item, "effect", None), "undone_at", None) is not None:
        nothing = "What had moved was taken back."
    case = _Case(item, kinds.kind_of(item.kind), deciders, now, system, nothing)
    return _OF_STATE[State(item.state)](case)


def why_stuck(
    item: ApprovalRequest, now: datetime, *, has_deciders: bool, system: System | None = None
) -> str:
    """Why nobody should leave it alone, or "". The same rule as `queries.is_stuck`, in words."""
    if item.state == State.IN_DOUBT:
        return _why_stuck_in_doubt(item, now)
    if item.state == State.NEEDS_PERSON:
        return "It needs a person."
    if item.state in (State.PENDING, State.SENT_BACK):
        return _why_stuck_with_people(item, now, has_deciders)
    if item.state in (State.APPROVED, State.RETRYING):
        return _why_stuck_before_sending(item, now, system)
    if item.state == State.EXECUTING and _is_left_behind(item, now):
        return "The worker that sent it stopped."
    return ""


def _why_stuck_in_doubt(item: ApprovalRequest, now: datetime) -> str:
    """What the provider has accepted and not finished is nobody's trouble for a day."""
    if item.cause in ACCEPTED and item.warn_at is not None and item.warn_at >= now:
        return ""
    return "The outcome is unknown."


def _why_stuck_before_sending(item: ApprovalRequest, now: datetime, system: System | None) -> str:
    if item.held_at is not None:
        return "It is held."
    if system is not None and system.is_stopped:
        return f"{system.name} is {'held' if system.held_at else 'paused'}."
    if item.state == State.RETRYING:
        return "It did not work yet."
    if item.starts_at and item.starts_at + LATE_START < now:
        return "It is approved and has not started."
    return ""


def _is_left_behind(item: ApprovalRequest, now: datetime) -> bool:
    """Its worker's lease ran out without a word."""
    until = item.effect.lease_until
    return until is not None and until < now


def _why_stuck_with_people(item: ApprovalRequest, now: datetime, has_deciders: bool) -> str:
    if item.state == State.PENDING and not has_deciders:
        return "Nobody can decide it."
    if item.due_at is not None and item.due_at < now:
        return "It is overdue."
    if item.warn_at is not None and item.warn_at < now:
        return "It waits longer than usual."
    return ""


# --- One function for each state -------------------------------------------------------------------


def _pending(case: _Case) -> Waiting:
    item, now = case.item, case.now
    step = item.open_step
    given = sum(decision.choice == Choice.APPROVE for decision in item.decisions_now)
    missing = step.quorum - given
    team = shortened(visible(step.team.name), 30)
    stuck = why_stuck(item, now, has_deciders=bool(case.deciders.names))
    if not case.deciders.names:
        return Waiting(
            label="Nobody can approve",
            tone="failed",
            sentence=f"No one may decide this: nobody in {team} has the right, or all have had "
            f"their say. {case.nothing}",
            since=item.stranded_at or item.waiting_since,
            moved=case.nothing,
            next="An administrator can add an approver.",
            stuck=stuck,
            runbook="nobody-can-approve",
        )
    needs = f"Needs {missing} more {team} approval{'s' if missing > 1 else ''}"
    since = f"since {case.time(item.waiting_since)} ({duration(now - item.waiting_since)})."
    who = _who(case.deciders, now)
    sentence = _fitting(f"{needs} {since} {who}", f"{needs} {since} {_how_many(case.deciders)}")
    return Waiting(
        label=f"Waiting for {team}",
        tone="waiting",
        sentence=sentence,
        since=item.waiting_since,
        moved=case.nothing,
        next=_due(item, now),
        next_at=item.due_at,
        who=f"{listed(list(case.deciders.names))} can approve.",
        stuck=stuck,
    )


def _sent_back(case: _Case) -> Waiting:
    item = case.item
    asked = _last(item, Choice.SEND_BACK)
    asker = _name(asked.decided_by) if asked else "An approver"
    requester = _name(item.requested_by)
    at = case.time(item.waiting_since)
    question = _quoted(item.closing_reason, LONGEST - len(asker) - len(requester) - len(at) - 32)
    return Waiting(
        label=f"Sent back to {requester}",
        tone="waiting",
        sentence=f"{asker} asked: {question} at {at}. Waits for {requester}.",
        since=item.waiting_since,
        moved=case.nothing,
        next=f"{requester} answers by changing it, or withdraws it.",
        who=f"{requester} can change it.",
        stuck=why_stuck(item, case.now, has_deciders=True),
    )


def _approved(case: _Case) -> Waiting:
    if (halted := _halted(case)) is not None:
        return halted
    item, now = case.item, case.now
    last = item.last_approval
    starts = case.time(item.starts_at)
    stuck = why_stuck(item, now, has_deciders=True, system=case.system)
    if item.starts_at > now:
        take_back = f"; {_name(last.decided_by)} can take it back until then" if last else ""
        sentence, next_step = f"Starts {starts}{take_back}.", "It starts by itself"
    elif stuck:
        sentence = f"Approved, and should have started {starts}. It waits for the worker."
        next_step = "It starts as soon as the worker runs"
    else:
        sentence, next_step = f"Approved. Starting now, since {starts}.", "It starts by itself"
    return Waiting(
        label="Approved, starting",
        tone="running",
        sentence=sentence,
        since=item.waiting_since,
        moved=case.nothing,
        next=next_step,
        next_at=item.starts_at,
        stuck=stuck,
        runbook="worker-not-running" if stuck else "",
    )


def _executing(case: _Case) -> Waiting:
    item, system = case.item, case.kind.system
    until = item.effect.lease_until
    sent = f"Sent to {system} at {case.time(item.waiting_since)}."
    stuck = why_stuck(item, case.now, has_deciders=True)
    if stuck:
        sentence = f"{sent} The worker that sent it stopped; {system} is asked next."
    else:
        check = f" If no answer by {case.time(until)}, we check with {system}." if until else ""
        sentence = f"{sent}{check}"
    return Waiting(
        label=f"Sending to {system}",
        tone="running",
        sentence=_fitting(sentence, sent),
        since=item.waiting_since,
        moved="It may have been done." if stuck else "It is being sent right now.",
        next="The answer comes by itself.",
        next_at=until,
        stuck=stuck,
        runbook="outcome-unknown" if stuck else "",
    )


def _retrying(case: _Case) -> Waiting:
    if (halted := _halted(case)) is not None:
        return halted
    item, effect, why = case.item, case.item.effect, cause_of(case.item.cause)
    moved = _moved(case)
    return Waiting(
        label=f"Retrying, {effect.attempts} of {effect.max_attempts}",
        tone="retrying",
        sentence=_fitting(
            f"{case.kind.system}: {why.plain}. {_next_try(case)} {moved}",
            f"{case.kind.system}: {why.plain}. {_next_try(case)}",
        ),
        since=item.waiting_since,
        moved=moved,
        next=why.next_step,
        next_at=effect.next_attempt_at,
        stuck=why_stuck(item, case.now, has_deciders=True),
        runbook="worker-not-running" if _is_late(effect.next_attempt_at, case.now) else why.runbook,
    )


def _is_late(due: datetime | None, now: datetime) -> bool:
    """Something should have happened by itself, and no worker did it."""
    return due is None or due + LATE_START < now


def _next_try(case: _Case) -> str:
    next_at = case.item.effect.next_attempt_at
    if _is_late(next_at, case.now):
        return "The next try is overdue: it waits for the worker."
    if next_at <= case.now:
        return "The next try is due now."
    return f"Next try {case.time(next_at)} ({relative(next_at, case.now)})."


def _moved(case: _Case) -> str:
    """Whether anything has: what the cause says, unless it was found out since."""
    item = case.item
    if item.state == State.APPROVED:
        return case.nothing
    said = cause_of(item.cause).moved
    if item.effect.is_proven_absent:
        return case.nothing if said in (NOTHING, PERHAPS) else said
    return PERHAPS if said == NOTHING else said


def _halted(case: _Case) -> Waiting | None:
    """Held by a person, or its system is held or paused: the same words before and between tries."""
    item, system = case.item, case.system
    moved = _moved(case)
    if item.held_at is not None:
        who, at = _name(item.held_by), case.time(item.held_at)
        why = _quoted(item.hold_reason, LONGEST - len(at) - 62)
        return Waiting(
            label=f"Held by {who}",
            tone="neutral",
            sentence=f"Held since {at}: {why} Tries do not count down. Ends when resumed.",
            since=item.held_at,
            moved=moved,
            next="Somebody of operations resumes it.",
            stuck="It is held.",
            runbook="held",
        )
    if system is None or not system.is_stopped:
        return None
    stuck = why_stuck(item, case.now, has_deciders=True, system=system)
    if system.held_at is not None:
        who, at = _name(system.held_by), case.time(system.held_at)
        why = _quoted(system.hold_reason, LONGEST - len(at) - len(system.name) - len(who) - 50)
        return Waiting(
            label=f"{system.name} is held",
            tone="neutral",
            sentence=f"{system.name} is held since {at} by {who}: {why} Tries do not count down.",
            since=system.held_at,
            moved=moved,
            next=f"Somebody of operations resumes {system.name} under Systems.",
            stuck=stuck,
            runbook="held",
        )
    why = cause_of(system.last_cause)
    return Waiting(
        label=f"Waiting for {system.name}",
        tone="retrying",
        sentence=_fitting(
            f"{system.name} failed {system.failures} times in a row: {why.plain}. "
            f"We ask it again {case.time(system.probe_at)}. Tries do not count down.",
            f"{system.name} keeps failing. We ask it again {case.time(system.probe_at)}. "
            "Tries do not count down.",
        ),
        since=system.paused_at,
        moved=moved,
        next="It goes on by itself when the system answers",
        next_at=system.probe_at,
        stuck=stuck,
        runbook=why.runbook,
    )


def _in_doubt(case: _Case) -> Waiting:
    item, why = case.item, cause_of(case.item.cause)
    system = case.kind.system
    is_accepted = item.cause in ACCEPTED
    found, ask_at = item.open_settlement, item.effect.next_question_at
    may_be = "It may be done." if why.moved == PERHAPS else ""
    since = case.time(item.waiting_since)
    sentence = " ".join(
        f"{system}: {why.plain}, {since}. {may_be} {_who_finds_out(case)} Do not resend.".split()
    )
    return Waiting(
        label="Accepted, not finished" if is_accepted else "Outcome unknown",
        tone="running" if is_accepted else "unknown",
        sentence=_fitting(sentence, f"{system}: {why.plain}. {may_be} Do not resend."),
        since=item.waiting_since,
        moved=why.moved,
        next=_next_of_finding(found) or f"We ask {system} again by ourselves{_and_held(item)}",
        next_at=None if found else ask_at,
        stuck=why_stuck(item, case.now, has_deciders=True),
        runbook="worker-not-running" if _is_late(ask_at, case.now) else why.runbook,
    )


def _and_held(item: ApprovalRequest) -> str:
    return "; it is held, so nothing is sent again" if item.held_at is not None else ""


def _who_finds_out(case: _Case) -> str:
    found, ask_at = case.item.open_settlement, case.item.effect.next_question_at
    if found is not None:
        said = "it happened" if found.happened else "it did not happen"
        return f"{_name(found.proposed_by)} found: {said}."
    if _is_late(ask_at, case.now):
        return "It waits for the worker to ask."
    return f"We ask again {case.time(ask_at)}."


def _needs_person(case: _Case) -> Waiting:
    item, effect, why = case.item, case.item.effect, cause_of(case.item.cause)
    tries = effect.attempts
    after = f" after {tries} {'try' if tries == 1 else 'tries'}" if tries > 1 else ""
    moved = _moved(case)
    if item.cause == "by-hand":
        sentence = f"A person has to do it since {case.time(item.waiting_since)}. {moved}"
    else:
        sentence = f"Stopped{after} {case.time(item.waiting_since)}: {why.plain}. {moved}"
    return Waiting(
        label="Needs a person",
        tone="failed",
        sentence=_fitting(sentence, f"Stopped: {why.plain}. {moved}"),
        since=item.waiting_since,
        moved=moved,
        next=_next_of_finding(item.open_settlement) or _first_step(item, why),
        stuck="It needs a person.",
        runbook=why.runbook,
    )


def _first_step(item: ApprovalRequest, why: Cause) -> str:
    """What somebody does first: nothing goes on by itself any more."""
    if not why.goes_on_by_itself:
        return why.next_step
    if item.effect.is_proven_absent:
        return "Have it tried again, or withdraw it."
    return "Ask the provider, or settle it with evidence."


def _done(case: _Case) -> Waiting:
    item, effect = case.item, case.item.effect
    reference = shortened(effect.provider_reference, 40) or "not given"
    at = case.time(effect.settled_at or item.updated_at)
    return Waiting(
        label="Done",
        tone="done",
        heading="What happened",
        sentence=f"Done {at}. {case.kind.system} confirmed, reference {reference}.",
        since=item.waiting_since,
        moved="It is carried out.",
        next=case.kind.after_done,
    )


def _rejected(case: _Case) -> Waiting:
    return _ended(case, "Rejected", "rejected", case.item.decided_by)


def _withdrawn(case: _Case) -> Waiting:
    return _ended(case, "Withdrawn", "withdrew", case.item.decided_by)


def _expired(case: _Case) -> Waiting:
    at = case.time(case.item.waiting_since)
    return Waiting(
        label="Expired",
        tone="neutral",
        heading="What happened",
        sentence=f"Nobody decided in time, so it expired {at}. {case.nothing}",
        since=case.item.waiting_since,
        moved=case.nothing,
    )


_OF_STATE: dict[State, Callable[[_Case], Waiting]] = {
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


# --- Parts of sentences ------------------------------------------------------------------------------


def _ended(case: _Case, label: str, verb: str, person: object) -> Waiting:
    item = case.item
    who = _name(person) if person is not None else "Somebody"
    at = case.time(item.waiting_since)
    room = LONGEST - len(who) - len(verb) - len(at) - len(case.nothing) - 14
    return Waiting(
        label=label,
        tone="neutral",
        heading="What happened",
        sentence=f"{who} {verb} it {at}: {_quoted(item.closing_reason, room)} {case.nothing}",
        since=item.waiting_since,
        moved=case.nothing,
    )


def _who(deciders: Deciders, now: datetime) -> str:
    names = list(deciders.names)
    shown = names if len(names) < 3 else [*names[:2], f"{len(names) - 2} more"]
    if deciders.open_until is not None:
        hours = f"{deciders.place} is open to {clock(deciders.open_until, now)}"
    elif deciders.opens_at is not None:
        hours = f"{deciders.place} opens {clock(deciders.opens_at, now)}"
    else:
        return f"{listed(shown)} can."
    return f"{listed(shown)} can; {hours}."


def _how_many(deciders: Deciders) -> str:
    count = len(deciders.names)
    return "1 person can." if count == 1 else f"{count} people can."


def _due(item: ApprovalRequest, now: datetime) -> str:
    if item.due_at is None:
        return "No due time is set"
    if item.due_at < now:
        return f"It is {duration(now - item.due_at)} late; operations can see it under Stuck"
    return "If nobody decides by then, it shows as overdue under Stuck"


def _next_of_finding(found: object) -> str:
    return "A second person confirms what was found." if found is not None else ""


def _last(item: ApprovalRequest, choice: Choice) -> Decision | None:
    found = [decision for decision in item.decisions_for_revision if decision.choice == choice]
    return found[-1] if found else None


def _quoted(text: str, room: int) -> str:
    return f"“{shortened(visible(text), max(room, 20))}”"


def _name(person: object) -> str:
    return shortened(visible(short_name(person.name)), 30)


def _fitting(sentence: str, shorter: str) -> str:
    return sentence if len(sentence) <= LONGEST else shortened(shorter, LONGEST)
