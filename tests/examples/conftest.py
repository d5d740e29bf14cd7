"""The product as it runs: a web server, a worker and the provider, each a process of its own."""

from collections.abc import Callable, Iterator
from datetime import datetime
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Membership, Team, User
from tests.crash.common import environment
from tests.crash.conftest import provider, start_worker  # noqa: F401 - fixtures
from tests.demo.conftest import Simulator, simulator, start  # noqa: F401 - fixtures
from tests.examples.web import Web


@pytest.fixture
def now() -> datetime:
    """The processes have clocks of their own, so the cast lives in the present, too."""
    return timezone.now()


@pytest.fixture
def web(provider: Simulator, committed_db: str) -> Iterator[Web]:  # noqa: F811
    server = Web({**environment(provider, committed_db), "DEMO_SPEED": "50"})
    server.start()
    yield server
    server.kill()


@pytest.fixture
def token(committed_db: str) -> Callable[..., str]:
    """`token(email, scope, …)`: made as an operator makes it."""

    def make(email: str, *scopes: str) -> str:
        options = [option for scope in scopes for option in ("--scope", scope)]
        out = StringIO()
        call_command("create_token", email, "--name", "example", *options, stdout=out)
        return out.getvalue().strip()

    return make


@pytest.fixture
def service_account(committed_db: str) -> User:
    """A program's account in the team that may ask for refunds."""
    user = User.objects.create_user("shop@demo.test", name="Shop", is_service=True)
    Membership.objects.create(user=user, group=Team.objects.get(name="Support"))
    return user
