"""Chunks by several processes, each with a connection of its own. Django is not set up yet when a new
process reads this module."""

import functools
import os
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING

from django.db import connection

from demo.seeding.plan import Plan, Written

if TYPE_CHECKING:
    from demo.seeding.chunks import Chunk
    from demo.seeding.desks import Desk

WHERE = ("NAME", "HOST", "PORT", "USER", "PASSWORD")


def spread(plan: Plan, chunks: Iterator["Chunk"], *, processes: int) -> Iterator[Written]:
    """What each chunk left, in their order. No more of them are taken than can be under way."""
    where = {name: connection.settings_dict[name] for name in WHERE}
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (where,)) as pool:
        under_way = deque()
        for chunk in chunks:
            under_way.append(pool.submit(_write, plan, chunk))
            if len(under_way) > 2 * processes:
                yield under_way.popleft().result()
        yield from (one.result() for one in under_way)


def _begin(where: dict[str, str]) -> None:
    import django

    threading.Thread(target=_end_with_parent, daemon=True).start()
    django.setup()
    connection.settings_dict.update(where)


def _end_with_parent() -> None:
    """Also when that was killed: nobody would hear of what is still written."""
    parent_process().join()
    os._exit(1)


def _write(plan: Plan, chunk: "Chunk") -> Written:
    from demo.seeding import chunks

    return chunks.write(plan, chunk, _counters(plan))


@functools.cache
def _counters(plan: Plan) -> list["Desk"]:
    from demo.seeding.desks import desks

    return desks(at=plan.begins_at)
