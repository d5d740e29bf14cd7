"""The environment, read once, typed and checked. The only module that reads `os.environ`.

A missing or malformed value raises `ConfigurationError` with one sentence that says what to set.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from audit.notes import NAME, MalformedKey, PublicKey, SigningKey, new_seed
from config.email import MalformedAddress, email_settings
from config.oidc import Oidc

BASE_DIR = Path(__file__).resolve().parent.parent
LONGEST_CALL_S = 25
SHORTEST_WEBHOOK_SECRET = 16
RATE = re.compile(r"([1-9]\d{0,6})/(s|min|h)", re.ASCII)
HOST_AND_PORT = re.compile(r"[a-z0-9.-]{1,253}:[1-9][0-9]{0,4}", re.ASCII)
MAIL_ADDRESS = re.compile(r"[^\s@<>,;]{1,64}@[a-z0-9.-]{1,253}", re.ASCII | re.IGNORECASE)
SHORTEST_METRICS_TOKEN = 16
SHORTEST_PASSWORD_WORD = 4
LOG_FORMATS = ("json", "line")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class ConfigurationError(Exception):
    """The environment cannot be used; the message is for the person who starts the product."""


@dataclass(frozen=True)
class DatabaseLogin:
    """One login on one PostgreSQL database. `host` may be the directory of a Unix socket."""

    name: str
    user: str
    password: str
    host: str
    port: str
    options: Mapping[str, str]

    @classmethod
    def from_url(cls, variable: str, url: str) -> "DatabaseLogin":
        parts = urlsplit(url)
        name = unquote(parts.path.lstrip("/"))
        if parts.scheme not in ("postgres", "postgresql") or not name:
            raise ConfigurationError(
                f"{variable} must look like postgresql://user:password@host:5432/database."
            )
        host, port = _hosts(variable, parts.netloc.rpartition("@")[2])
        options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        return cls(
            name=name,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            host=options.pop("host", host),
            port=options.pop("port", port),
            options=options,
        )


def _hosts(variable: str, netloc: str) -> tuple[str, str]:
    """Host and port; of several servers lists of them, as PostgreSQL's client library takes them."""
    hosts, ports = [], []
    for place in netloc.split(","):
        one = urlsplit(f"//{place}")
        try:
            ports.append(str(one.port or ""))
        except ValueError as error:
            raise ConfigurationError(f"{variable} has a port that is not a number.") from error
        hosts.append(unquote(one.hostname or ""))
    return ",".join(hosts), ",".join(ports) if any(ports) else ""


@dataclass(frozen=True)
class Environment:
    """Everything the product takes from its environment (contract §2)."""

    database: DatabaseLogin | None
    database_owner: DatabaseLogin | None
    data_dir: Path
    secret_key: str
    secret_key_fallbacks: list[str]
    allowed_hosts: list[str]
    debug: bool
    https: bool
    stripe_api_key: str
    stripe_api_base: str
    account_service_url: str
    account_service_secret: str
    demo_password: str
    speed: int
    stripe_webhook_secrets: list[str]
    stripe_timeout_s: float
    account_service_timeout_s: float
    api_limit_per_token: tuple[int, int]
    api_limit_per_address: tuple[int, int]
    api_limit_of_guesses: tuple[int, int]
    trusted_proxy_count: int
    webhook_test_addresses: list[str]
    metrics_token: str
    metrics_dir: Path | None
    email_url: str
    email: Mapping[str, object]  # Django's settings of mail
    email_from: str
    audit_origin: str
    audit_signing_keys: list[SigningKey]  # the first is the newest
    audit_trusted_keys: list[PublicKey]
    audit_places: list[str]  # folders and URLs to which checkpoints are copied
    password_words: list[str]  # of the organisation, which no password is made of
    second_factor_for: str  # who needs one besides those of teams that say so; "": nobody
    oidc: Oidc | None  # single sign-on
    base_url: str  # where people find the product, for links in mails
    more_kinds: list[str]  # classes of other packages, as dotted paths
    log_format: str  # "" when not chosen, and so is log_level
    log_level: str

    @property
    def secrets(self) -> list[str]:
        """Every one that is set, the longest first: what no log and no kept text may hold."""
        logins = [login for login in (self.database, self.database_owner) if login]
        found = [
            self.secret_key,
            self.metrics_token,
            self.stripe_api_key,
            self.account_service_secret,
            self.demo_password,
            *self.stripe_webhook_secrets,
            *self.secret_key_fallbacks,
            *(key.text for key in self.audit_signing_keys),
            self.oidc.client_secret if self.oidc else "",
            str(self.email.get("EMAIL_HOST_PASSWORD", "")),
            *(login.password for login in logins),
        ]
        return sorted((secret for secret in found if secret), key=len, reverse=True)

    @staticmethod
    def for_children(**changes: str) -> dict[str, str]:
        """The environment of a process that this one starts."""
        return {**os.environ, **changes}

    @staticmethod
    def share(**changes: str) -> None:
        """Set for this process and those that it starts, where a library reads it by itself."""
        os.environ.update(changes)


