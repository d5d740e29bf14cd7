"""Which PostgreSQL, and with which of its two logins (docs/decisions/0001).

`default` is the application's login: it can't change the schema, nor an event once written.
`owner` is for migrations only. Both point to the same database.
"""

from typing import Any

from config import embedded
from config.env import DatabaseLogin, Environment

TIMEOUTS = {
    "lock_timeout": "2s",
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "15s",
}
# A request is read with its queue, people, effect and policy: eight joins along foreign keys, in an
# order that is right as it is. Trying all the others out took 17 ms of planning for 0.3 ms of work.
PLANNING = {"join_collapse_limit": 4}
# A server that has vanished without a word (a cut cable, a failed switch) is noticed in half a
# minute, not in the system's two hours. Without meaning on a Unix socket.
ALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}
# What is asked often and found by its key (`accounts.kept_queries`) keeps its plan on the connection
# once it was asked so many times. Behind a pooler that lends connections for one transaction:
# `?prepare_threshold=never`.
PREPARE_AFTER = 5


def databases(env: Environment) -> dict[str, dict[str, Any]]:
    if env.database:
        logins = {"default": env.database, "owner": env.database_owner}
    else:
        server = embedded.EmbeddedServer(env.data_dir)
        logins = {
            "default": server.login(embedded.APPLICATION),
            "owner": server.login(embedded.OWNER),
        }
    found = {alias: _database(login) for alias, login in logins.items() if login}
    options = " ".join(f"-c {name}={value}" for name, value in {**TIMEOUTS, **PLANNING}.items())
    found["default"]["OPTIONS"]["options"] = options
    return found


def _database(login: DatabaseLogin) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": login.name,
        "USER": login.user,
        "PASSWORD": login.password,
        "HOST": login.host,
        "PORT": login.port,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, **ALIVE, **login.options, **_preparing(login)},
    }


def _preparing(login: DatabaseLogin) -> dict[str, int | None]:
    wanted = login.options.get("prepare_threshold", str(PREPARE_AFTER))
    return {"prepare_threshold": int(wanted) if wanted.isdecimal() else None}
