"""The tables of jobs stay as small as the work in hand (T3.9)."""

from datetime import timedelta

import pytest
from django.db import connection

from approvals import jobs, sweeping

pytestmark = pytest.mark.django_db
KEPT = sweeping.ENDED_JOBS_KEPT
MINUTE = timedelta(minutes=1)


def rows(query: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def job(status: str, at) -> int:
    """A job that was asked for, began and came to be what it is at `at`."""
    [(pk,)] = rows(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
        " VALUES ('effects', 'approvals.execute', %s) RETURNING id",
        status,
    )
    rows(
        "INSERT INTO procrastinate_events (job_id, type, at)"
        " VALUES (%s, 'deferred', %s), (%s, 'started', %s) RETURNING id",
        *(pk, at - 2 * MINUTE, pk, at),
    )
    rows(
        "UPDATE procrastinate_events SET at = %s WHERE job_id = %s AND at > %s RETURNING id",
        at,
        pk,
        at,
    )
    return pk


def left() -> list[int]:
    return [pk for (pk,) in rows("SELECT id FROM procrastinate_jobs ORDER BY id")]


@pytest.mark.parametrize("status", ["failed", "aborted", "cancelled", "succeeded"])
def test_what_ended_long_ago_is_forgotten_with_its_history(now, status):
    job(status, now - KEPT - MINUTE)
    stays = job(status, now - KEPT + MINUTE)
    assert sweeping.forget_ended_jobs(at=now) == 1
    assert left() == [stays]
    assert rows("SELECT DISTINCT job_id FROM procrastinate_events") == [(stays,)]


@pytest.mark.parametrize("status", ["todo", "doing"])
def test_what_has_not_ended_stays_however_old(now, status):
    stays = job(status, now - 10 * KEPT)
    assert sweeping.forget_ended_jobs(at=now) == 0
    assert left() == [stays]


def test_all_of_it_goes_in_batches(now):
    for _ in range(7):
        job("failed", now - 2 * KEPT)
    assert sweeping.forget_ended_jobs(at=now, at_once=3) == 7
    assert left() == []


def test_the_hourly_job_does_it(now):
    job("failed", now - 2 * KEPT - timedelta(days=365))
    jobs.tidy(timestamp=0)
    assert left() == []
