"""Every secret is a word that nobody else would say; afterwards it is looked for wherever something is kept,
shown or written: pages, answers of the API, errors, files, logs, metrics and every table."""

import io
import logging
import re

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.models import Scope, User
from config.env import read
from config.logging import formatter
from demo.loopback import free_port
from notifications import following
from tests.accounts.test_second_factor import set_up
from tests.conftest import PASSWORD

pytestmark = pytest.mark.usefixtures("db")

PAGES = [
    "/",
    "/queue/",
    "/queue/export/",
    "/decisions/",
    "/dashboard/",
    "/systems/",
    "/failures/",
    "/handoff/",
    "/inbox/",
    "/me/",
    "/me/notify/",
    "/me/tokens/",
    "/audit/",
    "/access/",
    "/people/",
    "/policies/",
    "/policies/refunds/",
    "/webhooks/",
    "/lookup/",
    "/runbooks/",
    "/admin/",
    "/admin/accounts/user/",
    "/accounts/2fa/",
    "/accounts/2fa/recovery-codes/",
    "/accounts/sessions/",
    "/accounts/login/",
    "/nothing-here/",
    "/livez",
    "/readyz",
]
# Kept as it is, and said so in docs/reference/keys.md.
KEPT_AS_IT_IS = {"mfa_authenticator"}


@pytest.fixture
def secrets(settings, tmp_path, cast) -> dict[str, str]:
    """Those of the environment, everywhere where the product takes them from."""
    marks = {
        "SECRET_KEY": "canary-of-the-secret-key-" + "k" * 40,
        "SECRET_KEY_FALLBACKS": "canary-of-an-older-key-" + "o" * 40,
        "STRIPE_API_KEY": "canaryofstripeslongkey",
        "STRIPE_WEBHOOK_SECRET": "canary-of-stripes-webhook",
        "ACCOUNT_SERVICE_SECRET": "canary-of-the-account-service",
        "METRICS_TOKEN": "canary-of-the-metrics",
        "OIDC_CLIENT_SECRET": "canary-of-single-sign-on",
    }
    issuer = f"http://127.0.0.1:{free_port()}"
    env = read(
        {
            **marks,
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": "postgresql://u:canary-of-the-database@127.0.0.1/x",
            "EMAIL_URL": "smtp://u:canary-of-the-mail@127.0.0.1:2525",
            "OIDC_ISSUER": issuer,
            "OIDC_CLIENT_ID": "queue",
        }
    )
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = env.secret_key, env.secret_key_fallbacks
    settings.STRIPE_API_KEY, settings.STRIPE_WEBHOOK_SECRETS = (
        env.stripe_api_key,
        env.stripe_webhook_secrets,
    )
    settings.ACCOUNT_SERVICE_SECRET, settings.METRICS_TOKEN = (
        env.account_service_secret,
        env.metrics_token,
    )
    settings.STRIPE_API_BASE = settings.ACCOUNT_SERVICE_URL = issuer
    settings.EMAIL_HOST_PASSWORD = env.email["EMAIL_HOST_PASSWORD"]
    settings.SOCIALACCOUNT_PROVIDERS = env.oidc.providers
    settings.LOGGED_AS = env
    return {**marks, "DATABASE_URL": "canary-of-the-database", "EMAIL_URL": "canary-of-the-mail"}


