"""Laying out and opening the steps of a revision, and what follows when the last one closes."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import Group

from accounts import hours
from approvals import jobs
from approvals.models import ApprovalRequest, Effect, PolicyVersion, Step
from approvals.refusals import NoPolicy
from approvals.routing import Facts, Rule, route

# A hold and a lack of deciders are about one wait; they end with it.
NOT_HELD = {"held_at": None, "held_by": None, "hold_reason": "", "stranded_at": None}


def rule_for(version: PolicyVersion, facts: Facts) -> Rule:
    """The first rule that matches. Raise `NoPolicy`: without a rule nothing is ever approved."""
    rule = route(version.rules, facts)
    if rule is None:
        raise NoPolicy(
            f"No rule of the policy “{version.policy.name}” covers this, so nobody may decide it. "
            "Nothing was recorded. Ask an administrator to add a rule."
        )
    return rule


def planned(item: ApprovalRequest, rule: Rule) -> list[Step]:
    """The steps of the current revision, not saved, none open. `NoPolicy` for a missing team."""
    return laid_out(item, rule, teams_of(rule))


def teams_of(rule: Rule) -> dict[str, Group]:
    """By name, the teams that a rule names. `NoPolicy` for a missing one."""
    wanted = {team for step in rule.steps for team in step.all_teams}
    teams = {
        team.name: team for team in Group.objects.filter(name__in=wanted).select_related("team")
    }
    missing = sorted(wanted - teams.keys())
    if missing:
        raise NoPolicy(
            f"The policy asks the team {missing[0]}, which does not exist. Nothing was recorded. "
            "Ask an administrator."
        )
    return teams


def laid_out(item: ApprovalRequest, rule: Rule, teams: Mapping[str, Group]) -> list[Step]:
    """The steps of the current revision for teams that are known, not saved, none open."""
    return [
        Step(
            item=item,
            revision=item.revision,
            number=number,
            team=teams[step.team],
            also_ids=[teams[name].pk for name in step.also],
            quorum=step.quorum,
            due_after_s=step.due_after_s,
            warn_after_s=step.warn_after_s,
            hours_of=teams[step.hours_of] if step.hours_of else None,
            person_present=step.person_present,
            with_previous=step.with_previous,
            escalations=[
                {"after_s": one.after_s, "do": one.do, "to": one.to} for one in step.escalations
            ],
        )
        for number, step in enumerate(rule.steps, start=1)
    ]


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


def approved(item: ApprovalRequest, at: datetime) -> dict:
    """All approvals are there: as fields of the request, when it starts."""
    delay = timedelta(seconds=item.start_delay_s / settings.WAITING_IS_DIVIDED_BY)
    return {**waits_for_nobody(at), "starts_at": at + delay}


def prepare_effect(item: ApprovalRequest) -> None:
    """Make the one effect of an approved request ready and ask for the job that starts it.

    The key is made once and never changes. Approved anew after taking back, the same effect
    carries the revision that is approved now; nothing was sent under the earlier one.
    """
    effect, is_new = Effect.objects.get_or_create(item=item, defaults=first_effect(item))
    if not is_new:
        effect.revision = item.revision
        effect.content_hash = item.content_hash
        effect.save()
    jobs.wake(item.pk, item.starts_at)


def first_effect(item: ApprovalRequest) -> dict:
    """The fields of the effect of a request that was never approved before."""
    return {
        "key": f"aq-{item.ref}-{uuid.uuid4().hex[:12]}",
        "revision": item.revision,
        "content_hash": item.content_hash,
        "max_attempts": item.max_attempts,
    }


def _after(step: Step, at: datetime, seconds: int | None) -> datetime | None:
    """By the clock, or in the working hours of the team that the step names."""
    if seconds is None:
        return None
    team = getattr(step.hours_of, "team", None)
    if team is not None and (late := hours.after(team, at, timedelta(seconds=seconds))):
        return late
    return at + timedelta(seconds=seconds)
