"""What is wrong with a draft: its table against the teams, kinds and rights that there are."""

from django.db.models import Count, OuterRef, Q

from accounts import grants
from accounts.models import Membership, Team
from approvals.models import Policy, Queue
from approvals.policy_lint import Finding, TeamFacts, lint
from approvals.policy_table import parse
from policies.models import Draft


def findings(draft: Draft) -> list[Finding]:
    return lint_table(draft.policy, draft.table)


def lint_table(policy: Policy, table: list) -> list[Finding]:
    return lint(parse(table), teams=teams_for(policy), served=served_by(policy))


def errors(draft: Draft) -> list[str]:
    """Sentences about what stops it from being published."""
    return [found.sentence for found in findings(draft) if found.is_error]


def teams_for(policy: Policy) -> dict[str, TeamFacts]:
    """All teams, with how many of their people could approve in a queue of this policy."""
    queues = Queue.objects.filter(policy=policy).order_by().values("pk")
    can = grants.holds_any("decide_request", Queue, user=OuterRef("user"), objects_in=queues)
    able = Membership.objects.filter(can, user__is_active=True, user__is_service=False)
    counted = dict(
        able.order_by()
        .values("group")
        .annotate(people=Count("user__person_key", distinct=True))
        .values_list("group", "people")
    )
    found = Team.objects.filter(~Q(name="")).values_list("pk", "name")
    return {name: TeamFacts(name, counted.get(pk, 0)) for pk, name in found}


def served_by(policy: Policy) -> set[str]:
    """The kinds that are asked for in its queues."""
    return {kind for queue in policy.queues.all() for kind in queue.kinds}
