"""While it waits for people, and when people or the clock have ended it."""

from datetime import datetime

from approvals.explain.parts import LONGEST, Case, Deciders, Waiting, fitting, name, quoted
from approvals.models import ApprovalRequest, Choice, Decision
from approvals.stuck import why_stuck
from approvals.wording import clock, duration, listed, shortened, visible


def pending(case: Case) -> Waiting:
    item, now = case.item, case.now
    teams = [shortened(visible(step.team.name), 30) for step in item.open_steps]
    team = listed(teams)
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
    missing = [step.quorum - len(item.approvals_of(step.number)) for step in item.open_steps]
    needs = f"Needs {_how_many_more(missing, teams)} approval{'s' if sum(missing) > 1 else ''}"
    if item.stranded_at is not None:
        return _too_few(case, needs, stuck)
    since = f"since {case.time(item.waiting_since)} ({duration(now - item.waiting_since)})."
    who = _who(case.deciders, now)
    sentence = fitting(f"{needs} {since} {who}", f"{needs} {since} {_how_many(case.deciders)}")
    return Waiting(
        label=f"Waiting for {team}",
        tone="waiting",
        sentence=sentence,
        since=item.waiting_since,
        moved=case.nothing,
        **_next(item, now),
        who=f"{listed(list(case.deciders.names))} can approve.",
        stuck=stuck,
    )


def _too_few(case: Case, needs: str, stuck: str) -> Waiting:
    names = list(case.deciders.names)
    who = (
        f"only {listed(names)} can give one" if len(names) < 3 else f"only {len(names)} people can"
    )
    return Waiting(
        label="Too few can approve",
        tone="failed",
        sentence=fitting(
            f"{needs}, and {who}. {case.nothing}", f"{needs}, and too few people can."
        ),
        since=case.item.stranded_at,
        moved=case.nothing,
        next="An administrator can add an approver.",
        who=f"{listed(names)} can approve.",
        stuck=stuck,
        runbook="nobody-can-approve",
    )


def sent_back(case: Case) -> Waiting:
    item = case.item
    asked = _last(item, Choice.SEND_BACK)
    asker = name(asked.decided_by) if asked else "An approver"
    requester = name(item.requested_by)
    at = case.time(item.waiting_since)
    question = quoted(item.closing_reason, LONGEST - len(asker) - len(requester) - len(at) - 32)
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


def rejected(case: Case) -> Waiting:
    return _ended(case, "Rejected", "rejected", case.item.decided_by)


def withdrawn(case: Case) -> Waiting:
    return _ended(case, "Withdrawn", "withdrew", case.item.decided_by)


def expired(case: Case) -> Waiting:
    at = case.time(case.item.waiting_since)
    return Waiting(
        label="Expired",
        tone="neutral",
        heading="What happened",
        sentence=f"Nobody decided in time, so it expired {at}. {case.nothing}",
        since=case.item.waiting_since,
        moved=case.nothing,
    )


def _ended(case: Case, label: str, verb: str, person: object) -> Waiting:
    item = case.item
    who = name(person) if person is not None else "Somebody"
    at = case.time(item.waiting_since)
    room = LONGEST - len(who) - len(verb) - len(at) - len(case.nothing) - 14
    return Waiting(
        label=label,
        tone="neutral",
        heading="What happened",
        sentence=f"{who} {verb} it {at}: {quoted(item.closing_reason, room)} {case.nothing}",
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


def _how_many_more(missing: list[int], teams: list[str]) -> str:
    """“1 more Finance”, or “1 more Finance and 2 more Risk”."""
    pairs = zip(missing, teams, strict=True)
    return listed([f"{count} more {team}" for count, team in pairs])


def _next(item: ApprovalRequest, now: datetime) -> dict:
    """What the clock does next, and when: the policy's escalation, or that it is overdue."""
    coming = [step for step in item.open_steps if step.escalates_at]
    first = min(coming, key=lambda step: step.escalates_at, default=None)
    if first is None or (item.due_at and item.due_at < first.escalates_at):
        return {"next": _due(item, now), "next_at": item.due_at}
    wanted, team = first.escalations[first.escalated], visible(first.team.name)
    words = {
        "remind": f"{team} is reminded",
        "tell_lead": f"The lead of {team} is told",
        "widen": f"{visible(wanted['to'])} may decide it as well",
    }
    return {"next": words[wanted["do"]], "next_at": first.escalates_at}


def _due(item: ApprovalRequest, now: datetime) -> str:
    if item.due_at is None:
        return "No due time is set"
    if item.due_at < now:
        return f"It is {duration(now - item.due_at)} late; operations can see it under Stuck"
    return "If nobody decides by then, it shows as overdue under Stuck"


def _last(item: ApprovalRequest, choice: Choice) -> Decision | None:
    found = [decision for decision in item.decisions_for_revision if decision.choice == choice]
    return found[-1] if found else None
