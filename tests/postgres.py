"""A throw-away PostgreSQL for the tests, started before Django reads its settings.

Our own embedded server, or the one of `TEST_DATABASE_URL` (a login that may create databases and
roles). The tests use the application's login, as the product does: the owner only migrates.
"""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from audit.notes import new_seed
from config.embedded import EmbeddedServer, create_database, create_login

OWNER, APPLICATION = "aq_test_owner", "aq_test_app"
ADMIN_URL = "AQ_TEST_ADMIN_URL"


def prepare() -> None:
    """Once for all test processes; the workers of pytest-xdist inherit the environment."""
    if ADMIN_URL in os.environ:
        return
    os.environ[ADMIN_URL] = os.environ.get("TEST_DATABASE_URL") or _embedded()
    passwords = {OWNER: secrets.token_hex(16), APPLICATION: secrets.token_hex(16)}
    with admin() as connection:
        for user, password in passwords.items():
            create_login(connection, user, password)
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(user), sql.Literal(password)
                )
            )
        place = connection.info
        host, port = place.host, place.port
    os.environ["SECRET_KEY"] = secrets.token_hex(32)
    os.environ["AUDIT_SIGNING_KEY"] = new_seed()
    for variable, user in (("DATABASE_URL", APPLICATION), ("DATABASE_OWNER_URL", OWNER)):
        login = f"{user}:{passwords[user]}"
        os.environ[variable] = f"postgresql://{login}@/aq_test?host={quote(host)}&port={port}"


def _embedded() -> str:
    directory = Path(tempfile.mkdtemp(prefix="aq-"))
    directory.chmod(0o755)
    server = EmbeddedServer(directory, durable=False)
    process = server.start()
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    atexit.register(EmbeddedServer.stop, process)
    login = server.login("postgres", "postgres")
    return f"postgresql://postgres:{login.password}@/postgres?host={quote(login.host)}&port=5432"


def admin(database: str = "") -> psycopg.Connection:
    """A connection that may do everything; for building databases and for playing the attacker."""
    extra = {"dbname": database} if database else {}
    return psycopg.connect(os.environ[ADMIN_URL], autocommit=True, **extra)


def build(name: str, *, template: str | None = None) -> None:
    """An empty database, or a copy of `template`; an older one of that name goes."""
    drop(name)
    with admin() as connection:
        if template is None:
            create_database(connection, name, owner=OWNER)
            return
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template)
            )
        )


def drop(name: str) -> None:
    with admin() as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


prepare()
