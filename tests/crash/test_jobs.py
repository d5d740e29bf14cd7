"""The queue of jobs under trouble: poison, lost database, two workers, old rows (T3.x)."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from approvals import jobs
from approvals.commands import operate
from approvals.kinds import refund
from approvals.models import Effect, State
from audit.correlation import interaction, read_carried
from tests import postgres
from tests.approvals.common import job_arguments
from tests.crash.common import effects_of, environment, is_done, settle_down
from tests.demo.conftest import until

pytestmark = pytest.mark.usefixtures("committed_db")


@app.task(name="tests.once_only", queue="effects")
def once_only(**_: object) -> None:
    """Only ever asked for, never run."""


def rows(query: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def workers_heard_of() -> int:
    return rows("SELECT count(*) FROM procrastinate_workers")[0][0]


@pytest.fixture
def approved_now(cast):
    cast.now = timezone.now() - timedelta(minutes=1)
    return cast.approve(cast.ask())


def test_a_job_nobody_knows_does_not_hold_up_the_others(  # T3.6
    provider, cast, start_worker, approved_now
):
    """A poison job fails for itself: no lock is shared, and others keep flowing."""
    for number in range(20):
        rows(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
            " VALUES ('effects', %s, '{}') RETURNING id",
            f"approvals.no_such_task_{number}",
        )
    start_worker()
    until(lambda: is_done(cast, approved_now))
    assert len(effects_of(provider, approved_now)) == 1


def test_a_request_that_breaks_its_worker_each_time_ends_with_a_person(
    provider, cast, approved_now, monkeypatch
):
    """T3.6: attempts are bounded also when the call itself always raises."""

    def explode(self, effect):
        raise RuntimeError("boom")

    monkeypatch.setattr(refund.Refund, "send", explode)
    assert settle_down(cast, approved_now, steps=80) == State.NEEDS_PERSON
    item = cast.get(approved_now.ref)
    assert item.effect.attempts == item.effect.max_attempts


def test_a_command_survives_that_its_job_waits_already(cast, approved_now):
    """T3.7 and trap 7: a job of which there may be one only, asked for a second time."""
    jobs.enqueue(once_only, once="K")
    with transaction.atomic():
        operate.note(
            ref=approved_now.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Hm."
        )
        jobs.enqueue(once_only, once="K")
    assert cast.get(approved_now.ref).version == approved_now.version + 1
    assert rows("SELECT count(*) FROM procrastinate_jobs WHERE queueing_lock = 'K'") == [(1,)]


def test_job_arguments_name_a_request_and_nothing_else(cast, approved_now):
    """T3.12: ids and the trace, in which nothing but two ids can stand."""
    with interaction("r-1"):
        operate.hold(
            ref=approved_now.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="sk_live_1"
        )
        operate.resume(ref=approved_now.ref, by=cast.operator, at=cast.now, key=cast.key())
    assert "trace" in job_arguments()[-1]
    for found in job_arguments():
        assert set(found) <= {"item_id", "timestamp", "trace"}
        assert read_carried(found["trace"])[0] if "trace" in found else True


def test_lost_connections_cost_nothing(  # T3.8
    provider, cast, start_worker, approved_now, committed_db
):
    """Every connection of the worker is cut; it goes on or ends, and its supervisor restarts it."""
    start_worker()
    until(lambda: workers_heard_of() > 0)
    with postgres.admin() as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> pg_backend_pid()",
            [committed_db],
        )
    connection.close()
    start_worker()  # what a supervisor does with one that ended
    until(lambda: is_done(cast, approved_now))
    assert len(effects_of(provider, approved_now)) == 1


def test_two_workers_make_one_periodic_job_a_tick(cast, start_worker):  # T3.11
    first, second = start_worker(), start_worker()
    until(lambda: workers_heard_of() >= 2)
    until(
        lambda: (
            rows(
                "SELECT count(*) FROM procrastinate_periodic_defers"
                " WHERE task_name = 'approvals.sweep_leases'"
            )[0][0]
            >= 1
        )
    )
    twice = rows(
        "SELECT task_name, defer_timestamp, count(*) FROM procrastinate_periodic_defers"
        " GROUP BY 1, 2 HAVING count(*) > 1"
    )
    assert twice == []
    assert {first.poll(), second.poll()} == {None}


def test_finished_jobs_do_not_pile_up(provider, cast, start_worker, approved_now):  # T3.9
    """A worker deletes what succeeded, with its rows of history."""
    start_worker()
    until(lambda: is_done(cast, approved_now))
    until(
        lambda: rows("SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'") == [(0,)]
    )
    left = rows(
        "SELECT count(*) FROM procrastinate_events e WHERE NOT EXISTS"
        " (SELECT FROM procrastinate_jobs j WHERE j.id = e.job_id)"
    )
    assert left == [(0,)]


def test_an_ordinary_stop_never_sends_twice(provider, cast, start_worker, approved_now):
    """T3.3 and trap 3: SIGTERM in the middle of a call; another worker is up meanwhile."""
    provider.set_faults(slow=1)
    first = start_worker()
    until(lambda: Effect.objects.get(item=approved_now).lease_until is not None)
    first.send_signal(signal.SIGTERM)
    start_worker()
    until(lambda: first.poll() is not None)
    provider.set_faults(slow=0)
    until(lambda: is_done(cast, approved_now))
    assert len(effects_of(provider, approved_now)) == 1


def test_a_worker_whose_row_was_removed_ends_and_another_goes_on(  # trap 6
    provider, cast, start_worker, approved_now
):
    """A paused machine: its row is pruned while it sleeps. It may die; nothing is lost."""
    start_worker()
    until(lambda: workers_heard_of() > 0)
    rows("DELETE FROM procrastinate_workers RETURNING id")
    start_worker()
    until(lambda: is_done(cast, approved_now))
    assert len(effects_of(provider, approved_now)) == 1


def test_without_a_worker_the_readiness_says_so(client, cast):
    """T3.10"""
    assert client.get("/readyz").json() == {
        "status": "degraded",
        "workers": "none heard of for 60 s",
    }
    rows("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()) RETURNING id")
    assert client.get("/readyz").json() == {"status": "ok"}
    rows(
        "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '61 seconds'"
        " RETURNING id"
    )
    assert client.get("/readyz").json()["status"] == "degraded"


def test_a_killed_worker_s_work_is_finished_by_another(  # T3.2
    provider, cast, start_worker, approved_now, committed_db
):
    provider.set_faults(hang_after_effect=1)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.one_run", str(approved_now.pk)],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, **environment(provider, committed_db)},
        stdout=subprocess.PIPE,
    )
    until(lambda: effects_of(provider, approved_now) or process.poll() is not None)
    process.kill()
    process.wait()
    process.stdout.close()
    provider.set_faults(hang_after_effect=0)
    Effect.objects.filter(item=approved_now, lease_until__isnull=False).update(
        lease_until=timezone.now()
    )
    start_worker()
    until(lambda: is_done(cast, approved_now))
    assert len(effects_of(provider, approved_now)) == 1
