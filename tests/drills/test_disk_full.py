"""No room left: a command fails as a whole and says so; what was answered is there afterwards."""

import subprocess
from pathlib import Path

import pytest
from django.db import DatabaseError, connections

from approvals import doctor
from approvals.models import ApprovalRequest, Decision, State
from audit.verify import verify
from tests.approvals.pages.common import decision
from tests.drills.servers import product_on, wait_for

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("committed_db")]


@pytest.fixture
def small(machine, copy_to):
    """A server on a disk of 320 MB."""
    server = machine("small")
    disk = server.server.directory
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=320m,mode=755", "tmpfs", disk]
    ).returncode:
        pytest.skip("No small disk can be mounted here, so a full one was NOT tried.")
    try:
        server.start()
        copy_to(server)
        yield server
        server.stop()
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_command_on_a_full_disk_fails_as_a_whole_and_nothing_answered_is_lost(
    cast, small, client
):
    ballast = small.server.directory / "ballast"
    client.raise_request_exception = False
    with product_on(small):
        client.force_login(cast.approver)
        waiting = [cast.ask() for _ in range(30)]
        _fill(ballast)
        asked = _ask_until_it_fails(cast)
        said = _approve_until_it_fails(client, waiting, ballast)
        assert said.pop() == 503
        assert set(said) <= {302}

        ballast.unlink()
        connections.close_all()
        if small.process.poll() is not None:
            small.start()
        wait_for(small.server.is_running)
        there = set(ApprovalRequest.objects.values_list("ref", flat=True))
        assert there == {item.ref for item in waiting} | set(asked)
        states = [cast.get(item.ref).state for item in waiting[: len(said) + 1]]
        assert states == [State.APPROVED] * len(said) + [State.PENDING]
        assert Decision.objects.count() == len(said)
        assert verify().is_intact
        assert doctor.examine() == []
        assert cast.ask().ref


def _fill(ballast: Path) -> None:
    """All that is left of the disk."""
    with ballast.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            return


def _ask_until_it_fails(cast) -> list[str]:
    answered = []
    for _ in range(5000):
        try:
            answered.append(cast.ask().ref)
        except DatabaseError:
            connections.close_all()
            return answered
    raise AssertionError("The disk did not fill.")


def _approve_until_it_fails(client, waiting, ballast: Path) -> list[int]:
    """The status of each answer, of which the last is a failure."""
    said = []
    for item in waiting:
        _fill(ballast)
        said.append(client.post(f"/requests/{item.ref}/approve/", decision(item)).status_code)
        connections.close_all()
        if said[-1] >= 500:
            break
    return said
