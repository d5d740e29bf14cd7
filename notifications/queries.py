"""The reads: what a person was told and still concerns them, in pages; how much of it is new."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.access import Access
from accounts.kept_queries import Kept, Slot
from accounts.models import User
from approvals.models import ApprovalRequest, Decision, Quarantine, State, Step
from approvals.paging import Page, page_of, place_in
from approvals.rules import visible_to
from notifications.models import Notice, Watch

PAGE = 30


def is_settled() -> Q:
    """It asked for a decision that is not asked for any more, or that this person has given."""
    spoke = Decision.objects.filter(
        item=OuterRef("item"),
        revision=OuterRef("revision"),
        step=OuterRef("step"),
        decided_by=OuterRef("user"),
        voided_at=None,
    )
    is_open = Step.objects.filter(
        item=OuterRef("item"),
        revision=OuterRef("revision"),
        number=OuterRef("step"),
        opened_at__isnull=False,
        closed_at=None,
    )
    asks = Q(Exists(is_open), item__state=State.PENDING, item__revision=F("revision")) & ~Exists(
        spoke
    )
    return Q(step__isnull=False) & ~asks


def is_new() -> Q:
    """Not read, and not settled by itself."""
    return Q(read_at=None) & ~is_settled()


def told(person: Access) -> QuerySet[Notice]:
    """What this person was told, of what they may still see."""
    visible = ApprovalRequest.objects.filter(visible_to(person), pk=OuterRef("item"))
    return Notice.objects.filter(Q(item=None) | Exists(visible), user=person.user_id)


def inbox(person: Access, *, only_new: bool, cursor: str = "") -> Page[Notice]:
    """Newest first. Raise `BadCursor` for a cursor we didn't make."""
    found = told(person).annotate(settled=is_settled()).select_related("item")
    if only_new:
        found = found.filter(is_new())
    if cursor:
        at, pk = place_in(cursor, of="inbox")
        found = found.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk))
    return page_of(
        found.order_by("-at", "-pk"),
        size=PAGE,
        of="inbox",
        place=lambda notice: [notice.at.isoformat(), notice.pk],
    )


@dataclass(frozen=True)
class Beside:
    """What every page shows: how much is new, whether its request is watched, and since when nothing
    is sent, while that is so."""

    new: int
    is_watching: bool
    quarantined_since: datetime | None


def beside(user: User, ref: str = "") -> Beside:
    """One query."""
    [row] = _BESIDE(user=user.pk, ref=ref)
    return Beside(*row)


def _beside(user: Slot, ref: Slot) -> QuerySet:
    new = (
        Notice.objects.filter(is_new(), user=OuterRef("pk"))
        .order_by()
        .values("user")
        .annotate(n=Count("pk"))
        .values("n")
    )
    watching = Watch.objects.filter(user=OuterRef("pk"), item__ref=ref)
    since = Quarantine.objects.filter(is_open=True).values("begun_at")
    return User.objects.filter(pk=user).values_list(
        Coalesce(Subquery(new, output_field=IntegerField()), 0), Exists(watching), Subquery(since)
    )


_BESIDE = Kept(_beside, "user", "ref")
