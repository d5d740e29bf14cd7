"""What pages read of policies, their versions and drafts."""

from django.db.models import Count, Prefetch, Q, QuerySet

from accounts.access import Access
from accounts.models import Team
from approvals.models import OPEN, ApprovalRequest, Policy, PolicyVersion, Queue, State
from approvals.rules import SEEING
from policies.models import Draft, DraftState

MOST_VERSIONS = 100
MOST_MOVED = 100


def sees(person: Access) -> bool:
    """Policies are for who sees requests, manages a policy or administers."""
    return person.is_staff or bool(person.queues_with(*SEEING, "manage_policy"))


def policies() -> QuerySet[Policy]:
    """By name, each with its live version, its queues and how many drafts are open."""
    is_open = Q(drafts__state=DraftState.OPEN)
    return (
        Policy.objects.exclude(live=None)
        .select_related("live__loaded_by")
        .prefetch_related(Prefetch("queues", Queue.objects.order_by("name")))
        .annotate(open_drafts=Count("drafts", filter=is_open))
        .order_by("name")
    )


def versions(policy: Policy) -> QuerySet[PolicyVersion]:
    return policy.versions.select_related("loaded_by", "draft__created_by").order_by("-number")[
        :MOST_VERSIONS
    ]


def open_drafts(policy: Policy) -> QuerySet[Draft]:
    return policy.drafts.filter(state=DraftState.OPEN).select_related("created_by", "based_on")


def draft(slug: str, pk: int) -> Draft | None:
    found = Draft.objects.select_related(
        "policy__live", "based_on", "created_by", "ended_by", "published_as"
    ).prefetch_related("policy__queues")
    return found.filter(policy__slug=slug, pk=pk).first()


def team_names() -> list[str]:
    return list(Team.objects.exclude(name="").order_by("name").values_list("name", flat=True))


def on_older_versions(policy: Policy) -> QuerySet[ApprovalRequest]:
    """Requests that wait for approval under a version that is not live, the oldest first."""
    return (
        ApprovalRequest.objects.filter(queue__policy=policy, state=State.PENDING)
        .exclude(policy_version=policy.live)
        .select_related("queue", "policy_version", "requested_by")
        .order_by("created_at", "id")
    )


def open_by_version(policy: Policy) -> dict[int, int]:
    """By version, how many open requests are under it."""
    rows = ApprovalRequest.objects.filter(policy_version__policy=policy, state__in=OPEN)
    counted = rows.order_by().values("policy_version").annotate(n=Count("pk"))
    return dict(counted.values_list("policy_version", "n"))
