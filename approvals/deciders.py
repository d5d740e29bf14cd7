"""Who may decide an open step, as a condition for queries: the same as `may("approve", …)`.

Cover adds nobody where there was nobody: a seat that can be taken for somebody is one from which they
could decide themselves.
"""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import LessThan

from accounts import access, grants, holding
from accounts.access import Access
from accounts.models import Cover, Membership, User
from approvals.models import Choice, Decision, Queue, Step


def who_may_decide(
    *, by_token: bool = False, in_place_by: uuid.UUID | None = None
) -> QuerySet[Membership]:
    """Memberships whose person may decide an open step of the outer request.

    `by_token`: not where a person has to be present. `in_place_by`: where this person could do so for
    them, who must not have been heard either.
    """
    is_contributor = Func(
        OuterRef("contributor_keys"),
        Cast("user__person_key", TextField()),
        function="jsonb_exists",
        output_field=BooleanField(),
    )
    without_money = Func(
        OuterRef("amount"), template="(%(expressions)s IS NULL)", output_field=BooleanField()
    )
    found = Membership.objects.filter(
        Q(limit_amount=None)
        | Q(without_money)
        | Q(limit_currency=OuterRef("currency"), limit_amount__gte=OuterRef("amount")),
        grants.holds(
            "decide_request", Queue, user=OuterRef("user"), object_id=OuterRef(OuterRef("queue"))
        ),
        Q(group=OuterRef("waiting_team")) | Q(is_among(F("group"), OuterRef("also_waiting_ids"))),
        ~Q(user__person_key=OuterRef("requester_key")),
        ~Q(is_contributor),
        user__is_active=True,
        user__is_service=False,
    )
    if in_place_by is None:
        found = found.exclude(holding.is_running("user__"))
    is_parallel = ExpressionWrapper(OuterRef("is_parallel"), output_field=BooleanField())
    one, several = _of_one_step(by_token, in_place_by), _of_several(by_token, in_place_by)
    return found.filter(Q(~Q(is_parallel), one) | Q(Q(is_parallel), several))


def is_among(value: object, ids: object) -> Func:
    """Whether an id is one of an array, as a condition."""
    return Func(
        ExpressionWrapper(value, output_field=BigIntegerField()),
        ids,
        template="(%(expressions)s))",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )


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


def may_with_glass(person: Access) -> Q:
    """Requests whose open step this person may decide because they broke the glass."""
    heard = Decision.objects.filter(
        Q(person_key=person.person_key),
        item=OuterRef("item"),
        revision=OuterRef("revision"),
        voided_at=None,
    )
    distinct = Q(item__distinct_people=True)
    steps = Step.objects.filter(
        ~Q(Exists(heard.filter(Q(step=OuterRef("number")) | distinct))),
        item=OuterRef("pk"),
        revision=OuterRef("revision"),
        opened_at__isnull=False,
        closed_at=None,
    )
    return (
        Q(
            Exists(steps),
            glass_by=person.user_id,
            queue__in=person.queues_with("break_glass"),
        )
        & ~Q(requester_key=person.person_key)
        & ~Q(contributor_keys__contains=[str(person.person_key)])
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
    able = who_may_decide().annotate(one=Value(1)).values("one")
    people = able.annotate(people=Count("user__person_key", distinct=True)).values("people")
    too_few = LessThan(
        Coalesce(Subquery(people), 0) + Coalesce(Subquery(_counted(given)), 0), Subquery(quorum)
    )
    return Q(Q(is_parallel=False), too_few) | Q(~Exists(who_may_decide()), is_parallel=True)


def _counted(rows: QuerySet) -> QuerySet:
    return rows.order_by().annotate(one=Value(1)).values("one").annotate(n=Count("pk")).values("n")


def _of_one_step(by_token: bool, in_place_by: uuid.UUID | None) -> Q:
    """The only open step of the outer request takes the membership's person."""
    heard = _spoken(depth=2, in_place_by=in_place_by).filter(
        _counts_for(OuterRef(OuterRef("step")), depth=2)
    )
    able = ~Q(Exists(heard))
    if by_token:
        here = Step.objects.filter(
            item=OuterRef(OuterRef("pk")),
            revision=OuterRef(OuterRef("revision")),
            number=OuterRef(OuterRef("step")),
            person_present=True,
        )
        able &= ~Q(Exists(here))
    return able


def _of_several(by_token: bool, in_place_by: uuid.UUID | None) -> Q:
    """One of the steps that are open at the same time takes them, in a team of its own."""
    heard = _spoken(depth=3, in_place_by=in_place_by).filter(
        _counts_for(OuterRef("number"), depth=3)
    )
    steps = Step.objects.filter(
        Q(team=OuterRef("group")) | Q(is_among(OuterRef("group"), F("also_ids"))),
        ~Q(Exists(heard)),
        item=OuterRef(OuterRef("pk")),
        revision=OuterRef(OuterRef("revision")),
        opened_at__isnull=False,
        closed_at=None,
    )
    return Q(Exists(steps.filter(person_present=False) if by_token else steps))


def _spoken(*, depth: int, in_place_by: uuid.UUID | None) -> QuerySet[Decision]:
    """Decisions of the membership's person, or from their seat, that stand for this revision."""
    person = _out("user__person_key", depth - 1)
    speakers = Q(person_key=person) | Q(voice=person)
    if in_place_by is not None:
        speakers |= Q(person_key=in_place_by)
    return Decision.objects.filter(
        speakers,
        item=_out("pk", depth),
        revision=_out("revision", depth),
        voided_at=None,
    )


def _counts_for(step: OuterRef, *, depth: int) -> Q:
    """Decisions on this step; on any, where each step needs other people."""
    distinct = ExpressionWrapper(_out("distinct_people", depth), output_field=BooleanField())
    return Q(step=step) | Q(distinct)


def _out(name: str, depth: int) -> OuterRef:
    """A column of the query that is so many levels further out."""
    found: object = name
    for _ in range(depth):
        found = OuterRef(found)
    return found
