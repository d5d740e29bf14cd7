"""What is written in one transaction, with draws of its own: it is the same, whoever writes it."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from accounts.access import Access
from approvals.models import ApprovalRequest
from audit.correlation import correlated
from demo.seeding import fates, writing
from demo.seeding.contents import HOW_OFTEN, Content, content
from demo.seeding.desks import Desk, NowhereToAsk
from demo.seeding.plan import Plan, Written
from demo.seeding.story import Story, begun

MOST_DRAWS = 100


@dataclass(frozen=True)
class Chunk:
    """Requests from number `first` on: the place of each one's desk, its reference and its id."""

    first: int
    seed: str
    chosen: Sequence[int]
    refs: Sequence[str]
    ids: Sequence[int]


def reserved(first: int, count: int, counters: Sequence[Desk], *, seed: str) -> Chunk:
    """The next references and ids are taken for it."""
    draw = Random(f"{seed} desks {first}")  # noqa: S311 - sample data
    weights = [HOW_OFTEN[desk.kind.slug] for desk in counters]
    chosen = draw.choices(range(len(counters)), weights, k=count)
    refs = writing.references([counters[place].kind.prefix for place in chosen])
    return Chunk(first, seed, chosen, refs, writing.numbers(ApprovalRequest, count))


def write(plan: Plan, chunk: Chunk, counters: Sequence[Desk]) -> Written:
    """All of it or nothing. Raises `NowhereToAsk`."""
    with _collected_once(), correlated(request_id="seed"):
        stories = list(_stories(plan, chunk, counters))
        return Written(len(stories), writing.write(stories), chunk.refs[-1])


@contextmanager
def _collected_once() -> Iterator[None]:
    """All that is made in between lives until the end, so looking for what doesn't finds nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _stories(plan: Plan, chunk: Chunk, counters: Sequence[Desk]) -> Iterator[Story]:
    draw = Random(f"{chunk.seed} {chunk.first}")  # noqa: S311 - sample data
    each = zip(chunk.chosen, chunk.refs, chunk.ids, strict=True)
    for number, (place, ref, pk) in enumerate(each, start=chunk.first):
        yield _story(plan, number, counters[place], ref, pk, draw)


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
