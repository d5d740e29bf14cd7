"""From the last approval to done: before, between and after the tries, held, in doubt, stopped."""

from approvals.causes import ACCEPTED, NOTHING, PERHAPS, Cause
from approvals.causes import cause as cause_of
from approvals.explain.parts import LONGEST, Case, Waiting, fitting, name, quoted
from approvals.models import ApprovalRequest, State
from approvals.stuck import is_late, why_stuck
from approvals.wording import relative, shortened


def approved(case: Case) -> Waiting:
    if (halted := _halted(case)) is not None:
        return halted
    item, now = case.item, case.now
    last = item.last_approval
    starts = case.time(item.starts_at)
    stuck = why_stuck(item, now, has_deciders=True, system=case.system)
    if item.starts_at > now:
        take_back = f"; {name(last.decided_by)} can take it back until then" if last else ""
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


def executing(case: Case) -> Waiting:
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
        sentence=fitting(sentence, sent),
        since=item.waiting_since,
        moved="It may have been done." if stuck else "It is being sent right now.",
        next="The answer comes by itself.",
        next_at=until,
        stuck=stuck,
        runbook="outcome-unknown" if stuck else "",
    )


def retrying(case: Case) -> Waiting:
    if (halted := _halted(case)) is not None:
        return halted
    item, effect, why = case.item, case.item.effect, cause_of(case.item.cause)
    moved = _moved(case)
    return Waiting(
        label=f"Retrying, {effect.attempts} of {effect.max_attempts}",
        tone="retrying",
        sentence=fitting(
            f"{case.kind.system}: {why.plain}. {_next_try(case)} {moved}",
            f"{case.kind.system}: {why.plain}. {_next_try(case)}",
        ),
        since=item.waiting_since,
        moved=moved,
        next=why.next_step,
        next_at=effect.next_attempt_at,
        stuck=why_stuck(item, case.now, has_deciders=True),
        runbook="worker-not-running" if is_late(effect.next_attempt_at, case.now) else why.runbook,
    )


def _next_try(case: Case) -> str:
    next_at = case.item.effect.next_attempt_at
    if is_late(next_at, case.now):
        return "The next try is overdue: it waits for the worker."
    if next_at <= case.now:
        return "The next try is due now."
    return f"Next try {case.time(next_at)} ({relative(next_at, case.now)})."


def _moved(case: Case) -> str:
    """Whether anything has: what the cause says, unless it was found out since."""
    item = case.item
    if item.state == State.APPROVED:
        return case.nothing
    said = cause_of(item.cause).moved
    if item.effect.is_proven_absent:
        return case.nothing if said in (NOTHING, PERHAPS) else said
    return PERHAPS if said == NOTHING else said


def _halted(case: Case) -> Waiting | None:
    """Held by a person, or its system is held or paused: the same words before and between tries."""
    if case.item.held_at is not None:
        return _held(case)
    if case.system is None or not case.system.is_stopped:
        return None
    return _of_held_system(case) if case.system.held_at is not None else _of_paused_system(case)


def _held(case: Case) -> Waiting:
    item = case.item
    who, at = name(item.held_by), case.time(item.held_at)
    why = quoted(item.hold_reason, LONGEST - len(at) - 62)
    return Waiting(
        label=f"Held by {who}",
        tone="neutral",
        sentence=f"Held since {at}: {why} Tries do not count down. Ends when resumed.",
        since=item.held_at,
        moved=_moved(case),
        next="Somebody of operations resumes it.",
        stuck=why_stuck(item, case.now, has_deciders=True),
        runbook="held",
    )


def _of_held_system(case: Case) -> Waiting:
    system = case.system
    who, at = name(system.held_by), case.time(system.held_at)
    why = quoted(system.hold_reason, LONGEST - len(at) - len(system.name) - len(who) - 50)
    return Waiting(
        label=f"{system.name} is held",
        tone="neutral",
        sentence=f"{system.name} is held since {at} by {who}: {why} Tries do not count down.",
        since=system.held_at,
        moved=_moved(case),
        next=f"Somebody of operations resumes {system.name} under Systems.",
        stuck=why_stuck(case.item, case.now, has_deciders=True, system=system),
        runbook="held",
    )


def _of_paused_system(case: Case) -> Waiting:
    system, why = case.system, cause_of(case.system.last_cause)
    again = f"We ask it again {case.time(system.probe_at)}. Tries do not count down."
    return Waiting(
        label=f"Waiting for {system.name}",
        tone="retrying",
        sentence=fitting(
            f"{system.name} failed {system.failures} times in a row: {why.plain}. {again}",
            f"{system.name} keeps failing. {again}",
        ),
        since=system.paused_at,
        moved=_moved(case),
        next="It goes on by itself when the system answers",
        next_at=system.probe_at,
        stuck=why_stuck(case.item, case.now, has_deciders=True, system=system),
        runbook=why.runbook,
    )


def in_doubt(case: Case) -> Waiting:
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
        sentence=fitting(sentence, f"{system}: {why.plain}. {may_be} Do not resend."),
        since=item.waiting_since,
        moved=why.moved,
        next=_next_of_finding(found) or f"We ask {system} again by ourselves{_and_held(item)}",
        next_at=None if found else ask_at,
        stuck=why_stuck(item, case.now, has_deciders=True),
        runbook="worker-not-running" if is_late(ask_at, case.now) else why.runbook,
    )


def _and_held(item: ApprovalRequest) -> str:
    return "; it is held, so nothing is sent again" if item.held_at is not None else ""


def _who_finds_out(case: Case) -> str:
    found, ask_at = case.item.open_settlement, case.item.effect.next_question_at
    if found is not None:
        said = "it happened" if found.happened else "it did not happen"
        return f"{name(found.proposed_by)} found: {said}."
    if is_late(ask_at, case.now):
        return "It waits for the worker to ask."
    return f"We ask again {case.time(ask_at)}."


def needs_person(case: Case) -> Waiting:
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
        sentence=fitting(sentence, f"Stopped: {why.plain}. {moved}"),
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


def done(case: Case) -> Waiting:
    item, effect = case.item, case.item.effect
    reference = shortened(effect.provider_reference, 40) or "not given"
    at = case.time(effect.settled_at or item.updated_at)
    by_people = item.was_settled_by_people
    who = "Two people found that it happened" if by_people else f"{case.kind.system} confirmed"
    return Waiting(
        label="Done",
        tone="done",
        heading="What happened",
        sentence=f"Done {at}. {who}, reference {reference}.",
        since=item.waiting_since,
        moved="It is carried out.",
        next=case.kind.after_done,
    )


def _next_of_finding(found: object) -> str:
    return "A second person confirms what was found." if found is not None else ""
