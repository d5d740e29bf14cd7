"""A whole run, chunk after chunk: one that is killed leaves whole requests only."""

from collections.abc import Callable, Iterator, Sequence

from approvals import archiving
from approvals.models import ApprovalRequest
from audit import months
from demo.seeding import chunks, processes, writing
from demo.seeding.chunks import Chunk
from demo.seeding.contents import MARK
from demo.seeding.desks import Desk, desks
from demo.seeding.plan import Plan, Written

CHUNK = 1000


def holds_others() -> bool:
    """Whether there are requests that no seed has made."""
    return ApprovalRequest.objects.exclude(ticket__startswith=MARK).exists()


def run(plan: Plan, *, tell: Callable[[Written], None], spread_over: int = 1) -> Written:
    """Write all of it, with `spread_over` processes. `tell` hears after each chunk how far it is.

    Raises `NowhereToAsk`.
    """
    counters = desks(at=plan.begins_at)
    for table in archiving.KEY_OF:
        months.make(table, plan.begins_at, plan.now)
    written = Written()
    for more in _written(plan, counters, spread_over):
        written.add(more)
        tell(written)
    writing.make_durable()
    return written


def _written(plan: Plan, counters: Sequence[Desk], spread_over: int) -> Iterator[Written]:
    taken = _reserved(plan, counters)
    if spread_over > 1:
        return processes.spread(plan, taken, processes=spread_over)
    return (chunks.write(plan, chunk, counters) for chunk in taken)


def _reserved(plan: Plan, counters: Sequence[Desk]) -> Iterator[Chunk]:
    seed = f"{plan.seed} {ApprovalRequest.objects.count()}"
    for first in range(0, plan.requests, CHUNK):
        count = min(CHUNK, plan.requests - first)
        yield chunks.reserved(first, count, counters, seed=seed)