def read(environ: Mapping[str, str] = os.environ) -> Environment:
    """Raise `ConfigurationError` for the first value that cannot be used."""
    database, owner = _logins(environ)
    data_dir = Path(environ.get("DATA_DIR", str(BASE_DIR / ".data"))).absolute()
    return Environment(
        database=database,
        database_owner=owner,
        data_dir=data_dir,
        secret_key=_secret_key(environ, data_dir),
        secret_key_fallbacks=_fallbacks(environ, "SECRET_KEY_FALLBACKS"),
        more_kinds=environ.get("MORE_KINDS", "").replace(",", " ").split(),
        allowed_hosts=environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(","),
        debug=_yes_or_no(environ, "DEBUG"),
        https=_yes_or_no(environ, "HTTPS"),
        stripe_api_key=environ.get("STRIPE_API_KEY", ""),
        stripe_api_base=_address(environ, "STRIPE_API_BASE", "https://api.stripe.com"),
        account_service_url=_address(environ, "ACCOUNT_SERVICE_URL", ""),
        account_service_secret=environ.get("ACCOUNT_SERVICE_SECRET", ""),
        demo_password=environ.get("DEMO_PASSWORD", ""),
        speed=_speed(environ),
        stripe_webhook_secrets=_secrets(environ, "STRIPE_WEBHOOK_SECRET"),
        stripe_timeout_s=_time_of_a_call(environ, "STRIPE_TIMEOUT_S"),
        account_service_timeout_s=_time_of_a_call(environ, "ACCOUNT_SERVICE_TIMEOUT_S"),
        api_limit_per_token=_rate(environ, "API_LIMIT_PER_TOKEN", "600/min"),
        api_limit_per_address=_rate(environ, "API_LIMIT_PER_ADDRESS", "3000/min"),
        api_limit_of_guesses=_rate(environ, "API_LIMIT_OF_GUESSES", "30/min"),
        trusted_proxy_count=_few(environ, "TRUSTED_PROXY_COUNT"),
        webhook_test_addresses=_hosts_and_ports(environ, "WEBHOOK_TEST_ADDRESSES"),
        metrics_token=_metrics_token(environ),
        metrics_dir=_folder(environ, "PROMETHEUS_MULTIPROC_DIR"),
        email_url=environ.get("EMAIL_URL", ""),
        email=_email(environ, "EMAIL_URL"),
        email_from=_mail_address(environ, "EMAIL_FROM", "approval-queue@localhost"),
        audit_origin=_origin(environ),
        audit_signing_keys=_signing_keys(environ, data_dir),
        audit_trusted_keys=_trusted_keys(environ),
        audit_places=_places(environ, data_dir),
        password_words=_words(environ, "PASSWORD_WORDS"),
        second_factor_for=_one_of(environ, "SECOND_FACTOR_FOR", ("administrators", "everybody")),
        oidc=_oidc(environ),
        base_url=_address(environ, "BASE_URL", "http://127.0.0.1:8000"),
        log_format=_one_of(environ, "LOG_FORMAT", LOG_FORMATS),
        log_level=_one_of(environ, "LOG_LEVEL", LOG_LEVELS),
    )


def _logins(
    environ: Mapping[str, str],
) -> tuple[DatabaseLogin | None, DatabaseLogin | None]:
    url, owner_url = environ.get("DATABASE_URL"), environ.get("DATABASE_OWNER_URL")
    if not url:
        if owner_url:
            raise ConfigurationError("DATABASE_OWNER_URL is set but DATABASE_URL is not; set both.")
        return None, None
    database = DatabaseLogin.from_url("DATABASE_URL", url)
    if not owner_url:
        return database, None
    owner = DatabaseLogin.from_url("DATABASE_OWNER_URL", owner_url)
    if owner.user == database.user:
        raise ConfigurationError(
            "DATABASE_OWNER_URL and DATABASE_URL use the same login; "
            "the application must not own the tables it writes to."
        )
    return database, owner


