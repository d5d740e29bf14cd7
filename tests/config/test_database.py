"""What every connection of the product asks of PostgreSQL's client library."""

import psycopg
import pytest
from django.db import connection

from config import env
from config.database import databases

LOGIN = "postgresql://app:secret@db.example/queue"


@pytest.mark.django_db
def test_a_vanished_server_is_noticed_in_half_a_minute():
    connection.ensure_connection()
    used = connection.connection.info.get_parameters()
    idle = int(used["keepalives_idle"])
    assert idle + int(used["keepalives_interval"]) * int(used["keepalives_count"]) <= 30
    assert int(used["tcp_user_timeout"]) <= 30_000


def options_of(query: str) -> dict:
    asked = env.read({"DATABASE_URL": f"{LOGIN}?{query}", "SECRET_KEY": "k" * 32})
    return databases(asked)["default"]["OPTIONS"]


def test_the_address_has_the_last_word():
    options = options_of("tcp_user_timeout=5000&sslmode=require")
    assert (options["tcp_user_timeout"], options["sslmode"]) == ("5000", "require")


@pytest.mark.parametrize(
    ("said", "threshold"),
    [("", 5), ("prepare_threshold=0", 0), ("prepare_threshold=never", None)],
)
def test_plans_are_kept_unless_the_address_says_otherwise(said, threshold):
    """A pooler that lends its connections for one transaction loses them."""
    assert options_of(said)["prepare_threshold"] == threshold


@pytest.mark.parametrize(
    ("place", "host", "port"),
    [
        ("db.example", "db.example", ""),
        ("db.example:6432", "db.example", "6432"),
        ("10.0.0.1:5432,10.0.0.2:5433", "10.0.0.1,10.0.0.2", "5432,5433"),
        ("10.0.0.1,10.0.0.2", "10.0.0.1,10.0.0.2", ""),
        ("[::1]:5432,db.example:5433", "::1,db.example", "5432,5433"),
    ],
)
def test_several_servers_are_handed_on_as_the_client_library_takes_them(place, host, port):
    found = env.DatabaseLogin.from_url("DATABASE_URL", f"postgresql://app:s%40cret@{place}/queue")
    assert (found.host, found.port, found.password) == (host, port, "s@cret")


def test_one_of_several_ports_that_is_no_number_is_named():
    with pytest.raises(env.ConfigurationError, match="port"):
        env.DatabaseLogin.from_url("DATABASE_URL", "postgresql://app@one:5432,two:x/queue")


@pytest.mark.django_db
def test_the_server_that_takes_writes_is_found_among_several():
    """The first of the two is nobody's; a standby is passed over by `target_session_attrs`."""
    connection.ensure_connection()
    used = connection.connection.info
    params = {**connection.get_connection_params(), "target_session_attrs": "read-write"}
    params |= {"host": f"/nowhere,{used.host}", "port": f"5432,{used.port}"}
    with psycopg.connect(**params) as other:
        assert other.info.host == used.host
