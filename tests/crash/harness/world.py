"""A database of its own with people in it, and the environment that the product's processes get."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from audit.notes import new_seed
from config import embedded
from config.embedded import EmbeddedServer
from tests.crash.harness.seams import waits
from tests.crash.harness.seams.apps import CONTROL, POINTS
from tests.crash.harness.seams.failpoints import HITS

WEBHOOK_SECRET = "whsec_of_the_crash_test"

SETTINGS_MODULE = "tests.crash.harness.settings"
A_DAY_S = 86_400
ROOM_BYTES = 3 * 1024**3
PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Account:
    """A signed-in account. Two accounts of one human have the same `person`."""

    id: int
    email: str
    person: str
    roles: frozenset[str]
    session: str


@dataclass(frozen=True)
class Setup:
    """What of the product runs, and how. `speed` divides its waits; `serving` is gunicorn's options."""

    settings: str = SETTINGS_MODULE
    speed: int = waits.SPEED
    masters: int = 2
    serving: tuple[str, ...] = (
        "--preload",
        "--graceful-timeout=5",
        "--no-control-socket",
        "--log-level=critical",
    )
    is_on_disk: bool = False
    is_pooled: bool = False  # the web reaches the database through PgBouncer


WITH_SEAMS = Setup()


@dataclass
class World:
    """Where everything of one run lives; `accounts` are filled by `settle`."""

    directory: Path
    server: EmbeddedServer
    secret_key: str
    control: str = ""
    setup: Setup = WITH_SEAMS
    audit_key: str = field(default_factory=new_seed)
    accounts: list[Account] = field(default_factory=list)

    @property
    def points(self) -> Path:
        return self.directory / "points"

    def with_role(self, role: str) -> list[Account]:
        return [account for account in self.accounts if role in account.roles]

    @property
    def person_of(self) -> dict[int, str]:
        return {account.id: account.person for account in self.accounts}

    def connect(self) -> psycopg.Connection:
        """As superuser, past the proxy: for looking, and for playing the attacker."""
        return self.server.connect("postgres", embedded.DATABASE)

    def environment(
        self, *, database: tuple[str, int], provider: str, parameters: str = ""
    ) -> Mapping[str, str]:
        """Of the product's processes. `database`: host (or socket directory) and port;
        `parameters` are more of the URL's, such as `&connect_timeout=2`."""
        return {
            **os.environ,
            **self._logins(*database, parameters),
            "DJANGO_SETTINGS_MODULE": self.setup.settings,
            "SECRET_KEY": self.secret_key,
            "DATA_DIR": str(self.directory / "data"),
            "AUDIT_SIGNING_KEY": self.audit_key,
            "AUDIT_CHECKPOINTS": str(self.directory / "checkpoints"),
            "DEMO_SPEED": str(self.setup.speed),
            "STRIPE_API_KEY": "sk_test_crash",
            "STRIPE_API_BASE": provider,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_TIMEOUT_S": str(waits.PROVIDER_TIMEOUT_S),
            "ACCOUNT_SERVICE_URL": provider,
            "ACCOUNT_SERVICE_SECRET": "secret",
            "ACCOUNT_SERVICE_TIMEOUT_S": str(waits.PROVIDER_TIMEOUT_S),
            POINTS: str(self.points),
            CONTROL: self.control,
        }

    def use_in_this_process(self) -> None:
        """Make this process a client of the world's database, without failpoints or controls."""
        import django

        os.environ.update(
            self.environment(
                database=(str(self.server.socket_directory), 5432),
                provider="http://127.0.0.1:1",
            )
        )
        del os.environ[POINTS], os.environ[CONTROL]
        django.setup()

    def _logins(self, host: str, port: int, parameters: str) -> dict[str, str]:
        place = f"?host={host}&port={port}&sslmode=disable&gssencmode=disable{parameters}"
        return {
            variable: f"postgresql://{user}:{self.server.login(user).password}@/{embedded.DATABASE}{place}"
            for variable, user in (
                ("DATABASE_URL", embedded.APPLICATION),
                ("DATABASE_OWNER_URL", embedded.OWNER),
            )
        }


def _disk() -> str | None:
    """Memory, where there is room: we kill processes, not the power, and recovery is faster there."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a name of its own in it
    is_roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_BYTES
    return str(memory) if is_roomy else None


@contextmanager
def new(control: str = "", setup: Setup = WITH_SEAMS):
    """An empty world in a directory of its own, which goes with it."""
    place = None if setup.is_on_disk else _disk()
    directory = Path(tempfile.mkdtemp(prefix="aq-crash-", dir=place))
    directory.chmod(0o755)
    world = World(directory, EmbeddedServer(directory), secrets.token_hex(32), control, setup)
    (world.points / HITS).mkdir(parents=True)
    try:
        yield world
    finally:
        if not os.environ.get("CRASH_KEEP"):
            shutil.rmtree(directory, ignore_errors=True)


def settle(world: World) -> None:
    """Tables, the sample organisation, and the harness's own people, all signed in."""
    from django.core.management import call_command
    from django.utils import timezone

    from demo import organisation
    from tests.crash.harness.snapshot import OUTBOX

    call_command("migrate", verbosity=0, interactive=False)
    organisation.create(at=timezone.now(), password=secrets.token_urlsafe(16))
    with world.connect() as connection:
        connection.execute(OUTBOX)
        if world.control == "synchronous-commit-off":
            connection.execute(f"ALTER ROLE {embedded.APPLICATION} SET synchronous_commit = off")
            # What is not on disk yet is 0.2 s' worth otherwise: on a busy machine often nothing.
            connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
            connection.execute("SELECT pg_reload_conf()")
    world.accounts = [_account(*one) for one in PEOPLE]
    from django.db import connections

    connections.close_all()


# Account, person, teams. One human behind two accounts counts once; who asks doesn't decide.
PEOPLE: list[tuple[str, str, str]] = [
    *((f"asker{n}", f"asker{n}", "Support") for n in range(1, 7)),
    *((f"finance{n}", f"finance{n}", "Finance") for n in range(11, 16)),
    ("twin1", "twin", "Finance"),
    ("twin2", "twin", "Finance"),
    ("both", "both", "Support Finance"),
    ("both2", "both", "Finance"),
    *((f"ops{n}", f"ops{n}", "Operations") for n in range(1, 4)),
]
ROLES = {
    "Support": {"asks"},
    "Finance": {"decides refunds"},
    "Operations": {"decides changes", "operates"},
}


def _account(name: str, person: str, teams: str) -> Account:
    import uuid

    from accounts.models import Membership, Team, User

    user = User(
        email=f"{name}@crash.test",
        name=name.capitalize(),
        person_key=uuid.uuid5(uuid.NAMESPACE_DNS, person),
    )
    user.set_password(secrets.token_urlsafe(16))  # without one a second factor would be due
    user.save()
    for team in teams.split():
        Membership.objects.create(user=user, group=Team.objects.get(name=team))
    roles = frozenset().union(*(ROLES[team] for team in teams.split()))
    return Account(user.pk, user.email, person, roles, signed_in(user))


def signed_in(user: Any) -> str:
    """The key of a new session of this account, who confirms all day that it is them."""
    from allauth.account.internal.flows import login
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session: Any = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "accounts.adapter.PeopleOnly"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    # Some steps want a password that was typed a moment ago; these people type all the time.
    typed = {"method": "password", "at": time.time() + A_DAY_S, "reauthenticated": True}
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [typed]
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session.create()
    return session.session_key
