"""The failpoint `migrate.mid`: a migration that is killed in the middle is simply run again."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests import postgres
from tests.demo.conftest import until

NAME = "aq_test_migrate"


@pytest.fixture
def environment():
    postgres.build(NAME)
    yield {
        **os.environ,
        **{
            variable: os.environ[variable].replace("/aq_test?", f"/{NAME}?")
            for variable in ("DATABASE_URL", "DATABASE_OWNER_URL")
        },
    }
    postgres.drop(NAME)


def applied() -> int:
    with postgres.admin(NAME) as connection:
        [there] = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
        if there is None:
            return 0
        return connection.execute("SELECT count(*) FROM django_migrations").fetchone()[0]


def test_a_migration_killed_in_the_middle_is_finished_by_the_next_one(environment):
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment)
    until(lambda: applied() >= 12 or process.poll() is not None)
    process.kill()
    process.wait()
    assert applied() > 0
    subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True, timeout=120)
    check = [sys.executable, "manage.py", "migrate", "--check", "--verbosity", "0"]
    assert (
        subprocess.run(check, cwd=settings.BASE_DIR, env=environment, check=False).returncode == 0
    )
