"""What tests of checkpoints share: a record that is sealed, and a folder outside that holds its copies."""

from datetime import datetime
from pathlib import Path

import pytest

from audit import feed, outside, sealing
from audit.models import Checkpoint, Event
from tests.demo.conftest import until


@pytest.fixture
def place(settings, tmp_path) -> Path:
    settings.AUDIT_PLACES = [str(tmp_path / "outside")]
    return tmp_path / "outside"


def seal(at: datetime) -> Checkpoint | None:
    """Everything so far under one checkpoint, copied outside."""
    until(feed.is_settled)
    made = sealing.seal(at=at)
    assert outside.publish(at=at) == []
    return made


def hashes() -> list[bytes]:
    """Of all events, in the order of the feed."""
    found = Event.objects.order_by("xid", "id").values_list("hash", flat=True)
    return [bytes(hashed) for hashed in found]
