"""The cast: the same people in every test, and a fixed clock that is handed in."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from accounts.models import User
from demo import organisation
from tests import postgres
from tests.cast import Cast

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker) -> Iterator[str]:
    """Migrate one database as its owner; it is also the template of those that tests commit to."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"aq_test_{worker}"
    postgres.build(name)
    point_to(name)
    with django_db_blocker.unblock(), override_settings(PASSWORD_HASHERS=FAST):
        call_command("migrate", verbosity=0, interactive=False)
        organisation.create(at=datetime(2026, 11, 20, 8, tzinfo=UTC), password=PASSWORD)
        connections.close_all()
    postgres.build(f"{name}_template", template=name)
    yield name
    connections.close_all()
    postgres.drop(name)
    postgres.drop(f"{name}_template")


FAST = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def point_to(name: str) -> None:
    for connection in connections.all():
        connection.close()
        connection.settings_dict["NAME"] = name


@pytest.fixture(autouse=True)
def _fast_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = FAST


@pytest.fixture
def committed_db(django_db_setup: str, django_db_blocker) -> Iterator[str]:
    """A database of its own for tests that commit, use threads or other processes; its name."""
    name = f"{django_db_setup}_committed"
    postgres.build(name, template=f"{django_db_setup}_template")
    point_to(name)
    with django_db_blocker.unblock():
        yield name
        connections.close_all()
    point_to(django_db_setup)
    postgres.drop(name)


@pytest.fixture
def now() -> datetime:
    """Tue 24 Nov 2026, 09:12 UTC."""
    return datetime(2026, 11, 24, 9, 12, tzinfo=UTC)


@pytest.fixture
def cast(request, now: datetime) -> Cast:
    """Everybody. Needs a database: `db`, or `committed_db` where that is asked for."""
    if "committed_db" not in request.fixturenames:
        request.getfixturevalue("db")
    people = {user.email: user for user in User.objects.all()}
    return Cast(people, now)
