"""Who may decide an open step: conditions for queries, and the people themselves."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    UUIDField,
    Value,
)
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import LessThan

from accounts import access
from accounts.access import Access
from accounts.kept_queries import Slot, given, is_among
from accounts.models import Cover, Membership, User
from approvals.models import Choice, Decision, Queue, Step
from approvals.seats import Deciders, MayDecide, decides_now, everybody, of_person


def somebody_may_decide() -> Q:
    """Requests with an open step that somebody may decide, in the browser, without breaking the glass."""
    return Q(MayDecide(everybody()))


def can_decide(person: Access) -> Q:
    """Requests with an open step that this person may decide, as `may("approve", …)` says."""
    able = Q(MayDecide(of_person(person)))
    if person.auth_method == "token" or not decides_now(person):
        return able
    queues = person.queues_with("break_glass")
    return able | may_with_glass(person.user_id, person.person_key, queues) if queues else able


def candidates(teams: Collection[int], at: datetime, *, also: Collection[int] = ()) -> list[Access]:
    """Members of these teams, whoever covers one of them, and these users, by name; one query or none."""
    if not teams and not also:
        return []
    covering = Cover.objects.filter(Cover.running(at), person__memberships__group__in=teams)
    members = Membership.objects.filter(group__in=teams)
    users = User.objects.filter(
        Q(pk__in=members.values("user"))
        | Q(pk__in=covering.order_by().values("by"))
        | Q(pk__in=[*also])
    )
    return access.of_all(users, Queue, at=at)


def may_with_glass(user: int | Slot, key: UUID | Slot, queues: list[int] | Slot) -> Q:
    """Requests whose open step this person may decide because they broke the glass, in these queues."""
    heard = Decision.objects.filter(
        person_key=key, item=OuterRef("item"), revision=OuterRef("revision"), voided_at=None
    )
    distinct = Q(item__distinct_people=True)
    steps = Step.objects.filter(
        ~Q(Exists(heard.filter(Q(step=OuterRef("number")) | distinct))),
        item=OuterRef("pk"),
        revision=OuterRef("revision"),
        opened_at__isnull=False,
        closed_at=None,
    )
    is_contributor = Func(
        F("contributor_keys"),
        Cast(given(key, UUIDField()), TextField()),
        function="jsonb_exists",
        output_field=BooleanField(),
    )
    # PostgreSQL asks from left to right until something is false, which a comparison with nothing is not.
    return (
        Q(glass_by__isnull=False)
        & Q(is_among(F("queue"), queues), glass_by=user)
        & ~Q(requester_key=key)
        & ~Q(is_contributor)
        & Q(Exists(steps))
    )


def lacks_deciders() -> Q:
    """Fewer people may decide the open step of a request than it still needs.

    Of several that are open together only whether anybody may decide one.
    """
    here = {
        "item": OuterRef("pk"),
        "revision": OuterRef("revision"),
    }
    quorum = Step.objects.filter(**here, number=OuterRef("step")).values("quorum")[:1]
    given = Decision.objects.filter(
        **here, step=OuterRef("step"), voided_at=None, choice=Choice.APPROVE
    )
    too_few = LessThan(
        Deciders(everybody()) + Coalesce(Subquery(_counted(given)), 0), Subquery(quorum)
    )
    return Q(Q(is_parallel=False), too_few) | Q(~somebody_may_decide(), is_parallel=True)


def _counted(rows: QuerySet) -> QuerySet:
    return rows.order_by().annotate(one=Value(1)).values("one").annotate(n=Count("pk")).values("n")
