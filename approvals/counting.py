"""How many open requests there are, of what kinds, for the tabs and the bar of every page.

One query whose text is kept (docs/decisions/0035): it asks the index of open requests for all that they
say of themselves, and only for who can decide them the pending ones one by one.
"""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from accounts.access import Access
from accounts.kept_queries import Kept, Slot
from approvals import seats, stuck
from approvals.causes import ACCEPTED
from approvals.deciders import may_with_glass
from approvals.failures import FAILING
from approvals.models import OPEN, ApprovalRequest, CauseWatch, State
from approvals.queries import VIEWS, WITH_PEOPLE, WITH_SYSTEMS
from approvals.rules import SEEING_AT_ALL, seen_from
from approvals.seats import MayDecide


@dataclass(frozen=True)
class Tally:
    """How many open requests one cause has: retrying, and needing a person to look.

    Quiet: no more need a person than the reader wanted to be told of.
    """

    retrying: int = 0
    needing: int = 0
    is_quiet: bool = False


@dataclass(frozen=True)
class Counted:
    """For one reader. `views`: by view of the queue, none where they were not asked for.

    `watched`: by cause, with how many more than that it is news to them.
    """

    views: dict[str, int]
    decide: int
    tallies: dict[str, Tally]
    watched: dict[str, int]


def count(person: Access, now: datetime, *, views: bool = True) -> Counted:
    """What this person can decide and what fails; and how many requests each view holds."""
    lines = list(_kept(views, person.auth_method == "token")(**_values(person, now)))
    pending = [line[3:] for line in lines if line[0] == PENDING]
    requests = [line for line in lines if line[0] == REQUESTS]
    watched = {cause: above for what, _, cause, above, *_ in lines if what == WATCHED}
    decide = sum(number * may for number, _, _, may in pending)
    nobody = sum(number * is_nobodys for number, is_nobodys, _, _ in pending)
    owned = sum(number * may * is_own for number, _, is_own, may in pending)
    found = _views(requests, nobody, decide - owned) if views else {}
    return Counted(found, decide, _tallies(requests, watched), watched)


REQUESTS, PENDING, WATCHED = "requests", "pending", "watched"
OF_VIEW = {"people": WITH_PEOPLE, "systems": WITH_SYSTEMS, "all": OPEN}
# Requests are counted in the last columns; of pending ones they say, with 0 and 1, which are counted.
Line = tuple[str, str, str, int, int, int, int]
_ZERO = Value(0, output_field=IntegerField())


def _views(lines: Iterable[Line], nobody: int, mine: int) -> dict[str, int]:
    by_state: dict[str, int] = {}
    for _, state, _, number, left_alone, own, _ in lines:
        by_state[state] = by_state.get(state, 0) + number
        nobody += left_alone
        mine += own
    shared = {view: sum(by_state.get(state, 0) for state in OF_VIEW[view]) for view in OF_VIEW}
    return {view: {"me": mine, "stuck": nobody, **shared}[view] for view in VIEWS}


def _tallies(lines: Iterable[Line], watched: dict[str, int]) -> dict[str, Tally]:
    retrying: dict[str, int] = {}
    needing: dict[str, int] = {}
    for _, state, cause, number, *_ in lines:
        if not cause or state not in FAILING:
            continue
        is_retrying, is_needing = state == State.RETRYING, cause not in ACCEPTED
        retrying[cause] = retrying.get(cause, 0) + (number if is_retrying else 0)
        needing[cause] = needing.get(cause, 0) + (number if is_needing and not is_retrying else 0)
    return {
        cause: Tally(retrying[cause], needing[cause], needing[cause] <= watched.get(cause, 0))
        for cause in retrying
    }


def _values(person: Access, now: datetime) -> dict[str, Any]:
    sees = person.is_active
    decides = seats.decides_now(person)
    return {
        "user": person.user_id,
        "key": person.person_key,
        "seen_as": person.person_key if sees else None,
        "queues": person.queues_with(*SEEING_AT_ALL) if sees else [],
        "glass_queues": person.queues_with("break_glass") if decides else [],
        "now": now,
        "started_before": now - stuck.LATE_START,
        **seats.columns_of(person),
    }


@functools.cache
def _kept(views: bool, by_token: bool) -> Kept:
    names = ("user", "key", "seen_as", "queues", "glass_queues", "now", "started_before")

    def build(**slots: Slot) -> QuerySet:
        first, *more = _parts(slots, views=views, by_token=by_token)
        return first.union(*more, all=True)

    return Kept(build, *names, *seats.SEAT)


def _parts(slots: dict[str, Slot], *, views: bool, by_token: bool) -> Iterator[QuerySet]:
    """Each gives lines of the same columns; what it does not count is 0."""
    found = ApprovalRequest.objects.filter(seen_from(slots["queues"], slots["seen_as"])).order_by()
    is_stuck = stuck.is_stuck_by_itself(slots["now"], slots["started_before"])
    is_own = Q(owner=slots["user"]) | Q(state=State.SENT_BACK, requester_key=slots["key"])
    yield (
        found.filter(state__in=OPEN if views else FAILING)
        .values_list(Value(REQUESTS), "state", "cause")
        .annotate(
            number=Count("pk"),
            stuck=Count("pk", filter=is_stuck) if views else _ZERO,
            own=Count("pk", filter=is_own) if views else _ZERO,
            no_flag=_ZERO,
        )
    )
    may = Q(MayDecide(seats.of_columns(slots, by_token=by_token)))
    if not by_token:
        may |= may_with_glass(slots["user"], slots["key"], slots["glass_queues"])
    nobody = stuck.is_stuck_for_want_of_people(slots["now"])
    # By what they are, so that the rule is asked once of each.
    yield (
        found.filter(state=State.PENDING)
        .annotate(
            nobodys=_flag(nobody) if views else _ZERO,
            own=_flag(Q(owner=slots["user"])) if views else _ZERO,
            may=_flag(may),
        )
        .values("nobodys", "own", "may")
        .annotate(number=Count("pk"))
        .values_list(Value(PENDING), Value(""), Value(""), "number", "nobodys", "own", "may")
    )
    yield CauseWatch.objects.filter(user=slots["user"]).values_list(
        Value(WATCHED), Value(""), "cause", "above", _ZERO, _ZERO, _ZERO
    )


def _flag(condition: Q) -> Case:
    return Case(When(condition, then=Value(1)), default=_ZERO)
