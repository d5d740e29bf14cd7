"""What is wrong with a draft: its table against the teams, kinds and rights that there are."""

from django.utils import timezone

from accounts.models import Team
from approvals.models import Policy
from approvals.policy_lint import Finding, lint
from approvals.policy_table import parse
from policies import reachable
from policies.models import Draft


def findings(draft: Draft) -> list[Finding]:
    return lint_table(draft.policy, draft.table)


def lint_table(policy: Policy, table: list) -> list[Finding]:
    """What is wrong by itself, then what nobody could approve as things are now; by rule."""
    rules = parse(table)
    teams = {team.name: team for team in Team.objects.all()}
    found = lint(rules, teams=teams, served=served_by(policy))
    found += reachable.findings(policy, rules, teams, at=timezone.now())
    return sorted(found, key=lambda one: one.rule)


def errors(draft: Draft) -> list[str]:
    """Sentences about what stops it from being published."""
    return [found.sentence for found in findings(draft) if found.is_error]


def served_by(policy: Policy) -> set[str]:
    """The kinds that are asked for in its queues."""
    return {kind for queue in policy.queues.all() for kind in queue.kinds}
