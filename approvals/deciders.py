"""Who may decide an open step, as a condition for queries: the same as `may("approve", …)`.

Cover adds nobody where there was nobody: a seat that can be taken for somebody is one from which they
could decide themselves.
"""

from collections.abc import Collection, Mapping
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
from accounts.access import Access, Covered, Member
from accounts.models import Cover, Membership, User
from approvals.models import Choice, Decision, Queue, Step


def who_may_decide() -> QuerySet[Membership]:
    """Memberships whose person may decide an open step of the outer request, in the browser."""
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
        ~holding.is_running("user__"),
        user__is_active=True,
        user__is_service=False,
    )
    is_parallel = ExpressionWrapper(OuterRef("is_parallel"), output_field=BooleanField())
    return found.filter(Q(~Q(is_parallel), _of_one_step()) | Q(Q(is_parallel), _of_several()))


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


def may_from_seat(
    seat: Access | Covered,
    *,
    queues: Collection[int],
    by_token: bool = False,
    spoken_by: Access | None = None,
) -> Q:
    """Requests whose open step can be decided from this seat, by whom it is or by who covers them.

    The same as `who_may_decide`, with what is known of one person put in instead of asked for each
    request. `queues`: where they decide.
    """
    people = [seat] if spoken_by is None else [seat, spoken_by]
    theirs = Q(queue__in=queues)
    for person in people:
        theirs &= ~Q(requester_key=person.person_key)
        theirs &= ~Q(contributor_keys__contains=[str(person.person_key)])
    heard = Q(voice=seat.person_key) | Q(person_key__in=[one.person_key for one in people])
    able = Q(pk__in=())
    for limit, teams in _by_limit(seat.teams).items():
        able |= _within(limit) & _waits_for(teams, heard, by_token)
    return theirs & able


def _by_limit(teams: Mapping[int, Member]) -> dict[tuple[int | None, str], list[int]]:
    """Teams by the limit that the member has in them: an amount and its currency."""
    found: dict[tuple[int | None, str], list[int]] = {}
    for pk, member in teams.items():
        found.setdefault((member.limit_amount, member.limit_currency), []).append(pk)
    return found


def _within(limit: tuple[int | None, str]) -> Q:
    amount, currency = limit
    return Q() if amount is None else Q(amount=None) | Q(currency=currency, amount__lte=amount)


def _waits_for(teams: list[int], heard: Q, by_token: bool) -> Q:
    """One of these teams may decide an open step on which nobody of whom `heard` tells has spoken."""
    spoken = Decision.objects.filter(
        heard, item=OuterRef("pk"), revision=OuterRef("revision"), voided_at=None
    ).filter(Q(step=OuterRef("step")) | Q(_distinct(depth=1)))
    waits = Q(waiting_team__in=teams) | Q(also_waiting_ids__overlap=teams)
    one = Q(is_parallel=False) & waits & ~Q(Exists(spoken))
    here = Step.objects.filter(item=OuterRef("pk"), revision=OuterRef("revision"))
    if by_token:
        one &= ~Q(Exists(here.filter(number=OuterRef("step"), person_present=True)))
        here = here.filter(person_present=False)
    spoken_there = Decision.objects.filter(
        heard, item=OuterRef("item"), revision=OuterRef("revision"), voided_at=None
    ).filter(Q(step=OuterRef("number")) | Q(_distinct(depth=2)))
    open_there = here.filter(
        Q(team__in=teams) | Q(also_ids__overlap=teams),
        ~Q(Exists(spoken_there)),
        opened_at__isnull=False,
        closed_at=None,
    )
    return one | Q(is_parallel=True) & waits & Q(Exists(open_there))


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
    # PostgreSQL asks from left to right until something is false, which a comparison with nothing is not.
    return (
        Q(glass_by__isnull=False)
        & Q(glass_by=person.user_id, queue__in=person.queues_with("break_glass"))
        & ~Q(requester_key=person.person_key)
        & ~Q(contributor_keys__contains=[str(person.person_key)])
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
    able = who_may_decide().annotate(one=Value(1)).values("one")
    people = able.annotate(people=Count("user__person_key", distinct=True)).values("people")
    too_few = LessThan(
        Coalesce(Subquery(people), 0) + Coalesce(Subquery(_counted(given)), 0), Subquery(quorum)
    )
    return Q(Q(is_parallel=False), too_few) | Q(~Exists(who_may_decide()), is_parallel=True)


def _counted(rows: QuerySet) -> QuerySet:
    return rows.order_by().annotate(one=Value(1)).values("one").annotate(n=Count("pk")).values("n")


def _of_one_step() -> Q:
    """The only open step of the outer request takes the membership's person."""
    heard = _spoken(depth=2).filter(_counts_for(OuterRef(OuterRef("step")), depth=2))
    return ~Q(Exists(heard))


def _of_several() -> Q:
    """One of the steps that are open at the same time takes them, in a team of its own."""
    heard = _spoken(depth=3).filter(_counts_for(OuterRef("number"), depth=3))
    steps = Step.objects.filter(
        Q(team=OuterRef("group")) | Q(is_among(OuterRef("group"), F("also_ids"))),
        ~Q(Exists(heard)),
        item=OuterRef(OuterRef("pk")),
        revision=OuterRef(OuterRef("revision")),
        opened_at__isnull=False,
        closed_at=None,
    )
    return Q(Exists(steps))


def _spoken(*, depth: int) -> QuerySet[Decision]:
    """Decisions of the membership's person, or from their seat, that stand for this revision."""
    person = _out("user__person_key", depth - 1)
    return Decision.objects.filter(
        Q(person_key=person) | Q(voice=person),
        item=_out("pk", depth),
        revision=_out("revision", depth),
        voided_at=None,
    )


def _counts_for(step: OuterRef, *, depth: int) -> Q:
    """Decisions on this step; on any, where each step needs other people."""
    return Q(step=step) | Q(_distinct(depth))


def _distinct(depth: int) -> ExpressionWrapper:
    """Whether each step of the request, which is so many levels further out, needs other people."""
    return ExpressionWrapper(_out("distinct_people", depth), output_field=BooleanField())


def _out(name: str, depth: int) -> OuterRef:
    """A column of the query that is so many levels further out."""
    found: object = name
    for _ in range(depth):
        found = OuterRef(found)
    return found