def _secret_key(environ: Mapping[str, str], data_dir: Path) -> str:
    """The key from the environment, or the one that the demo left in the data directory."""
    if key := environ.get("SECRET_KEY", ""):
        if len(key) < 32:
            raise ConfigurationError("SECRET_KEY needs at least 32 characters.")
        return key
    if environ.get("DATABASE_URL"):
        raise ConfigurationError("SECRET_KEY must be set when DATABASE_URL is set.")
    from config.keyfile import keep

    return keep(data_dir / "secret_key")


def _origin(environ: Mapping[str, str]) -> str:
    """The name under which checkpoints are signed."""
    name = environ.get("AUDIT_ORIGIN") or "approval-queue"
    if not NAME.fullmatch(name):
        raise ConfigurationError("AUDIT_ORIGIN must be one word without a plus sign.")
    return name


def _signing_keys(environ: Mapping[str, str], data_dir: Path) -> list[SigningKey]:
    """From the environment; a trial installation makes one for itself. None: nothing is signed."""
    given = [key.strip() for key in environ.get("AUDIT_SIGNING_KEY", "").split(",") if key.strip()]
    if not given and not environ.get("DATABASE_URL"):
        from config.keyfile import keep

        given = [keep(data_dir / "audit_signing_key", make=new_seed)]
    if len(given) > 2:
        raise ConfigurationError("AUDIT_SIGNING_KEY takes the new key and the old one, no more.")
    try:
        return [SigningKey.read(_origin(environ), key) for key in given]
    except MalformedKey as error:
        raise ConfigurationError(
            "AUDIT_SIGNING_KEY must be the base64 of 32 random bytes, such as `openssl rand -base64 32`"
            " prints; or the new one and the old one, separated by a comma."
        ) from error


def _trusted_keys(environ: Mapping[str, str]) -> list[PublicKey]:
    given = environ.get("AUDIT_TRUSTED_KEYS", "").split(",")
    try:
        return [PublicKey.read(key.strip()) for key in given if key.strip()]
    except MalformedKey as error:
        raise ConfigurationError(
            "AUDIT_TRUSTED_KEYS must be public keys as the verification page shows them,"
            " separated by commas."
        ) from error


def _places(environ: Mapping[str, str], data_dir: Path) -> list[str]:
    given = environ.get("AUDIT_CHECKPOINTS")
    if given is None and not environ.get("DATABASE_URL"):
        return [str(data_dir / "checkpoints")]
    places = [place.strip().rstrip("/") for place in (given or "").split(",") if place.strip()]
    if not all(place.startswith(("/", "https://", "http://127.0.0.1:")) for place in places):
        raise ConfigurationError(
            "AUDIT_CHECKPOINTS must be folders, such as /var/lib/checkpoints, or https addresses,"
            " separated by commas."
        )
    return places


def _fallbacks(environ: Mapping[str, str], name: str) -> list[str]:
    """Keys from before: what was signed or sealed with them still opens."""
    keys = [key for key in environ.get(name, "").split(",") if key]
    if any(len(key) < 32 for key in keys):
        raise ConfigurationError(f"{name} needs at least 32 characters for each key.")
    return keys


def _yes_or_no(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name, "").strip().lower()
    if value in ("", "0", "false", "no", "off"):
        return False
    if value in ("1", "true", "yes", "on"):
        return True
    raise ConfigurationError(f"{name} must be 1 or 0, not {value!r}.")


def _speed(environ: Mapping[str, str]) -> int:
    value = _positive(environ, "DEMO_SPEED", "1")
    if value != int(value):
        raise ConfigurationError("DEMO_SPEED must be a whole number.")
    return int(value)


def _positive(environ: Mapping[str, str], name: str, default: str) -> float:
    try:
        value = float(environ.get(name) or default)
    except ValueError as error:
        raise ConfigurationError(f"{name} must be a number.") from error
    if not 0 < value < 1e6:
        raise ConfigurationError(f"{name} must be more than 0 and less than a million.")
    return value


def _few(environ: Mapping[str, str], name: str) -> int:
    value = environ.get(name) or "0"
    if value not in ("0", "1", "2", "3", "4", "5"):
        raise ConfigurationError(f"{name} must be a whole number from 0 to 5.")
    return int(value)


def _time_of_a_call(environ: Mapping[str, str], name: str) -> float:
    value = _positive(environ, name, "10")
    if value > LONGEST_CALL_S:
        raise ConfigurationError(
            f"{name} can be at most {LONGEST_CALL_S}: a call must end well before its lease of 60 s."
        )
    return value


