"""Moving an open request to the live version of its policy: recorded, previewed, and asked anew.

Open requests keep the version that they were asked under. Who manages the policy can move one: its
content stays, its approvals count no longer, and whoever moved it may not decide it.
"""

from dataclasses import dataclass

from approvals import asked, reach, routing, stages
from approvals.asked import facts_of
from approvals.commands import steps
from approvals.commands.frame import Running, command, required
from approvals.deciders import candidates
from approvals.events import Action
from approvals.models import ApprovalRequest, Decision, PolicyVersion, State, Step
from approvals.recent import Asked
from approvals.refusals import Invalid, NoPolicy
from approvals.routing import Facts, Rule


@dataclass(frozen=True)
class Preview:
    """What would become of a request; `refusal` says why it cannot be moved, or ""."""

    item: ApprovalRequest
    was: Rule | None
    rule: Rule | None
    refusal: str = ""

    @property
    def changes(self) -> bool:
        """Whether it would need other approvals than it does now."""
        return self.was is None or self.rule is None or self.was.steps != self.rule.steps


def preview(item: ApprovalRequest, to: PolicyVersion) -> Preview:
    """Changes nothing."""
    was = next((rule for rule in item.policy_version.rules if rule.name == item.policy_rule), None)
    rule = routing.route(to.rules, _facts(item, to))
    if rule is None:
        return Preview(item, was, None, "No rule of the new version covers it.")
    if not rule.steps:
        return Preview(item, was, rule, "Nobody would have to approve it: moving approves nothing.")
    return Preview(item, was, rule)


@command(
    "move_policy", phrase="move it to another version of the policy", from_states=[State.PENDING]
)
def move_policy(running: Running, *, to: int, reason: str) -> None:
    """To version `to`, which must be the live one."""
    item = running.item
    running.check_allowed()
    why = required("reason", reason, "Say why it is moved. Whoever decides it reads it.")
    live = item.queue.policy.live
    if live.number != to:
        raise Invalid({"to": f"Version {live.number} is live now. Look at what it would change."})
    if item.policy_version_id == live.pk:
        raise Invalid({"to": f"{item.ref} is under version {to} already."})
    found = preview(item, live)
    if found.refusal:
        raise NoPolicy(f"{item.ref} stays: {found.refusal}")
    before, facts = item.policy_version.number, _facts(item, live)
    _lay_anew(running, live, found.rule, facts)
    laid = steps.planned(item, found.rule)
    people = candidates({team for step in laid for team in step.team_ids}, running.at)
    lacks = reach.said(reach.lacks(item, laid, people))
    waiting = stages.opened(stages.first_stage(laid), running.at)
    Step.objects.bulk_create(laid)
    running.commit(
        Action.MOVE_POLICY,
        sentence=" ".join(
            [f"{item.ref} is under version {to}. Approvals are asked for anew.", *lacks]
        ),
        reason=why,
        changes=[{"field": "Policy version", "before": str(before), "after": str(to)}],
        facts={"from": before, "to": to, "rule": found.rule.name},
        **waiting,
    )


def _lay_anew(running: Running, to: PolicyVersion, rule: Rule, facts: Facts) -> None:
    """The same content under other rules: a revision of its own, so that no old vote counts."""
    item = running.item
    Decision.objects.filter(item=item, voided_at=None).update(voided_at=running.at)
    item.move_policy()
    item.policy_version = to
    item.revision += 1
    item.routed_by = asked.kept(facts)
    item.contributor_keys = sorted({*item.contributor_keys, str(running.access.person_key)})
    steps.follow(item, rule, running.at)


def _facts(item: ApprovalRequest, to: PolicyVersion) -> Facts:
    """As when it was asked; what only the new rules look at, as of then."""
    wanted = Asked(
        kind=item.kind,
        amount=item.amount,
        currency=item.currency,
        customer=item.customer,
        person_key=item.requester_key,
        team_ids=tuple(item.requested_by.memberships.values_list("group", flat=True)),
        item_id=item.pk,
    )
    teams = facts_of(item).requester_teams
    return asked.facts(wanted, teams=teams, origin=item.origin, rules=to.rules, at=item.created_at)
