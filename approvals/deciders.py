"""Who may decide an open step, as a condition for queries: the same as `may("approve", …)`.

Cover adds nobody where there was nobody: a seat that can be taken for somebody is one from which they
could decide themselves.
"""

import uuid

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    TextField,
)
from django.db.models.functions import Cast

from accounts import grants
from accounts.models import Membership
from approvals.models import Decision, Queue, Step


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
        Q(group=OuterRef("waiting_team")) | Q(_is_among(F("group"), OuterRef("also_waiting_ids"))),
        ~Q(user__person_key=OuterRef("requester_key")),
        ~Q(is_contributor),
        user__is_active=True,
        user__is_service=False,
    )
    is_parallel = ExpressionWrapper(OuterRef("is_parallel"), output_field=BooleanField())
    one, several = _of_one_step(by_token, in_place_by), _of_several(by_token, in_place_by)
    return found.filter(Q(~Q(is_parallel), one) | Q(Q(is_parallel), several))


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
        Q(team=OuterRef("group")) | Q(_is_among(OuterRef("group"), F("also_ids"))),
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


def _is_among(value: object, ids: object) -> Func:
    return Func(
        ExpressionWrapper(value, output_field=BigIntegerField()),
        ids,
        template="(%(expressions)s))",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )
