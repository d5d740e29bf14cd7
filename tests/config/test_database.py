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


def test_the_address_has_the_last_word():
    asked = env.read(
        {"DATABASE_URL": f"{LOGIN}?tcp_user_timeout=5000&sslmode=require", "SECRET_KEY": "k" * 32}
    )
    options = databases(asked)["default"]["OPTIONS"]
    assert (options["tcp_user_timeout"], options["sslmode"]) == ("5000", "require")
