"""The figures of the dashboard: counts and waits, each with the queue's address that lists the same.

Read from the tables by SQL at the moment of asking; scoped to what the reader may see. Definitions are
in docs/reference/dashboard.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import (
    Aggregate,
    Count,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    Func,
    Q,
    QuerySet,
    Value,
)

from accounts.access import Access
from approvals import stuck
from approvals.causes import cause as cause_of
from approvals.models import OPEN, ApprovalRequest, Attempt, Effect, Purpose, State, Step
from approvals.queries import WITH_PEOPLE, WITH_SYSTEMS
from approvals.rules import visible_to

PERIODS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
# How wide one column of “asked and done” is, so that a chart has 24 to 30 of them.
COLUMNS = {"24h": timedelta(hours=1), "7d": timedelta(hours=6), "30d": timedelta(days=1)}
ON_TIME_TARGET = 95  # percent of the steps with a due time

# From the newest to the oldest: since less than the first, and so on.
AGES: dict[str, tuple[timedelta | None, timedelta | None]] = {
    "1h": (None, timedelta(hours=1)),
    "4h": (timedelta(hours=1), timedelta(hours=4)),
    "24h": (timedelta(hours=4), timedelta(hours=24)),
    "more": (timedelta(hours=24), None),
}


class Median(Aggregate):
    """PostgreSQL's continuous median; None of nothing."""

    template = "percentile_cont(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


class Column(Func):
    """The beginning of the column of a chart in which a time falls."""

    function = "date_bin"
    output_field = DateTimeField()


@dataclass(frozen=True)
class Counts:
    """Requests that are open now, and those done since midnight UTC. `ages`: by age, then where
    they wait: with people, with systems."""

    open: int
    stuck: int
    due: int
    unknown: int
    done: int
    ages: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class OnTime:
    """Steps of a team that were closed in the period and had a due time."""

    team: str
    closed: int
    in_time: int

    @property
    def percent(self) -> int:
        return round(100 * self.in_time / self.closed) if self.closed else 100


@dataclass(frozen=True)
class Waits:
    """Medians over the period; None where there was none."""

    approval: timedelta | None = None
    execution: timedelta | None = None
    retry: timedelta | None = None


def of_queue(person: Access, queue: str = "") -> QuerySet[ApprovalRequest]:
    """What the figures are about: everything this person may see, or one queue of it."""
    found = ApprovalRequest.objects.filter(visible_to(person))
    return found.filter(queue__slug=queue) if queue else found


def is_aged(age: str, now: datetime) -> Q:
    """Asked for so long ago; `age` is one of `AGES`."""
    least, most = AGES[age]
    condition = Q()
    if least is not None:
        condition &= Q(created_at__lte=now - least)
    if most is not None:
        condition &= Q(created_at__gt=now - most)
    return condition


def is_due_within(length: timedelta, now: datetime) -> Q:
    return Q(due_at__gte=now, due_at__lt=now + length)


def is_done(*, since: datetime | None = None, before: datetime | None = None) -> Q:
    """Done, and confirmed from `since` on and before `before`; None leaves that end open."""
    found = Q(state=State.DONE)
    if since is not None:
        found &= Q(effect__settled_at__gte=since)
    if before is not None:
        found &= Q(effect__settled_at__lt=before)
    return found


