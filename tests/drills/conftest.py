"""A database of its own for each drill, machines to restore it on, and administrators for releases."""

import pytest

from tests.crash.conftest import provider  # noqa: F401 - a fixture
from tests.demo.conftest import simulator, start  # noqa: F401 - fixtures
from tests.drills import servers


@pytest.fixture
def machine():
    """`machine("name")` makes one that does not run yet."""
    with servers.machines() as make:
        yield make


@pytest.fixture
def other_admin(cast):
    user = cast.second_operator
    user.is_staff = True
    user.save()
    return user


@pytest.fixture
def copy_to(committed_db, tmp_path):
    """Fill an empty machine with what stands in the tests' database."""

    def fill(target: servers.Machine) -> None:
        servers.dump(committed_db, tmp_path)
        servers.restore(target, tmp_path)
        servers.count_on(target)

    return fill
