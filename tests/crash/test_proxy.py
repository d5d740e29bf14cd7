"""The line to the database, as the crash test spoils it: what the client is told and what is there."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests import postgres

NAME = "aq_test_proxy"


class Line:
    """A proxy in a process of its own, and connections through it."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.port = int(process.stdout.readline())

    def order(self, **order) -> dict[str, int]:
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(
            os.environ[postgres.ADMIN_URL],
            host="127.0.0.1",
            port=self.port,
            dbname=NAME,
            sslmode="disable",
            gssencmode="disable",
        )


@pytest.fixture
def line() -> Iterator[Line]:
    with postgres.admin() as connection:
        place = connection.info
        if not place.host.startswith("/"):
            pytest.skip("The proxy stands in front of a socket; this server has none here.")
        path = f"{place.host}/.s.PGSQL.{place.port}"
    postgres.build(NAME)
    with postgres.admin(NAME) as connection:
        connection.execute("CREATE TABLE told (word text)")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.harness.proxy", path, "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield Line(process)
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    postgres.drop(NAME)


def rows() -> int:
    with postgres.admin(NAME) as connection:
        return connection.execute("SELECT count(*) FROM told").fetchone()[0]


def tell(connection: psycopg.Connection) -> None:
    connection.execute("INSERT INTO told VALUES ('once')")
    connection.commit()


def test_a_sound_line_changes_nothing(line):
    with line.connect() as connection:
        tell(connection)
    assert rows() == 1
    assert line.order() == {}


@pytest.mark.parametrize(("fault", "there"), [("before_commit", 0), ("after_commit", 1)])
def test_a_cut_at_commit_tells_the_client_the_same_whatever_happened(line, fault, there):
    connection = line.connect()
    line.order(rates={fault: 1.0})
    with pytest.raises(psycopg.OperationalError) as told:
        tell(connection)
    assert told.value.sqlstate is None
    assert rows() == there
    assert line.order() == {fault: 1}


def test_a_half_open_line_keeps_its_locks_until_it_is_reset(line):
    connection = line.connect()
    connection.execute("LOCK TABLE told")
    line.order(freeze=1, seconds=0.5)
    with postgres.admin(NAME) as other:
        query = (  # of this table: other tests lock things of theirs on the same server
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
            " AND relation = 'told'::regclass"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert other.execute(query).fetchone()[0] == 1
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        deadline = time.monotonic() + 30
        while other.execute(query).fetchone()[0] and time.monotonic() < deadline:
            pass
        assert other.execute(query).fetchone()[0] == 0


def test_a_reset_ends_the_connection(line):
    connection = line.connect()
    assert line.order(reset=5) == {"reset": 1}
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
