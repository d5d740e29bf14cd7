"""Opening steps, in order or together, and what a request waits for while they are open.

Steps that follow one another `with_previous` are one stage: they open together.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts import hours
from approvals.models import Step

# A hold, a lack of deciders and a broken glass are about one wait; they end with it.
NOT_HELD = {
    "held_at": None,
    "held_by": None,
    "hold_reason": "",
    "stranded_at": None,
    "glass_by": None,
    "glass_until": None,
}


def first_stage(steps: Sequence[Step]) -> list[Step]:
    """The steps that are open together first, of some that are in order."""
    later = (number for number, step in enumerate(steps) if number and not step.with_previous)
    return list(steps[: next(later, len(steps))])


def stage_after(steps: Sequence[Step], number: int) -> list[Step]:
    """The steps that open together after the stage in which step `number` stands; none: the end."""
    rest = [step for step in steps if step.number > number]
    while rest and rest[0].with_previous:
        rest.pop(0)
    return first_stage(rest)


def opened(stage: Sequence[Step], at: datetime) -> dict:
    """Open these steps, not saved, and say as fields of the request what it waits for now."""
    for step in stage:
        step.opened_at, step.closed_at = step.opened_at or at, None
        step.due_at = _after(step, step.opened_at, step.due_after_s)
        step.warn_at = _after(step, step.opened_at, step.warn_after_s)
        step.escalates_at = escalates_at(step)
    return {"waiting_since": at, "starts_at": None, **asked(stage), **NOT_HELD}


def asked(stage: Sequence[Step]) -> dict:
    """As fields of the request, whom it waits for while these steps are open."""
    first = stage[0]
    teams = {team for step in stage for team in step.team_ids}
    return {
        "step": first.number,
        "waiting_team": first.team,
        "also_waiting_ids": sorted(teams - {first.team_id}),
        "is_parallel": len(stage) > 1,
        "due_at": min((step.due_at for step in stage if step.due_at), default=None),
        "warn_at": min((step.warn_at for step in stage if step.warn_at), default=None),
    }


def escalates_at(step: Step) -> datetime | None:
    """When the clock does the next thing about it."""
    left = step.escalations[step.escalated :]
    return _after(step, step.opened_at, left[0]["after_s"]) if left else None


def waits_for_nobody(at: datetime) -> dict:
    return {
        "step": None,
        "waiting_team": None,
        "also_waiting_ids": [],
        "is_parallel": False,
        "waiting_since": at,
        "due_at": None,
        "warn_at": None,
        "starts_at": None,
        **NOT_HELD,
    }


def _after(step: Step, at: datetime, seconds: int | None) -> datetime | None:
    """By the clock, or in the working hours of the team that the step names."""
    if seconds is None:
        return None
    team = getattr(step.hours_of, "team", None)
    if team is not None and (late := hours.after(team, at, timedelta(seconds=seconds))):
        return late
    return at + timedelta(seconds=seconds)
