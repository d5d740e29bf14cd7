"""A morning with one request of each sort that is handed over, and a draft about it."""

import pytest

from approvals.commands import operate
from approvals.kinds.base import Refused, Unknown
from handoffs.models import Handoff
from tests.approvals.conftest import provider  # noqa: F401 - a fixture
from tests.approvals.pages.conftest import as_  # noqa: F401 - a fixture
from tests.handoffs.common import Morning, send, start


@pytest.fixture
def morning(cast, provider) -> Morning:  # noqa: F811
    """RISKY: an unknown outcome. PEOPLE: one that waits for finance. RETRYING and HELD: one each."""
    people = cast.ask()
    provider.sends = Unknown("no-answer")
    risky = cast.approve(cast.ask())
    cast.run(risky)
    provider.sends = Refused("too-many-requests", permanent=False)
    retrying = cast.approve(cast.ask())
    cast.run(retrying)
    held = cast.approve(cast.ask())
    operate.hold(ref=held.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="It waits.")
    return Morning(*(cast.get(item.ref) for item in (risky, people, retrying, held)))


@pytest.fixture
def draft(cast, morning) -> Handoff:
    """From the first operator to the second, of the night."""
    return start(cast)


@pytest.fixture
def sent(cast, draft) -> Handoff:
    return send(cast, draft)
