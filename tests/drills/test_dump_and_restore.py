"""A dump, restored into an empty server: everything is there, and nobody is paid twice."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from approvals import doctor, quarantine
from approvals.commands import quarantine as commands
from approvals.models import ApprovalRequest, State
from approvals.outcomes import worker_actor
from audit.verify import verify
from tests.conftest import PASSWORD
from tests.drills import servers
from tests.drills.servers import product_on

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("committed_db")]
WORKER = worker_actor("drill")


def test_nobody_is_paid_twice_after_a_dump_is_restored(
    cast, committed_db, provider, machine, other_admin, tmp_path, client
):
    approved, waiting, done = cast.approve(cast.ask()), cast.ask(), cast.approve(cast.ask())
    cast.run(done)
    quarantine.recognise(actor=WORKER, at=cast.now)
    servers.dump(committed_db, tmp_path)
    for item in (approved, cast.approve(waiting)):  # after the backup
        cast.run(item)
    assert len(provider.effects()) == 3

    new = machine("new")
    new.start()
    servers.restore(new, tmp_path)
    servers.count_on(new)
    with product_on(new):
        _is_whole(cast, client)
        assert cast.get(approved.ref).state == State.APPROVED
        assert cast.get(waiting.ref).state == State.PENDING
        _is_quarantined(cast, approved, provider)
        _is_released(cast, other_admin, approved, waiting)
        for item in (approved, cast.approve(cast.get(waiting.ref))):
            cast.run(item)
            assert cast.get(item.ref).state == State.DONE
        assert len(provider.effects()) == 3
        assert doctor.examine() == []
        assert verify().is_intact


def test_without_counting_on_doctor_says_what_stands_still(cast, committed_db, machine, tmp_path):
    servers.let_time_pass()
    cast.ask()
    servers.dump(committed_db, tmp_path)
    new = machine("new")
    new.start()
    servers.restore(new, tmp_path)
    with product_on(new):
        assert {found.invariant for found in doctor.examine()} == {"feed"}


def _is_whole(cast, client) -> None:
    call_command("migrate", check=True, verbosity=0)
    assert ApprovalRequest.objects.count() == 3
    assert verify().is_intact
    assert doctor.examine() == []
    assert client.login(username=cast.approver.email, password=PASSWORD)
    assert client.get("/decisions/").status_code == 200


def _is_quarantined(cast, approved, provider) -> None:
    found = quarantine.recognise(actor=WORKER, at=cast.now)
    assert "another server" in found.reason
    cast.run(approved)
    assert len(provider.effects()) == 3
    assert cast.get(approved.ref).state == State.APPROVED


def _is_released(cast, other_admin, *items) -> None:
    cast.now += timedelta(minutes=1)
    commands.reconcile(by=cast.admin, at=cast.now, key=cast.key())
    for item in items:
        cast.run(item)
    there = quarantine.done_there(quarantine.current())
    assert {ref for ref, _ in there} == {item.ref for item in items}
    commands.ask_release(by=cast.admin, at=cast.now, key=cast.key())
    commands.release(by=other_admin, at=cast.now, key=cast.key())
