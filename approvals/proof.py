"""Is this revision approved, by people who may say so now, under the policy it was asked under?

Asked under the request's lock at the moment of sending (I2, I4).
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.contrib.auth.models import Group

from accounts import access
from accounts.access import Access
from accounts.verdicts import ALLOWED, Verdict, denied
from approvals import routing
from approvals.content import hash_of
from approvals.models import ApprovalRequest, Choice, Decision, Effect, Queue, Step
from approvals.rules import counts_by_glass, counts_for

NOT_PROVEN = "approval-not-proven"
NOT_APPROVED = "content-not-approved"
NOT_OF_POLICY = "steps-not-of-policy"


def is_approved(item: ApprovalRequest, effect: Effect) -> Verdict:
    """Yes, or no with a cause of the catalogue as its code."""
    if item.forgotten_at is not None:
        return denied(NOT_APPROVED, f"What {item.ref} asked for was forgotten.")
    if not (hash_of(item) == item.content_hash == effect.content_hash):
        return denied(NOT_APPROVED, f"The content of {item.ref} is not what was approved.")
    if effect.revision != item.revision:
        return denied(NOT_APPROVED, f"Another revision of {item.ref} was approved.")
    steps = list(item.steps)
    if not are_the_policys(item, steps):
        return denied(NOT_OF_POLICY, f"The steps of {item.ref} are not those of its policy.")
    approvals = [
        decision
        for decision in item.decisions_for_revision
        if decision.choice == Choice.APPROVE and decision.content_hash == item.content_hash
    ]
    spoke = [person for d in approvals for person in (d.decided_by, d.covered) if person]
    people = access.of_many(spoke, Queue) if spoke else {}
    heard: set[UUID] = set()
    for step in steps:
        counted = {
            decision.person_key
            for decision in approvals
            if decision.step == step.number and _counts(item, step, decision, people)
        }
        if item.distinct_people:
            counted -= heard
            heard |= counted
        if len(counted) < step.quorum:
            return denied(NOT_PROVEN, f"{item.ref} lacks an approval that still counts.")
    return ALLOWED


def _counts(
    item: ApprovalRequest, step: Step, decision: Decision, people: Mapping[int, Access]
) -> bool:
    by = people[decision.decided_by_id]
    glass = decision.glass
    if glass is None:
        return counts_for(item, by, step.team_ids, covered=people.get(decision.covered_id))
    return (
        (glass.item_id, glass.revision, glass.opened_by_id)
        == (item.pk, decision.revision, decision.decided_by_id)
        and glass.opened_at <= decision.decided_at <= glass.until
        and counts_by_glass(item, by)
    )


def are_the_policys(item: ApprovalRequest, steps: list[Step]) -> bool:
    """Whether these are the steps that the rule of the request's policy version asks for."""
    rules: list[routing.Rule] = item.policy_version.rules
    rule = next((rule for rule in rules if rule.name == item.policy_rule), None)
    if rule is None:
        return False
    if item.distinct_people != rule.distinct_people or len(steps) != len(rule.steps):
        return False
    names = _names_of(team for step in steps for team in step.also_ids)
    return all(
        (step.team.name, step.quorum, step.with_previous)
        == (wanted.team, wanted.quorum, wanted.with_previous)
        and _is_widened_as_said(wanted, {names.get(team, "") for team in step.also_ids})
        for step, wanted in zip(steps, rule.steps, strict=True)
    )


def _is_widened_as_said(wanted: routing.Step, also: set[str]) -> bool:
    """Besides the policy's own further teams only those that it lets the clock add."""
    return {*wanted.also} <= also <= {*wanted.also, *wanted.widened_to}


def _names_of(teams: Iterable[int]) -> dict[int, str]:
    ids = set(teams)
    return dict(Group.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}
