"""A whole run, chunk after chunk: one that is killed leaves whole requests only."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from accounts.access import Access
from approvals import archiving
from approvals.models import ApprovalRequest
from audit import months
from audit.correlation import correlated
from demo.seeding import fates, writing
from demo.seeding.contents import HOW_OFTEN, MARK, MOST_OF_LARGE, Content, content
from demo.seeding.desks import Desk, NowhereToAsk, desks
from demo.seeding.story import Story, begun

CHUNK = 1000
OPEN_PERCENT = 2
MOST_DRAWS = 100
DAYS = 90


@dataclass(frozen=True)
class Plan:
    """`requests` new ones, asked for in the `days` before `now`; `open_percent` of them are open.

    The same `seed` on a database with as many requests gives the same references, contents and states.
    """

    requests: int
    seed: int
    now: datetime
    days: int = DAYS
    open_percent: float = OPEN_PERCENT

    @property
    def large(self) -> float:
        """The share of the customer with many requests."""
        return min(0.1, MOST_OF_LARGE / self.requests)

    def asked_at(self, number: int) -> datetime:
        """When request `number`, from 0, was asked for: evenly over the period, the last just now."""
        age = timedelta(days=self.days) * (1 - (number + 1) / self.requests)
        return self.now - age

    def chance_of_open(self, number: int) -> float:
        """The newest is open for sure, older ones less and less; together `open_percent`."""
        share = self.open_percent / 100
        age = 1 - number / self.requests
        return math.exp(-age / share) if share else 0.0


@dataclass
class Written:
    requests: int = 0
    events: int = 0
    last: str = ""


def holds_others() -> bool:
    """Whether there are requests that no seed has made."""
    return ApprovalRequest.objects.exclude(ticket__startswith=MARK).exists()


def run(plan: Plan, *, tell: Callable[[Written], None]) -> Written:
    """Write all of it. `tell` hears after each chunk how far it is. Raises `NowhereToAsk`."""
    counters = desks(at=plan.now - timedelta(days=plan.days))
    draw = Random(f"{plan.seed} {ApprovalRequest.objects.count()}")  # noqa: S311 - sample data
    written = Written()
    for table in archiving.KEY_OF:
        months.make(table, plan.now - timedelta(days=plan.days), plan.now)
    with correlated(request_id="seed"):
        for stories in _chunks(plan, counters, draw):
            written.events += writing.write(stories)
            written.requests += len(stories)
            written.last = stories[-1].item.ref
            tell(written)
    return written


def _chunks(plan: Plan, counters: list[Desk], draw: Random) -> Iterator[list[Story]]:
    weights = [HOW_OFTEN[desk.kind.slug] for desk in counters]
    for first in range(0, plan.requests, CHUNK):
        numbers = range(first, min(first + CHUNK, plan.requests))
        chosen = draw.choices(counters, weights, k=len(numbers))
        refs = writing.references([desk.kind.prefix for desk in chosen])
        ids = writing.numbers(ApprovalRequest, len(refs))
        yield [
            _story(plan, number, desk, ref, pk, draw)
            for number, desk, ref, pk in zip(numbers, chosen, refs, ids, strict=True)
        ]


def _story(plan: Plan, number: int, desk: Desk, ref: str, pk: int, draw: Random) -> Story:
    is_open = draw.random() < plan.chance_of_open(number)
    by, wanted = _asked(plan, desk, ref, draw, is_open=is_open)
    at = plan.asked_at(number)
    story = begun(desk, ref=ref, pk=pk, by=by, content=wanted, draw=draw, at=at, now=plan.now)
    fates.live(story, fates.drawn(draw, is_open=is_open))
    return story


def _asked(
    plan: Plan, desk: Desk, ref: str, draw: Random, *, is_open: bool
) -> tuple[Access, Content]:
    """Who asks for what. What nobody has to approve is over soon, so seldom open."""
    number = int(ref.rsplit("-")[1])
    for _ in range(MOST_DRAWS):
        by = draw.choice(desk.requesters)
        wanted = content(desk.kind.slug, draw, number, large=plan.large)
        rule = desk.rule_for(wanted["payload"], by)
        if rule and (rule.steps or not is_open or draw.random() < 0.3):
            return by, wanted
    raise NowhereToAsk(
        f"The policy “{desk.version.policy.name}” covers none of the sample content for "
        f"{desk.kind.label.lower()}."
    )