def midnight(now: datetime) -> datetime:
    """When this day began in UTC."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def counts(found: QuerySet[ApprovalRequest], now: datetime) -> Counts:
    is_open = Q(state__in=OPEN)
    wanted = {
        "open": is_open,
        "stuck": is_open & stuck.is_stuck(now),
        "due": is_open & is_due_within(timedelta(hours=1), now),
        "unknown": Q(state=State.IN_DOUBT),
        "done": is_done(since=midnight(now)),
    }
    for age in AGES:
        wanted[f"people_{age}"] = Q(state__in=WITH_PEOPLE) & is_aged(age, now)
        wanted[f"systems_{age}"] = Q(state__in=WITH_SYSTEMS) & is_aged(age, now)
    counted = _open_or(wanted["done"], found).aggregate(
        **{name: Count("pk", filter=q) for name, q in wanted.items()}
    )
    ages = {age: (counted.pop(f"people_{age}"), counted.pop(f"systems_{age}")) for age in AGES}
    return Counts(**counted, ages=ages)


def _open_or(condition: Q, found: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    """As a union of two, each by its index: an “or” over two tables would read all there ever were."""
    either = found.filter(state__in=OPEN).values("pk").union(found.filter(condition).values("pk"))
    return ApprovalRequest.objects.filter(pk__in=either)


def flow(
    found: QuerySet[ApprovalRequest], since: datetime, width: timedelta, now: datetime
) -> list[tuple[datetime, int, int]]:
    """For each column of the period: when it begins, how many were asked for, how many got done."""
    begins = [since + width * number for number in range((now - since) // width + 1)]
    begins = [at for at in begins if at < now]
    asked = _by_column("asked", found.filter(created_at__gte=since), "created_at", since, width)
    done = _by_column(
        "done", found.filter(is_done(since=since)), "effect__settled_at", since, width
    )
    counted = {(what, at): count for what, at, count in asked.union(done, all=True)}
    return [(at, counted.get(("asked", at), 0), counted.get(("done", at), 0)) for at in begins]


def _by_column(
    what: str, found: QuerySet[ApprovalRequest], name: str, since: datetime, width: timedelta
) -> QuerySet:
    """Rows of `what`, the beginning of a column, and how many fall into it."""
    column = Column(Value(width), F(name), Value(since))
    counted = found.order_by().annotate(what=Value(what), column=column).values("what", "column")
    return counted.annotate(count=Count("pk")).values_list("what", "column", "count")


def on_time(found: QuerySet[ApprovalRequest], since: datetime) -> list[OnTime]:
    """By team, in the order of their names."""
    due = ExpressionWrapper(
        F("opened_at") + F("due_after_s") * Value(timedelta(seconds=1)),
        output_field=DateTimeField(),
    )
    lines = (
        Step.objects.filter(item__in=found, closed_at__gte=since, due_after_s__isnull=False)
        .values_list("team__name")
        .annotate(closed=Count("pk"), in_time=Count("pk", filter=Q(closed_at__lte=due)))
        .order_by("team__name")
    )
    return [OnTime(*line) for line in lines]


def retries(found: QuerySet[ApprovalRequest]) -> list[tuple[str, str, int]]:
    """Requests that retry now: cause, its words, how many; the most frequent first."""
    lines = (
        found.filter(state=State.RETRYING)
        .values_list("cause")
        .annotate(count=Count("pk"))
        .order_by("-count", "cause")
    )
    return [(code, cause_of(code).plain, count) for code, count in lines]


def waits(found: QuerySet[ApprovalRequest], since: datetime) -> Waits:
    closed = Step.objects.filter(item__in=found, closed_at__gte=since)
    sent = Attempt.objects.filter(
        effect__item__in=found, purpose=Purpose.SEND, outcome="done", finished_at__gte=since
    )
    retried = Effect.objects.filter(
        item__in=found, settled_at__gte=since, attempts__gt=1, first_sent_at__isnull=False
    )
    medians = [
        _median("approval", closed, F("closed_at") - F("opened_at")),
        _median("execution", sent, F("finished_at") - F("started_at")),
        _median("retry", retried, F("settled_at") - F("first_sent_at")),
    ]
    return Waits(**dict(medians[0].union(*medians[1:], all=True)))


def _median(what: str, found: QuerySet, length: object) -> QuerySet:
    """One row of `what` and its median, or none."""
    length = ExpressionWrapper(length, output_field=DurationField())
    return (
        found.order_by()
        .annotate(what=Value(what))
        .values("what")
        .annotate(median=Median(length))
        .values_list("what", "median")
    )


def began(period: str, now: datetime) -> datetime:
    """When the period began, at the edge of a column."""
    width = COLUMNS[period]
    edge = midnight(now) - timedelta(days=60)
    columns: int = (now - edge) // width
    return edge + width * (columns + 1) - PERIODS[period]


def totals(lines: Sequence[tuple[datetime, int, int]]) -> tuple[int, int]:
    """How many were asked for and done in all columns together."""
    return sum(asked for _, asked, _ in lines), sum(done for _, _, done in lines)
