"""Sample data in bulk is as true as what the commands write: chained, consistent, and gone on from."""

import pytest
from django.core.management import call_command

from approvals import doctor
from approvals.models import (
    ApprovalRequest,
)
from approvals.transitions import commit  # noqa: F401
from audit.verify import verify

pytestmark = pytest.mark.usefixtures("committed_db")


def seed(requests: int, *options: str) -> None:
    call_command("seed", f"--requests={requests}", *options, verbosity=0)


def contents() -> list[tuple]:
    names = ("ref", "kind", "state", "revision", "amount", "customer", "version")
    return list(ApprovalRequest.objects.order_by("id").values_list(*names))


def test_it_is_intact_and_holds_every_invariant():
    seed(300, "--open=30")
    assert ApprovalRequest.objects.count() == 300
    assert verify().is_intact
    assert doctor.examine() == []
