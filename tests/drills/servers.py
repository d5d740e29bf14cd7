"""Throw-away PostgreSQL servers beside the one of the tests, and the programs that operators use."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from django.db import connections

from config import embedded
from config.embedded import EmbeddedServer
from tests import postgres

DATABASE = "aq_restored"


class Machine:
    """A server that a drill may configure, stop, kill and throw away."""

    def __init__(self, directory: Path) -> None:
        self.server = EmbeddedServer(directory)
        self.process: subprocess.Popen | None = None

    @property
    def data(self) -> Path:
        return self.server.data

    @property
    def host(self) -> str:
        return str(self.server.socket_directory)

    def start(self) -> None:
        self.process = self.server.start()

    def stop(self) -> None:
        if self.process is not None:
            EmbeddedServer.stop(self.process)
        self.process = None

    def kill(self) -> None:
        """kill -9, the server and every process of it."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            os.kill(one, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def configure(self, **settings: str) -> None:
        """As an operator writes them, for the next start."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def let_replicate(self) -> None:
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("local replication all scram-sha-256\n")

    def as_superuser(self, database: str = "postgres") -> psycopg.Connection:
        return self.server.connect(database=database)

    def run(self, program: str, *arguments: str) -> str:
        """With the server's own account, as PostgreSQL wants it, and the superuser's password."""
        login = self.server.login("postgres")
        where = {"PGHOST": login.host, "PGUSER": "postgres", "PGPASSWORD": login.password}
        before = embedded._server_account(self.data)
        return run([*before, str(embedded._programs() / program), *arguments], **where)


def run(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, cwd="/", env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def program(name: str) -> str:
    return str(embedded._programs() / name)


@contextmanager
def machines() -> Iterator:
    """Makes machines in a short path that the server's account can walk; all end with the test."""
    root = Path(tempfile.mkdtemp(prefix="aq-d-"))
    root.chmod(0o755)
    made: list[Machine] = []

    def make(name: str) -> Machine:
        made.append(Machine(root / name))
        return made[-1]

    try:
        yield make
    finally:
        for machine in made:
            machine.stop()
        shutil.rmtree(root, ignore_errors=True)


def folder(machine: Machine, name: str) -> Path:
    """Beside the machine's data, for its account to write to."""
    made = machine.server.directory / name
    made.mkdir(parents=True)
    embedded._give_to_server_account(made)
    return made


def dump(database: str, to: Path) -> None:
    """As docs/operations.md says: the database, and the roles."""
    admin = os.environ[postgres.ADMIN_URL].replace("/postgres?", f"/{database}?")
    run([program("pg_dump"), "-Fc", "-Z", "gzip:1", "-f", str(to / "db.dump"), admin])
    roles = run([program("pg_dumpall"), "--roles-only", "-d", admin]).splitlines()
    every_server_has = (" postgres", f" {embedded.OWNER}", f" {embedded.APPLICATION}")
    kept = "\n".join(line for line in roles if not any(one in line for one in every_server_has))
    (to / "roles.sql").write_text(kept)


def restore(machine: Machine, backup: Path) -> None:
    """Into an empty server."""
    login = machine.server.login("postgres")
    where = {"PGHOST": login.host, "PGUSER": "postgres", "PGPASSWORD": login.password}
    stop = "--set=ON_ERROR_STOP=1"
    run([program("psql"), "--quiet", stop, "-f", str(backup / "roles.sql")], **where)
    run([program("createdb"), f"--owner={postgres.OWNER}", DATABASE], **where)
    run([program("pg_restore"), "-j2", "-d", DATABASE, str(backup / "db.dump")], **where)


def let_time_pass() -> None:
    """The tests' server has counted further than an empty one."""
    with postgres.admin() as connection:
        connection.execute(
            "DO $$ BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT;"
            " END LOOP; END $$"
        )


def count_on(machine: Machine) -> None:
    """Transactions are numbered on from beyond those that the restored events name."""
    with machine.as_superuser(DATABASE) as connection:
        [newest] = connection.execute("SELECT max(xid)::text::bigint FROM audit_event").fetchone()
    machine.stop()
    epoch, number = divmod((newest // 2**20 + 1) * 2**20, 2**32)
    machine.run(
        "pg_resetwal", f"--epoch={epoch}", f"--next-transaction-id={number}", str(machine.data)
    )
    machine.start()


def copy_of(machine: Machine, to: Machine, *options: str) -> None:
    """A base backup with `pg_basebackup`, as the data of another machine."""
    to.server.directory.mkdir(parents=True)
    to.data.mkdir(mode=0o700)
    embedded._give_to_server_account(to.data)
    for password in machine.server.directory.glob("password_*"):
        shutil.copy(password, to.server.directory)
    machine.run("pg_basebackup", "-D", str(to.data), "-X", "stream", "-c", "fast", *options)


@contextmanager
def product_on(machine: Machine, database: str = DATABASE) -> Iterator[None]:
    """The product speaks to this machine, with the logins that it has everywhere."""
    before = {one.alias: dict(one.settings_dict) for one in connections.all()}
    for one in connections.all():
        one.close()
        one.settings_dict |= {"HOST": machine.host, "PORT": "5432", "NAME": database}
    try:
        yield
    finally:
        for one in connections.all():
            one.close()
            one.settings_dict |= before[one.alias]


def wait_for(is_so, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "It did not come to be."
        time.sleep(0.05)
