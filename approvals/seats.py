"""Who may decide an open step, as a condition for queries: the same as `may("approve", …)`.

The rule stands once, in SQL, and is asked of seats: a seat is a place from which one person decides in
one queue for one team. Asked of everybody's seats it says whether anybody may decide a request; asked of
one person's, whether they may. Seats are found once for each query, however many requests it looks at.

Who is covered may be unable to decide themselves, as for a day after their sign-in was renewed, so a
seat that is covered counts with each who may speak from it.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Expression,
    F,
    Field,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
)
from django.db.models.functions import Now
from django.db.models.sql.compiler import SQLCompiler

from accounts import grants, holding
from accounts.access import Access
from accounts.kept_queries import Slot
from accounts.models import Cover, Membership
from approvals.models import Queue

# `person_key` is whose seat it is, `speaker_key` who speaks from it: themselves, or who covers them.
SEAT = {
    "queue_id": "bigint",
    "team_id": "bigint",
    "person_key": "uuid",
    "speaker_key": "uuid",
    "limit_amount": "bigint",
    "limit_currency": "text",
}

# Braces name columns of the request. Of steps that are open together, any will do.
RULE = """
FROM {seats}
WHERE seat.queue_id = {queue}
    AND (seat.limit_amount IS NULL OR {amount} IS NULL
        OR (seat.limit_currency = {currency} AND seat.limit_amount >= {amount}))
    AND {requester_key} NOT IN (seat.person_key, seat.speaker_key)
    AND NOT jsonb_exists_any(
        {contributor_keys}, ARRAY[seat.person_key::text, seat.speaker_key::text])
    AND CASE WHEN {is_parallel} THEN EXISTS (
            SELECT 1 FROM approvals_step AS step
            WHERE step.item_id = {id} AND step.revision = {revision}
                AND step.opened_at IS NOT NULL AND step.closed_at IS NULL
                AND (step.team_id = seat.team_id OR seat.team_id = ANY (step.also_ids))
                {and_no_presence}
                AND NOT EXISTS ({heard} AND (decision.step = step.number OR {distinct_people})))
        ELSE (seat.team_id = {waiting_team} OR seat.team_id = ANY ({also_waiting_ids}))
            {and_no_presence_here}
            AND NOT EXISTS ({heard} AND (decision.step = {step} OR {distinct_people}))
    END
"""
HEARD = """
SELECT 1 FROM approvals_decision AS decision
WHERE decision.item_id = {id} AND decision.revision = {revision} AND decision.voided_at IS NULL
    AND (decision.voice = seat.person_key
        OR decision.person_key = seat.speaker_key)
"""
# A program has a token and nobody who is present.
NO_PRESENCE = "AND NOT step.person_present"
NO_PRESENCE_HERE = """
AND NOT EXISTS (
    SELECT 1 FROM approvals_step AS step
    WHERE step.item_id = {id} AND step.revision = {revision} AND step.number = {step}
        AND step.person_present)
