"""A request together with everything that explaining it reads, and the same under its lock."""

from collections.abc import Sequence

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.db.models.query import ModelIterable

from accounts.kept_queries import Kept, Slot, is_among
from accounts.models import Ceiling
from approvals.models import ApprovalRequest, Decision, Settlement, Step
from approvals.models.request import KNOWN


class Requests(QuerySet):
    """Requests with everything that explaining them reads; three questions more, however many."""

    def _fetch_all(self) -> None:
        is_first = self._result_cache is None
        super()._fetch_all()
        if is_first and self._iterable_class is ModelIterable:
            _read_beside(self._result_cache)


def requests() -> Requests:
    """All of them; the number of queries is constant."""
    return _joined(Requests(ApprovalRequest))


def read(ids: QuerySet) -> list[ApprovalRequest]:
    """Those whose ids this query finds, in no order; as `requests`, with texts that are kept."""
    items = _READ_MANY.of(ids)
    _read_beside(items)
    return items


def _read_beside(items: Sequence[ApprovalRequest]) -> None:
    if not items:
        return
    ids = [item.pk for item in items]
    for name, kept in _BESIDE.items():
        of_item: dict[int, list] = {pk: [] for pk in ids}
        for row in kept(ids=ids):
            of_item[row.item_id].append(row)
        for item in items:
            setattr(item, name, of_item[item.pk])


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


def _joined(found: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    return found.select_related(
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
_READ = Kept(lambda pk: _joined(ApprovalRequest.objects).filter(pk=pk), "pk")
_READ_MANY = Kept(
    lambda ids: _joined(ApprovalRequest.objects).filter(Q(is_among(F("pk"), ids))), "ids"
)
_STEPS = Kept(lambda item: _steps().annotate(is_capped=_is_capped()).filter(item=item), "item")
_DECISIONS = Kept(lambda item: _decisions().filter(item=item), "item")


def _of_many(rows: QuerySet) -> Kept:
    return Kept(lambda ids: rows.filter(Q(is_among(F("item"), ids))), "ids")


# By where a request holds them.
_BESIDE = {
    KNOWN["all_steps"]: _of_many(_steps()),
    KNOWN["decisions"]: _of_many(_decisions()),
    KNOWN["settlements"]: _of_many(Settlement.objects.select_related("proposed_by")),
}
