"""PostgreSQL on two hosts: a primary and its streaming standby, and what an operator does with them.

Patroni's part is played here: it has one primary, makes commits wait for a standby that streams,
promotes only that one, and lets an old primary come back only as a standby (docs/decisions/0031).
"""

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from config import embedded
from config.embedded import EmbeddedServer
from tests.drills.servers import run
from tests.hosts.topology import Host, Lan

PORT = 5432
# A host that has gone is noticed in seconds, on the servers' side as well (docs/operations.md).
NOTICING = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "wal_sender_timeout": "5s",
    "wal_receiver_timeout": "5s",
    "wal_retrieve_retry_interval": "500ms",
    "wal_keep_size": "1GB",  # what pg_rewind and a standby that was away still need
}


class Server:
    """PostgreSQL on one host, reached over TCP by others and by its socket from here."""

    def __init__(self, host: Host, directory: Path, net: str) -> None:
        self.host, self.net = host, net
        self.embedded = EmbeddedServer(directory)
        self.process: subprocess.Popen | None = None

    def initialise(self) -> None:
        """An empty one with the product's two logins, not running."""
        process = self.embedded.start()
        EmbeddedServer.stop(process)
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("local replication all scram-sha-256\n")
            file.writelines(
                f"host {name} all {self.net} scram-sha-256\n" for name in ("all", "replication")
            )

    @property
    def data(self) -> Path:
        return self.embedded.data

    def start(self, *, is_isolated: bool = False) -> None:
        """Isolated, nobody reaches it over the network, and its commits wait for nobody."""
        where = {"listen_addresses": "" if is_isolated else self.host.address}
        where |= {"unix_socket_directories": str(self.embedded.socket_directory)}
        settings = {**embedded.SETTINGS, **NOTICING, **where}
        if is_isolated:
            settings["synchronous_standby_names"] = ""
        self.embedded.socket_directory.mkdir(exist_ok=True, mode=0o700)
        embedded._give_to_server_account(self.embedded.socket_directory)
        options = [f"--{name}={value.strip(chr(39))}" for name, value in settings.items()]
        command = [
            *embedded._server_account(self.data, dies_with_parent=True),
            *(str(embedded._programs() / "postgres"), "-D", str(self.data)),
            *options,
        ]
        with (self.embedded.directory / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.host.inside(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        wait_for(self.embedded.is_running, f"PostgreSQL on {self.host.name} did not start.")

    def stop(self) -> None:
        if self.process is not None:
            EmbeddedServer.stop(self.process)
        self.process = None

    def kill(self) -> int:
        """The power goes: every process of the host at once. How many those were."""
        killed = self.host.kill()
        if self.process is not None:
            self.process.wait()
        self.process = None
        return killed

    def ask(self, query: str, database: str = "postgres") -> list[tuple]:
        """As superuser, whatever happens to its cable."""
        with self.embedded.connect("postgres", database) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def does(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's programs, on this host, with the superuser's password."""
        before = embedded._server_account(self.data)
        command = [*before, str(embedded._programs() / program), *arguments]
        run(self.host.inside(command), PGPASSWORD=self.password)

    @property
    def password(self) -> str:
        return self.embedded.login("postgres").password

    def address(self) -> str:
        return (
            f"host={self.host.address} port={PORT} user=postgres dbname=postgres connect_timeout=5"
        )


@dataclass
class Pair:
    """Which of two servers is the primary. With `synchronous` its commits wait for the other."""

    primary: Server
    standby: Server
    synchronous: bool

    @classmethod
    def on(
        cls, lan: Lan, hosts: tuple[Host, Host], directory: Path, *, synchronous: bool
    ) -> "Pair":
        net = f"10.77.{lan.net}.0/24"
        return cls(*(Server(host, directory / host.name, net) for host in hosts), synchronous)

    def start_primary(self) -> None:
        self.primary.initialise()
        self.primary.start()

    def start_standby(self) -> None:
        """From a base backup; once it streams, commits wait for it."""
        one, other = self.primary, self.standby
        other.embedded.directory.mkdir(parents=True)
        other.data.mkdir(mode=0o700)
        embedded._give_to_server_account(other.data)
        for password in one.embedded.directory.glob("password_*"):
            shutil.copy(password, other.embedded.directory)
        how = ("-D", str(other.data), "-X", "stream", "-c", "fast", "--write-recovery-conf")
        other.does(
            "pg_basebackup", "-d", f"{one.address()} application_name={other.host.name}", *how
        )
        other.start()
        self.join()

    def join(self) -> None:
        """The standby streams; if it is to, the primary waits for it from now on."""
        wait_for(self.streams, "The standby does not stream.")
        if self.synchronous:
            self._have_commits_wait_for(self.standby.host.name)
            wait_for(lambda: self.streams("sync"), "The standby is not synchronous.")

    def streams(self, state: str = "") -> bool:
        found = self.primary.ask("SELECT state, sync_state FROM pg_stat_replication")
        return any(one == "streaming" and state in ("", sync) for one, sync in found)

    def _have_commits_wait_for(self, name: str) -> None:
        self.primary.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        self.primary.ask("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """The standby becomes the primary; until the other is back its commits wait for nobody."""
        self.standby.ask("SELECT pg_promote(true, 60)")
        self.primary, self.standby = self.standby, self.primary

    def rejoin(self, read: Callable[[psycopg.Connection], None]) -> None:
        """The old primary as a standby. `read` sees first what it alone had committed."""
        old = self.standby
        old.kill()
        old.host.mend()
        old.host.speak_to(self.primary.host)
        (old.data / "postmaster.pid").unlink(missing_ok=True)
        old.start(is_isolated=True)
        with old.embedded.connect("postgres", embedded.DATABASE) as connection:
            read(connection)
        old.stop()
        source = f"{self.primary.address()} application_name={old.host.name}"
        where = ("--target-pgdata", str(old.data), "--source-server", source)
        self.primary.ask("CHECKPOINT")
        old.does("pg_rewind", *where, "--write-recovery-conf")
        old.start()
        self.join()

    def stop(self) -> None:
        for server in (self.primary, self.standby):
            server.host.kill()


def wait_for(is_so: Callable[[], object], otherwise: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.05)
