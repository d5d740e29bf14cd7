"""PgBouncer in transaction mode between the web and the database, as docs/how-to/several-hosts.md has it."""

import os
import pwd
import shutil
from pathlib import Path

from config import embedded
from config.embedded import EmbeddedServer

ACCOUNT = "nobody"  # it does not run as root
WEB_PARAMETERS = "&prepare_threshold=never"
# It drops what a connection asks for at its start; so the login has it.
LIMITS = {
    "lock_timeout": "'2s'",
    "statement_timeout": "'15s'",
    "idle_in_transaction_session_timeout": "'15s'",
    "join_collapse_limit": "4",
}
SETTINGS = """[databases]
* = host=127.0.0.1 port={to}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
default_pool_size = 6
ignore_startup_parameters = options
"""


def why_not() -> str:
    return "" if shutil.which("pgbouncer") else "There is no PgBouncer here."


def command(directory: Path, server: EmbeddedServer, *, port: int, to: int) -> list[str]:
    """In front of port `to`, with fewer connections to the database than the web has threads."""
    directory.mkdir()
    login, password = embedded.APPLICATION, server.login(embedded.APPLICATION).password
    (directory / "users").write_text(f'"{login}" "{password}"\n')
    users = directory / "users"
    (directory / "ini").write_text(SETTINGS.format(port=port, to=to, users=users))
    as_root = os.geteuid() == 0
    if as_root:
        for place in (directory, users, directory / "ini"):
            os.chown(place, pwd.getpwnam(ACCOUNT).pw_uid, -1)
    return ["pgbouncer", "-q", *(["-u", ACCOUNT] if as_root else []), str(directory / "ini")]


def set_limits(server: EmbeddedServer) -> None:
    where = f"ALTER ROLE {embedded.APPLICATION} IN DATABASE {embedded.DATABASE}"
    with server.connect("postgres", embedded.DATABASE) as connection:
        for name, value in LIMITS.items():
            connection.execute(f"{where} SET {name} = {value}")
