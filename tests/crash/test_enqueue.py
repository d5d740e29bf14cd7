"""A job exists if and only if its transaction commits, also where a worker runs (traps 1 and 2).

procrastinate's own recipe swaps the connector of the one global app, and a bare `.defer()` then
leaves the transaction. Our worker doesn't use that recipe; these tests do, as the worst case: a real
worker in a thread of this process, and `enqueue()` must hold all the same.
"""

import asyncio
import contextlib
import threading

import pytest
from django.db import OperationalError, connection, transaction
from procrastinate.contrib.django import app
from procrastinate.manager import JobManager

from approvals import jobs
from tests import postgres

pytestmark = pytest.mark.usefixtures("committed_db")


@app.task(name="tests.leaf", queue="tests")
def leaf(**_: object) -> None:
    """Never runs: the worker of these tests listens to another queue."""


@app.task(name="tests.keeps", queue="tests-parents")
def keeps() -> None:
    with transaction.atomic():
        jobs.enqueue(leaf)


@app.task(name="tests.fails", queue="tests-parents")
def fails() -> None:
    with transaction.atomic():
        jobs.enqueue(leaf)
        raise RuntimeError("Nothing of this may stay.")


def count(task: str, status: str = "todo") -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s AND status = %s",
            [task, status],
        )
        return cursor.fetchone()[0]


async def _until_idle() -> None:
    with app.replace_connector(app.connector.get_worker_connector()) as worker_app:
        async with worker_app.open_async():
            await worker_app.run_worker_async(
                queues=["tests-parents"], wait=False, install_signal_handlers=False
            )


def work() -> None:
    thread = threading.Thread(target=lambda: asyncio.run(_until_idle()))
    thread.start()
    thread.join(timeout=60)
    assert not thread.is_alive()


def test_a_job_asked_for_inside_a_running_task_exists_when_that_commits():
    jobs.enqueue(keeps)
    work()
    assert (count("tests.keeps", "succeeded"), count("tests.leaf")) == (1, 1)


def test_a_job_asked_for_inside_a_running_task_is_gone_when_that_rolls_back():
    jobs.enqueue(fails)
    work()
    assert (count("tests.fails", "failed"), count("tests.leaf")) == (1, 0)


def test_a_worker_in_the_process_leaves_the_outbox_of_others_whole():
    """While and after it runs, a web thread's rollback still takes the job with it."""
    running = threading.Event()
    over = threading.Event()

    async def linger() -> None:
        with app.replace_connector(app.connector.get_worker_connector()) as worker_app:
            async with worker_app.open_async():
                running.set()
                await asyncio.to_thread(over.wait, 60)

    thread = threading.Thread(target=lambda: asyncio.run(linger()))
    thread.start()
    assert running.wait(timeout=60)
    with contextlib.suppress(RuntimeError), transaction.atomic():
        jobs.enqueue(leaf)
        raise RuntimeError
    over.set()
    thread.join(timeout=60)
    assert count("tests.leaf") == 0


def test_a_database_that_is_lost_while_a_job_is_asked_for_is_said_as_what_it_is(
    committed_db, monkeypatch
):
    """procrastinate has errors of its own; a page would call them a fault of ours (500, not 503)."""
    defer_job = JobManager.defer_job

    def lose_the_database_first(self, job):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [pid] = cursor.fetchone()
        with postgres.admin(committed_db) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return defer_job(self, job)

    monkeypatch.setattr(JobManager, "defer_job", lose_the_database_first)
    with pytest.raises(OperationalError), transaction.atomic():
        jobs.enqueue(leaf)
    connection.close()
    assert count("tests.leaf") == 0
