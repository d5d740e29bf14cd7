"""A receiver that the environment allows, and an endpoint that is told everything."""

from collections.abc import Iterator

import pytest

from tests.crash.conftest import provider, simulator, start, start_worker  # noqa: F401 - fixtures
from tests.webhooks.common import Clock, Receiver, listening, make
from webhooks.models import Endpoint


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    with listening() as found:
        settings.WEBHOOK_TEST_ADDRESSES = [found.place]
        yield found


@pytest.fixture
def clock(now) -> Clock:
    return Clock(now)


@pytest.fixture
def endpoint(cast, receiver) -> Endpoint:
    return make(cast, url=receiver.url)[0]
