"""The reads of the failures board: open requests grouped by why they are not done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Max, Min, Q, QuerySet
from django.db.models.functions import TruncHour

from accounts.access import Access
from approvals import kinds
from approvals.causes import Cause
from approvals.causes import cause as cause_of
from approvals.models import ApprovalRequest, Attempt, State
from approvals.rules import visible_to

FAILING = (State.RETRYING, State.IN_DOUBT, State.NEEDS_PERSON)
HOURS = 24


@dataclass
class Group:
    """All open requests that fail for one cause. `trend`: failed calls an hour, oldest first.

    `next_at`: when the first of them is tried or asked about by itself. `above`: with how
    many more than that it is news to the reader, if they said so.
    """

    cause: Cause
    systems: list[str] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    held: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    next_at: datetime | None = None
    trend: list[int] = field(default_factory=lambda: [0] * HOURS)
    above: int | None = None

    @property
    def count(self) -> int:
        return sum(self.states.values())

    @property
    def has_grown(self) -> bool:
        """More than the reader wanted to be told of."""
        return self.above is not None and self.count > self.above

    @property
    def is_quiet(self) -> bool:
        """The reader knows, and it has not grown."""
        return self.above is not None and not self.has_grown


def failing(person: Access) -> QuerySet[ApprovalRequest]:
    """The open requests that failed, as far as this person sees them."""
    return ApprovalRequest.objects.filter(visible_to(person), state__in=FAILING).exclude(cause="")


def with_cause(person: Access, code: str) -> QuerySet[ApprovalRequest]:
    return failing(person).filter(cause=code)


def groups(
    person: Access, now: datetime, watched: Mapping[str, int], *, code: str = ""
) -> list[Group]:
    """One for each cause, the most urgent first; only `code` when given. Constant queries.

    `watched`: by cause, what the reader said (`counting.Counted`).
    """
    found = with_cause(person, code) if code else failing(person)
    by_code: dict[str, Group] = {}
    lines = found.values("cause", "kind", "state").annotate(
        count=Count("pk"),
        held=Count("pk", filter=Q(held_at__isnull=False)),
        since=Min("waiting_since"),
        next_try=Min("effect__next_attempt_at", filter=Q(held_at=None)),
        next_question=Min("effect__next_question_at"),
    )
    for line in lines:
        group = by_code.setdefault(line["cause"], Group(cause_of(line["cause"])))
        _add(group, line)
    _add_calls(by_code, person, now)
    for cause, group in by_code.items():
        group.above = watched.get(cause)
    return sorted(by_code.values(), key=_urgency)


def resolved(person: Access, now: datetime) -> list[tuple[Cause, datetime]]:
    """Causes of the last day that no open request has any more, with when they were last seen."""
    seen = (
        _calls(person, now)
        .exclude(cause__in=failing(person).values("cause"))
        .values_list("cause")
        .annotate(last=Max("started_at"))
        .order_by("-last")
    )
    return [(cause_of(code), last) for code, last in seen]


def newest_evidence(items: Iterable[ApprovalRequest], code: str) -> Attempt | None:
    """What a provider said last, of requests whose calls the reader may see."""
    return (
        Attempt.objects.filter(effect__item__in=list(items), cause=code)
        .exclude(evidence="")
        .select_related("effect__item")
        .order_by("-started_at")
        .first()
    )


def _calls(person: Access, now: datetime) -> QuerySet[Attempt]:
    since = now - timedelta(hours=HOURS)
    visible = ApprovalRequest.objects.filter(visible_to(person))
    return Attempt.objects.filter(started_at__gt=since, effect__item__in=visible).exclude(cause="")


def _add(group: Group, line: dict) -> None:
    kind = kinds.kind_of(line["kind"])
    if kind.is_outside and kind.system not in group.systems:
        group.systems.append(kind.system)
    group.states[line["state"]] = group.states.get(line["state"], 0) + line["count"]
    group.held += line["held"]
    group.first_seen = _least(group.first_seen, line["since"])
    group.last_seen = _most(group.last_seen, line["since"])
    next_at = line["next_try"] if line["state"] == State.RETRYING else line["next_question"]
    group.next_at = _least(group.next_at, next_at)


def _add_calls(by_code: dict[str, Group], person: Access, now: datetime) -> None:
    start = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    start -= timedelta(hours=HOURS - 1)
    hours = (
        _calls(person, now)
        .filter(cause__in=by_code)
        .annotate(hour=TruncHour("started_at", tzinfo=UTC))
        .values("cause", "hour")
        .annotate(count=Count("pk"), first=Min("started_at"), last=Max("started_at"))
    )
    for line in hours:
        group = by_code[line["cause"]]
        place = int((line["hour"] - start).total_seconds() // 3600)
        if 0 <= place < HOURS:
            group.trend[place] = line["count"]
        group.first_seen = _least(group.first_seen, line["first"])
        group.last_seen = _most(group.last_seen, line["last"])


def _urgency(group: Group) -> tuple:
    """Unknown outcome first, then what needs a person, then the largest."""
    return (
        group.is_quiet,
        State.IN_DOUBT not in group.states,
        State.NEEDS_PERSON not in group.states,
        -group.count,
        group.cause.code,
    )


def _least(*times: datetime | None) -> datetime | None:
    return min((at for at in times if at is not None), default=None)


def _most(*times: datetime | None) -> datetime | None:
    return max((at for at in times if at is not None), default=None)


def of_runbook(person: Access, codes: Sequence[str]) -> QuerySet[ApprovalRequest]:
    """Open requests that a runbook of these causes is about."""
    return failing(person).filter(cause__in=codes)
