"""A bad DELETE by the owner, who can take the guards away: back to the moment before it."""

import time

import psycopg
import pytest

from approvals import doctor
from approvals.models import ApprovalRequest
from audit.models import Event
from audit.verify import verify
from tests import postgres
from tests.drills import servers
from tests.drills.servers import product_on, wait_for

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("committed_db")]


@pytest.fixture
def archived(machine, copy_to):
    """A server that archives its WAL, and the folder where it does."""
    live = machine("live")
    live.start()
    archive = servers.folder(live, "archive")
    copy_to(live)
    live.stop()
    live.let_replicate()
    live.configure(
        archive_mode="on",
        archive_command=f"test ! -f {archive}/%f && cp %p {archive}/%f",
        archive_timeout="60",
    )
    live.start()
    return live, archive


def test_all_rows_are_back_from_the_moment_before_a_bad_delete(cast, archived, machine):
    live, archive = archived
    backup = machine("backup")
    servers.copy_of(live, backup)
    with product_on(live):
        items = [cast.ask() for _ in range(20)]
        events = Event.objects.count()
    moment = _now(live)
    time.sleep(0.2)
    _delete_as_owner(live)
    with product_on(live):
        assert Event.objects.count() < events
        assert not verify().is_intact
    _archive_the_rest(live, archive)
    live.stop()

    backup.configure(
        archive_mode="off",
        restore_command=f"cp {archive}/%f %p",
        recovery_target_time=moment,
        recovery_target_action="promote",
    )
    (backup.data / "recovery.signal").touch()
    backup.start()
    wait_for(lambda: not _is_recovering(backup))
    with product_on(backup):
        assert Event.objects.count() == events
        assert ApprovalRequest.objects.filter(pk__in=[item.pk for item in items]).count() == 20
        assert verify().is_intact
        assert doctor.examine() == []
        cast.approve(cast.get(items[0].ref))


def _now(machine) -> str:
    with machine.as_superuser() as connection:
        return connection.execute("SELECT clock_timestamp()::text").fetchone()[0]


def _delete_as_owner(machine) -> None:
    """The triggers refuse it; the owner of a table may switch them off."""
    with machine.as_superuser(servers.DATABASE) as connection:
        connection.execute(f"SET ROLE {postgres.OWNER}")
        with pytest.raises(psycopg.Error):
            connection.execute("DELETE FROM audit_event")
        connection.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        connection.execute("DELETE FROM audit_event WHERE seq = 1")


def _archive_the_rest(machine, archive) -> None:
    with machine.as_superuser() as connection:
        [last] = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    wait_for((archive / last).exists)


def _is_recovering(machine) -> bool:
    with machine.as_superuser() as connection:
        return connection.execute("SELECT pg_is_in_recovery()").fetchone()[0]