def _rate(environ: Mapping[str, str], name: str, default: str) -> tuple[int, int]:
    """“600/min” as an amount and a time in seconds."""
    match = RATE.fullmatch((environ.get(name) or default).strip())
    if match is None:
        raise ConfigurationError(f"{name} must look like 600/min, 20/s or 5000/h.")
    return int(match[1]), {"s": 1, "min": 60, "h": 3600}[match[2]]


def _secrets(environ: Mapping[str, str], name: str) -> list[str]:
    """One secret, or the new and the old one during a change, separated by a comma."""
    found = [secret.strip() for secret in environ.get(name, "").split(",") if secret.strip()]
    if len(found) > 2 or any(len(secret) < SHORTEST_WEBHOOK_SECRET for secret in found):
        raise ConfigurationError(
            f"{name} must be one or two secrets of at least {SHORTEST_WEBHOOK_SECRET} characters,"
            " separated by a comma."
        )
    return found


def _hosts_and_ports(environ: Mapping[str, str], name: str) -> list[str]:
    found = [place.strip() for place in environ.get(name, "").split(",") if place.strip()]
    if not all(HOST_AND_PORT.fullmatch(place) for place in found):
        raise ConfigurationError(
            f"{name} must be hosts with ports, such as 127.0.0.1:8001, separated by commas."
        )
    return found


def _metrics_token(environ: Mapping[str, str]) -> str:
    token = environ.get("METRICS_TOKEN", "")
    if token and (len(token) < SHORTEST_METRICS_TOKEN or not _is_one_word(token)):
        raise ConfigurationError(
            f"METRICS_TOKEN must be at least {SHORTEST_METRICS_TOKEN} characters without spaces."
        )
    return token


def _is_one_word(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _email(environ: Mapping[str, str], name: str) -> Mapping[str, object]:
    try:
        return email_settings(environ.get(name, "").strip())
    except MalformedAddress as error:
        raise ConfigurationError(f"{name} {error}") from error


def _mail_address(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name, "").strip() or default
    if not MAIL_ADDRESS.fullmatch(value):
        raise ConfigurationError(f"{name} must be one e-mail address, such as queue@example.com.")
    return value


def _folder(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name, "")
    if value and not Path(value).is_absolute():
        raise ConfigurationError(f"{name} must be an absolute path.")
    return Path(value) if value else None


def _oidc(environ: Mapping[str, str]) -> Oidc | None:
    issuer = _address(environ, "OIDC_ISSUER", "")
    client, secret = environ.get("OIDC_CLIENT_ID", ""), environ.get("OIDC_CLIENT_SECRET", "")
    if not issuer:
        if client or secret:
            raise ConfigurationError("OIDC_CLIENT_ID is set but OIDC_ISSUER is not; set both.")
        return None
    if not client or not secret:
        raise ConfigurationError("OIDC_ISSUER needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.")
    is_far = urlsplit(issuer).hostname not in ("127.0.0.1", "localhost", "::1")
    if is_far and urlsplit(issuer).scheme != "https":
        raise ConfigurationError("OIDC_ISSUER must start with https://.")
    return Oidc(
        name=environ.get("OIDC_NAME", "").strip()[:40] or "single sign-on",
        issuer=environ["OIDC_ISSUER"],  # to the letter: it is compared
        client_id=client,
        client_secret=secret,
        trusts_email=_yes_or_no(environ, "OIDC_TRUSTS_EMAIL"),
        acr_values=environ.get("OIDC_ACR_VALUES", "").split(),
        amr=environ.get("OIDC_AMR", "").split(),
        max_age_s=_seconds(environ, "OIDC_MAX_AGE_S"),
    )


def _seconds(environ: Mapping[str, str], name: str) -> int | None:
    value = environ.get(name, "").strip()
    if value and (not value.isascii() or not value.isdigit() or len(value) > 8):
        raise ConfigurationError(f"{name} must be a whole number of seconds.")
    return int(value) if value else None


def _words(environ: Mapping[str, str], name: str) -> list[str]:
    """Lower case; a short one would stand in too many passwords."""
    found = environ.get(name, "").lower().replace(",", " ").split()
    if any(len(word) < SHORTEST_PASSWORD_WORD for word in found):
        raise ConfigurationError(
            f"{name} must be words of at least {SHORTEST_PASSWORD_WORD} letters."
        )
    return found


def _one_of(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """The choice, or "" when none was made."""
    value = environ.get(name, "").strip()
    if not value:
        return ""
    for choice in choices:
        if value.lower() == choice.lower():
            return choice
    raise ConfigurationError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")


def _address(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name) or default
    if value and urlsplit(value).scheme not in ("http", "https"):
        raise ConfigurationError(f"{name} must start with http:// or https://.")
    return value.rstrip("/")