@pytest.fixture
def logged(secrets, settings):
    """What is written to stderr, of everything from DEBUG on."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(settings.LOGGED_AS))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def test_no_secret_shows_anywhere(cast, secrets, logged, monkeypatch):
    seen: list[tuple[str, str]] = []
    person = cast.admin
    with connection.cursor() as cursor:  # all of it is one transaction of the test's
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    secrets |= of_a_person(person)

    def look(what: str, answer) -> None:
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        seen.append((what, body.decode(errors="replace") + str(dict(answer.headers))))

    item = cast.approve(cast.ask())
    cast.run(item)  # the provider does not answer, and the attempt says how
    for user in (person, cast.operator, cast.requester):
        client = Client(raise_request_exception=False)
        client.force_login(user)
        for page in (*PAGES, f"/requests/{item.ref}/", f"/requests/{item.ref}/receipt/"):
            look(f"{page} of {user.name}", client.get(page))
    for what, answer in told_by_programs(secrets, item.ref):
        look(what, answer)
    for what, answer in broken(monkeypatch, secrets):
        look(what, answer)
    following.tell_of(list(all_events()), at=timezone.now())
    seen += [("the logs", logged.getvalue()), *tables()]
    found = [
        f"{name} in {what}"
        for what, text in seen
        for name, secret in secrets.items()
        if secret in text
    ]
    assert not found, "\n".join(found)
    assert len(logged.getvalue()) > 1000


def all_events():
    from audit.models import Event

    return Event.objects.order_by("pk")


def of_a_person(user: User) -> dict[str, str]:
    """Password, seed, recovery codes and a token, made as people make them; shown once, and not again."""
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    seed = set_up(client)
    made = client.post("/accounts/2fa/recovery-codes/generate/", follow=True).content.decode()
    codes = re.findall(r"\b\d{8}\b", made)
    new = "canary of a password that is long"
    said = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert client.post("/accounts/password/change/", said).status_code == 302
    Client().post("/accounts/login/", {"login": user.email, "password": new + "x"})
    Client().post("/accounts/login/", {"login": user.email, "password": new})
    token = tokens.make(user, name="t", scopes=[*Scope.values], days=30, at=timezone.now()).secret
    assert seed
    assert len(codes) == 10
    return {"password": new, "seed": seed, "token": token, "recovery code": codes[0]}


def told_by_programs(secrets: dict[str, str], ref: str):
    token = secrets["token"]
    for sent in (token, token[:-1] + "x", secrets["STRIPE_API_KEY"]):
        client, headers = Client(raise_request_exception=False), {"Authorization": f"Bearer {sent}"}
        for path in ("/api/v1/requests", f"/api/v1/requests/{ref}/attempts", "/api/v1/events"):
            yield path, client.get(path, headers=headers)
        yield "a token in an address", client.get(f"/api/v1/requests?token={sent}", headers=headers)
        yield (
            "a command",
            client.post(f"/api/v1/requests/{ref}/note", b"{", "application/json", headers=headers),
        )
    for given in (secrets["METRICS_TOKEN"], "wrong"):
        yield "metrics", Client().get("/metrics", headers={"Authorization": f"Bearer {given}"})
    yield "a webhook", Client().post("/hooks/stripe/", b"{}", "application/json")
    yield "single sign-on", Client().post("/accounts/oidc/sso/login/?process=login")
    report = f'{{"csp-report": {{"document-uri": "https://q/?t={token}", "blocked-uri": "https://e/{token}"}}}}'
    yield "a report", Client().post("/csp-reports/", report, "application/csp-report")


def broken(monkeypatch, secrets: dict[str, str]):
    """An error whose own words hold all that the environment and a program know."""
    known = [value for name, value in secrets.items() if name.isupper() or name == "token"]

    def breaks(*args: object, **more: object) -> None:
        raise RuntimeError(" ".join(known))

    monkeypatch.setattr("approvals.queries.seen_by", breaks)
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(email="ops@demo.test"))
    for page in ("/queue/", "/decisions/", "/queue/export/"):
        yield f"{page}, broken", client.get(page)
    token = {"Authorization": f"Bearer {secrets['token']}"}
    yield "the API, broken", client.get("/api/v1/requests", headers=token)


def tables() -> list[tuple[str, str]]:
    """Each table as text, whatever its columns are called."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table not in KEPT_AS_IT_IS:
                name = connection.ops.quote_name(table)
                cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {name} t")
                found.append((f"table {table}", cursor.fetchone()[0] or ""))
    return found
