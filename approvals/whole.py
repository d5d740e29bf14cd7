"""A request together with everything that explaining it reads, and the same under its lock."""

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet

from accounts.kept_queries import Kept, Slot
from accounts.models import Ceiling
from approvals.deciders import is_among
from approvals.models import ApprovalRequest, Decision, Settlement, Step
from approvals.models.request import KNOWN


def requests() -> QuerySet[ApprovalRequest]:
    """Requests with everything that explaining them reads; the number of queries is constant."""
    settlements = Settlement.objects.select_related("proposed_by")
    return _joined().prefetch_related(
        with_steps(),
        Prefetch("decisions", _decisions(), to_attr=KNOWN["decisions"]),
        Prefetch("settlements", settlements, to_attr=KNOWN["settlements"]),
    )


def with_steps() -> Prefetch:
    """What a query for requests prefetches so that their steps are known."""
    return Prefetch("all_steps", _steps(), to_attr=KNOWN["all_steps"])


def locked(ref: str) -> ApprovalRequest | None:
    """The request and what is joined to it, its row locked until the transaction ends.

    Read anew once the lock is there: whoever held it may have changed what it is joined to.
    """
    found = _LOCK(ref=ref)
    return _READ(pk=found[0][0])[0] if found else None


def read_steps(item: ApprovalRequest) -> None:
    """Read its steps and decisions, for good."""
    item.known_steps = _STEPS(item=item.pk)
    item.known_decisions = _DECISIONS(item=item.pk)


def fill(item: ApprovalRequest) -> None:
    """Read what else belongs to a locked request that waits for decisions, for good.

    It was never sent, so nobody has found anything out about it.
    """
    read_steps(item)
    item.known_settlements = []


def add(decision: Decision) -> None:
    """A new decision stands among those that were read of its request, as the last."""
    decision.item.known_decisions.append(decision)


def _joined() -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.select_related(
        "queue",
        "requested_by",
        "owner",
        "decided_by",
        "held_by",
        "glass_by",
        "effect",
        "policy_version__policy",
        "waiting_team__team",
    )


def _steps() -> QuerySet[Step]:
    return Step.objects.select_related("team", "hours_of")


def _decisions() -> QuerySet[Decision]:
    return Decision.objects.select_related("decided_by", "covered", "glass")


def _is_capped() -> Exists:
    """Whether a ceiling stands over one of the teams whose members may decide the step."""
    is_further = is_among(F("team"), OuterRef("also_ids"))
    return Exists(Ceiling.objects.filter(Q(team=OuterRef("team")) | Q(is_further)))


def _lock(ref: Slot) -> QuerySet:
    return ApprovalRequest.objects.select_for_update().filter(ref=ref).values_list("pk")


_LOCK = Kept(_lock, "ref")
_READ = Kept(lambda pk: _joined().filter(pk=pk), "pk")
_STEPS = Kept(lambda item: _steps().annotate(is_capped=_is_capped()).filter(item=item), "item")
_DECISIONS = Kept(lambda item: _decisions().filter(item=item), "item")
