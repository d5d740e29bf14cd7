"""A job is asked for in the transaction of its command, or not at all (mechanisms §3)."""

import pytest
from django.db import connection, transaction

from accounts.models import User
from approvals import jobs as job_tasks
from approvals.refusals import (
    Refusal,
)
from tests.approvals.common import approve, jobs


def test_no_job_without_its_commit(committed_db, cast):
    """T3.1."""
    item = cast.ask()
    with transaction.atomic():
        approve(cast, item)
        transaction.set_rollback(True)
    assert jobs() == 0


def test_one_job_with_its_commit(committed_db, cast):
    """T3.1."""
    approve(cast, cast.ask())
    assert jobs() == 1


def test_a_refused_command_asks_for_no_job(committed_db, cast):
    item = cast.ask()
    with pytest.raises(Refusal):
        approve(cast, item, by=cast.requester)
    assert jobs() == 0


def test_a_job_names_the_request_and_nothing_else(committed_db, cast):
    """T3.12."""
    item = cast.ask()
    approve(cast, item)
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs")
        (args,) = cursor.fetchone()
    assert args == {"item_id": item.pk} or args == f'{{"item_id": {item.pk}}}'


def test_the_same_job_once_is_one_job(cast):
    """T3.7."""
    for _ in range(2):
        job_tasks.enqueue(job_tasks.execute, once="swept/1", item_id=1)
    assert jobs() == 1


def test_a_job_that_waits_already_leaves_the_transaction_whole(committed_db, cast):
    """T3.7."""
    with transaction.atomic():
        for _ in range(2):
            job_tasks.enqueue(job_tasks.execute, once="swept/1", item_id=1)
        User.objects.create(email="after@demo.test", name="After")
    assert User.objects.filter(email="after@demo.test").exists()