"""
COLUMNS = (
    "id",
    "queue",
    "amount",
    "currency",
    "requester_key",
    "contributor_keys",
    "is_parallel",
    "revision",
    "step",
    "distinct_people",
    "waiting_team",
    "also_waiting_ids",
)


class Seats(NamedTuple):
    """A table of seats for a query: its text and values. `by_token`: a program speaks from them."""

    table: str
    values: tuple
    by_token: bool = False


@functools.cache
def everybody() -> Seats:
    """Of everybody who may decide anything now, in the browser, but for who broke the glass.

    PostgreSQL works out what is `MATERIALIZED` once for each query, and not for each request.
    """
    found = _own_seats().union(_covered_seats(), all=True)
    text, params = found.query.get_compiler(connection=connection).as_sql()
    names = ", ".join(SEAT)
    once = f"(WITH seats ({names}) AS MATERIALIZED ({text}) SELECT * FROM seats) AS seat"  # noqa: S608 -- a query of ours
    return Seats(once, tuple(params))


def _own_seats() -> QuerySet:
    return Membership.objects.filter(*_decide("user")).values_list(
        _each(_decided_by("user")),
        "group",
        "user__person_key",
        "user__person_key",
        "limit_amount",
        "limit_currency",
    )


def _covered_seats() -> QuerySet:
    """Who is covered may be held: who covers them is not."""
    lent = Cover.queues.through.objects.filter(cover=OuterRef(OuterRef("pk"))).values("queue")
    both = _decided_by("person").filter(pk__in=lent) & _decided_by("by")
    return Cover.objects.filter(
        Cover.running(Now()),
        *_decide("by"),
        person__is_active=True,
        person__is_service=False,
        person__memberships__isnull=False,
    ).values_list(
        _each(both),
        "person__memberships__group",
        "person__person_key",
        "by__person_key",
        "person__memberships__limit_amount",
        "person__memberships__limit_currency",
    )


def _decide(who: str) -> tuple[Q, ...]:
    """As `decides_now`, of the user in this column."""
    is_able = Q(**{f"{who}__is_active": True, f"{who}__is_service": False})
    return is_able, ~holding.is_running(f"{who}__")


def _decided_by(who: str) -> QuerySet[Queue]:
    user = OuterRef(OuterRef(who))
    holds = grants.holds("decide_request", Queue, user=user, object_id=OuterRef("pk"))
    return Queue.objects.order_by().filter(holds)


def _each(queues: QuerySet[Queue]) -> Func:
    """A row for each of them."""
    ids = ArraySubquery(queues.values("pk"))
    return Func(ids, function="unnest", output_field=BigIntegerField())


def of_person(person: Access) -> Seats:
    """Their own, and those of whom they cover, where both may decide."""
    return of_columns(columns_of(person), by_token=person.auth_method == "token")


def of_columns(columns: Mapping[str, list | Slot], *, by_token: bool) -> Seats:
    """`columns`: those of `SEAT`, each as a list; or the slots in which a kept query is sent them."""
    arrays = ", ".join(f"%s::{kind}[]" for kind in SEAT.values())
    table = f"unnest({arrays}) AS seat ({', '.join(SEAT)})"
    return Seats(table, tuple(columns[name] for name in SEAT), by_token)


def decides_now(person: Access) -> bool:
    """Whether they may decide anything at all."""
    return person.is_active and not person.is_service and not person.held_until


def columns_of(person: Access) -> dict[str, list]:
    """By column of `SEAT`, the seats of a person; none of who decides nothing now."""
    rows = list(_rows(person)) if decides_now(person) else []
    return {name: [row[place] for row in rows] for place, name in enumerate(SEAT)}


def _rows(person: Access) -> Iterator[tuple]:
    queues = person.queues_with("decide_request")
    own = (person.person_key, queues, person.teams)
    covered = [
        (one.person_key, one.queues.intersection(queues), one.teams) for one in person.covers
    ]
    for key, where, teams in (own, *covered):
        for queue in where:
            for team, member in teams.items():
                limit = (member.limit_amount, member.limit_currency)
                yield (queue, team, key, person.person_key, *limit)


class _Asked(Expression):
    """The rule, asked of seats for each request of a query."""

    head: str
    kind: type[Field]

    def __init__(self, seats: Seats) -> None:
        super().__init__(output_field=self.kind())
        self._seats = seats
        self._columns = [F(name) for name in COLUMNS]

    def get_source_expressions(self) -> list:
        return self._columns

    def set_source_expressions(self, expressions: list) -> None:
        self._columns = expressions

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple]:
        named = {
            name: compiler.compile(column)[0]
            for name, column in zip(COLUMNS, self._columns, strict=True)
        }
        by_token = self._seats.by_token
        rule = RULE.format(
            **named,
            seats=self._seats.table,
            heard=HEARD.format(**named),
            and_no_presence=NO_PRESENCE if by_token else "",
            and_no_presence_here=NO_PRESENCE_HERE.format(**named) if by_token else "",
        )
        return self.head.format(rule=rule), self._seats.values


class MayDecide(_Asked):
    """Whether an open step of the request can be decided from one of these seats."""

    head, kind = "EXISTS (SELECT 1 {rule})", BooleanField


class Deciders(_Asked):
    """How many can, at most: each from one seat, and each seat by one."""

    head, kind = (
        "(SELECT least(count(DISTINCT seat.person_key), count(DISTINCT seat.speaker_key)) {rule})",
        IntegerField,
    )
