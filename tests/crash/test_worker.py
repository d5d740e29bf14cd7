"""A real worker process: what is approved is carried out, and a killed one is replaced."""

import signal
import time

import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateWorker as Worker

from approvals import quarantine
from approvals.models import Cluster, State
from tests.crash.common import effects_of, is_done
from tests.demo.conftest import until

pytestmark = pytest.mark.usefixtures("committed_db")


def test_what_is_approved_is_carried_out_and_the_worker_ends_in_order(provider, cast, start_worker):
    cast.now = timezone.now()
    item = cast.approve(cast.ask())
    worker = start_worker()
    until(lambda: is_done(cast, item))
    assert len(effects_of(provider, item)) == 1
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=60) == 0


def test_a_lost_job_is_found_by_the_sweeper(provider, cast, start_worker):
    """A database restored from a backup, say: the request stands there and no job does."""
    cast.now = timezone.now() - timezone.timedelta(minutes=5)
    item = cast.approve(cast.ask())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    start_worker()
    until(lambda: is_done(cast, item))
    assert len(effects_of(provider, item)) == 1


def test_a_worker_on_a_restored_database_sends_nothing(provider, cast, start_worker):
    cast.now = timezone.now()
    item = cast.approve(cast.ask())
    Cluster.objects.create(pk=1, identifier="1", seen_at=cast.now)
    worker = start_worker()
    until(quarantine.is_on)
    until(lambda: Worker.objects.exists())
    time.sleep(3)
    assert effects_of(provider, item) == []
    assert cast.get(item.ref).state == State.APPROVED
    assert worker.poll() is None
