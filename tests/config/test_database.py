"""What every connection of the product asks of PostgreSQL's client library."""

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
