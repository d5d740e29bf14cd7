"""Laying out the steps of a revision, and what follows when the last one closes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import Group

from accounts.access import Access
from approvals import asked, jobs, recent, routing, stages
from approvals.models import ApprovalRequest, Effect, PolicyVersion, Step, first_effect
from approvals.policy_table import MalformedPolicy
from approvals.recent import Asked
from approvals.refusals import NoPolicy
from approvals.routing import Facts, Rule


class Chosen(NamedTuple):
    """The rule that a request falls under, and the facts by which it does."""

    rule: Rule
    facts: Facts


def chosen(
    version: PolicyVersion,
    wanted: Asked,
    person: Access,
    origin: str,
    *,
    at: datetime,
    alone: bool = False,
) -> Chosen:
    """The first rule that matches. Raise `NoPolicy`: without a rule nothing is ever approved.

    `alone`: until the transaction ends nobody else asks for what is counted together with this.
    """
    rules = _rules_of(version)
    if alone:
        recent.lock(routing.windows(rules), wanted)
    teams = frozenset(member.team for member in person.teams.values())
    facts = asked.facts(wanted, teams=teams, origin=origin, rules=rules, at=at)
    rule = routing.route(rules, facts)
    if rule is None:
        raise NoPolicy(
            f"No rule of the policy “{version.policy.name}” covers this, so nobody may decide it. "
            "Nothing was recorded. Ask an administrator to add a rule."
        )
    return Chosen(rule, facts)


def _rules_of(version: PolicyVersion) -> list[Rule]:
    try:
        return version.rules
    except MalformedPolicy as malformed:
        raise NoPolicy(
            f"The policy “{version.policy.name}” cannot be read, so nobody may decide it. "
            "Nothing was recorded. Ask an administrator."
        ) from malformed


def follow(item: ApprovalRequest, rule: Rule, at: datetime) -> None:
    """What the rule says of a request that is asked for at `at`, beside its steps."""
    item.policy_rule = rule.name
    item.distinct_people = rule.distinct_people
    item.start_delay_s = rule.start_delay_s
    item.max_attempts = rule.max_attempts
    item.expires_at = at + timedelta(seconds=rule.expires_after_s) if rule.expires_after_s else None


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


def approved(item: ApprovalRequest, at: datetime) -> dict:
    """All approvals are there: as fields of the request, when it starts."""
    delay = timedelta(seconds=item.start_delay_s / settings.WAITING_IS_DIVIDED_BY)
    return {**stages.waits_for_nobody(at), "starts_at": at + delay}


def prepare_effect(item: ApprovalRequest) -> None:
    """Make the one effect of an approved request ready and ask for the job that starts it.

    The key never changes. Approved anew after taking back, the same effect carries the revision that
    is approved now; nothing was sent under the earlier one.
    """
    effect = getattr(item, "effect", None)
    if effect is None:
        Effect.add(item=item, **first_effect(item))
    else:
        effect.revision, effect.content_hash = item.revision, item.content_hash
        effect.save_changes()
    jobs.wake(item.pk, item.starts_at, item.kind)
