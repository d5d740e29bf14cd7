"""`worker`: carries out what is approved, asks about what is in doubt, sweeps."""

import asyncio
import itertools
import logging
import signal
from argparse import ArgumentParser
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection
from procrastinate import App
from procrastinate.contrib.django import app
from procrastinate.periodic import PeriodicRegistry

from approvals import execution, jobs, quarantine
from approvals.clock import database_time
from approvals.job_log import joined
from approvals.outcomes import worker_actor

log = logging.getLogger("approvals.quarantine")
# Jobs for now are told of at once; those for later are found by looking.
LOOKS_EVERY_S = 0.5


class Command(BaseCommand):
    help = "Run a worker. Start as many as you like, on as many machines; restart one that ends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=8)
        parser.add_argument("--name", default="worker")

    def handle(self, *args: object, concurrency: int, name: str, **options: object) -> None:
        _look_where_we_are()
        asyncio.run(_work(concurrency, name))


def _look_where_we_are() -> None:
    """In a database that was restored nothing is sent until it was compared with the providers."""
    actor = worker_actor(execution.worker_name())
    found = quarantine.recognise(actor=actor, at=database_time())
    if found is not None:
        log.error("Quarantine: %s", found.reason)
    connection.close()  # the worker's own are others


async def _work(concurrency: int, name: str) -> None:
    """On an app of its own: the process's shared one keeps deferring through Django (trap 2)."""
    worker_app = app.with_connector(app.connector.get_worker_connector())
    async with worker_app.open_async():
        cut = list(_parts(worker_app, name, concurrency))
        _give_each_slot_a_thread(sum(slots for _, _, slots in cut))
        apps = itertools.chain([worker_app], itertools.repeat(_without_clock(worker_app)))
        parts = [
            asyncio.create_task(_part(one, *part)) for one, part in zip(apps, cut, strict=False)
        ]
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, _ask_to_end, parts)
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        _ask_to_end(parts)
        ends = await asyncio.gather(*parts, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


def _parts(app: App, name: str, concurrency: int) -> Iterator[tuple[str, list[str], int]]:
    """One for each queue with slots of its own, as each outside system has, and one for all others."""
    systems = dict.fromkeys(jobs.queues_of_systems(), concurrency)
    own = {**systems, **settings.QUEUES_WITH_OWN_SLOTS}
    app.perform_import_paths()
    yield name, sorted({task.queue for task in app.tasks.values()} - own.keys()), concurrency
    for queue, slots in own.items():
        yield f"{name}-{queue}", [queue], slots


def _give_each_slot_a_thread(slots: int) -> None:
    """By itself asyncio has four threads and one for each processor, for all parts together: calls that
    hang in one of them would keep the slots of all others waiting for a thread."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(slots))


def _without_clock(app: App) -> App:
    """The same app for the other parts: one of them is enough to ask for the jobs that are due."""
    quiet = app.with_connector(app.connector)
    quiet.periodic_registry = PeriodicRegistry()
    return quiet


async def _part(app: App, name: str, queues: list[str], concurrency: int) -> None:
    await app.run_worker_async(
        name=name,
        queues=queues,
        concurrency=concurrency,
        delete_jobs="successful",
        shutdown_graceful_timeout=30,
        fetch_job_polling_interval=LOOKS_EVERY_S,
        install_signal_handlers=False,
        worker_middleware=[joined],
    )


def _ask_to_end(parts: list[asyncio.Task]) -> None:
    """Each part once: it lets its running jobs finish, and a second time would cut them off.

    procrastinate's own handlers of signals stop only one worker in a process.
    """
    for part in parts:
        if not part.cancelling():
            part.cancel()
