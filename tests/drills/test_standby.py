"""The primary is killed while commands run: its synchronous standby has every one that was answered."""

import threading
import time

import pytest
from django.db import DatabaseError, connections

from approvals import doctor, quarantine
from approvals.models import ApprovalRequest
from approvals.outcomes import worker_actor
from audit.verify import verify
from tests.drills import servers
from tests.drills.servers import product_on, wait_for

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("committed_db")]
WORKER = worker_actor("drill")


@pytest.fixture
def pair(machine, copy_to):
    """A primary whose commits wait for its standby."""
    primary, standby = machine("primary"), machine("standby")
    primary.start()
    copy_to(primary)
    primary.stop()
    primary.let_replicate()
    primary.start()
    servers.copy_of(primary, standby, "--write-recovery-conf")
    standby.start()
    primary.run("psql", "-c", "ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.run("psql", "-c", "SELECT pg_reload_conf()")
    wait_for(lambda: _is_synchronous(primary))
    return primary, standby


def test_a_promoted_standby_has_every_answered_command(cast, pair):
    primary, standby = pair
    with product_on(primary):
        assert quarantine.recognise(actor=WORKER, at=cast.now) is None
        answered = _asked_until_killed(cast, primary)
    assert len(answered) > 20

    began = time.monotonic()
    with standby.as_superuser() as connection:
        connection.execute("SELECT pg_promote()")
    with product_on(standby):
        assert cast.ask().ref
        print(f"{len(answered)} answered, first write {time.monotonic() - began:.2f} s later")
        there = set(ApprovalRequest.objects.values_list("ref", flat=True))
        assert set(answered) <= there
        assert verify().is_intact
        assert doctor.examine() == []
        assert quarantine.recognise(actor=WORKER, at=cast.now) is None


def _asked_until_killed(cast, primary) -> list[str]:
    """References that were answered, by somebody who asks until the server is gone."""
    answered: list[str] = []

    def ask() -> None:
        try:
            while True:
                answered.append(cast.ask().ref)
        except DatabaseError:
            return
        finally:
            connections.close_all()

    asking = threading.Thread(target=ask)
    asking.start()
    wait_for(lambda: len(answered) > 20)
    primary.kill()
    asking.join(timeout=30)
    assert not asking.is_alive()
    return answered


def _is_synchronous(primary) -> bool:
    with primary.as_superuser() as connection:
        states = connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall()
    return states == [("sync",)]
