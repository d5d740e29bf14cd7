"""Laying out and opening the steps of a revision, and what follows when the last one closes."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import Group

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
    """By name, the teams that a rule asks. `NoPolicy` for a missing one."""
    wanted = {step.team for step in rule.steps}
    teams = {team.name: team for team in Group.objects.filter(name__in=wanted)}
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
            quorum=step.quorum,
            due_after_s=step.due_after_s,
            warn_after_s=step.warn_after_s,
            person_present=step.person_present,
        )
        for number, step in enumerate(rule.steps, start=1)
    ]


def opened(step: Step, at: datetime) -> dict:
    """Open `step`, not saved, and say as fields of the request what it waits for now."""
    step.opened_at = step.opened_at or at
    step.closed_at = None
    return {
        "step": step.number,
        "waiting_team": step.team,
        "waiting_since": at,
        "due_at": _after(step.opened_at, step.due_after_s),
        "warn_at": _after(step.opened_at, step.warn_after_s),
        "starts_at": None,
        **NOT_HELD,
    }


def waits_for_nobody(at: datetime) -> dict:
    return {
        "step": None,
        "waiting_team": None,
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


def _after(at: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else at + timedelta(seconds=seconds)
