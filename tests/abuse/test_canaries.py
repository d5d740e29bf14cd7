"""Every secret is a word that nobody else would say; afterwards it is looked for wherever something is kept,
shown, told or written: pages, answers of the API, files, errors, mails, logs, metrics and every table."""

import base64
import html
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Scope, User
from approvals.kinds import refund
from approvals.kinds.account_change import AccountChange
from approvals.models import Attempt
from audit.models import Event
from config.env import read
from config.logging import formatter
from notifications import following, letters
from tests.abuse import routes
from tests.accounts.test_second_factor import set_up
from tests.conftest import PASSWORD
from tests.demo.conftest import Simulator, simulator, start  # noqa: F401 - fixtures
from tests.webhooks.common import Receiver, listening, pump, test_event
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.usefixtures("db")

KEYS = Path(__file__).parents[2] / "docs" / "reference" / "keys.md"
SEED = base64.b64encode(b"canary-of-the-seed-of-signatures").decode()
# Of the environment, as it holds them; what is looked for is the secret part.
ENVIRONMENT = {
    "SECRET_KEY": "canary-of-the-secret-key-" + "k" * 40,
    "SECRET_KEY_FALLBACKS": "canary-of-an-older-key-" + "o" * 40,
    "AUDIT_SIGNING_KEY": SEED,
    "STRIPE_API_KEY": "canaryofstripeslongkey",
    "STRIPE_WEBHOOK_SECRET": "canary-of-stripes-webhook",
    "ACCOUNT_SERVICE_SECRET": "canary-of-the-account-service",
    "METRICS_TOKEN": "canary-of-the-metrics",
    "OIDC_CLIENT_SECRET": "canary-of-single-sign-on",
    "DATABASE_URL": "postgresql://u:canary-of-the-database@127.0.0.1/x",
    "DATABASE_OWNER_URL": "postgresql://o:canary-of-the-owner@127.0.0.1/x",
    "EMAIL_URL": "smtp://u:canary-of-the-mail@127.0.0.1:2525",
    "DEMO_PASSWORD": "canary-of-the-demo",
}
IN_URL = re.compile(r"//\w+:([^@]+)@")
ADMINISTRATION = ("", "accounts/user/", "accounts/team/", "approvals/queue/")
OTHERS = (
    *(f"/admin/{path}" for path in ADMINISTRATION),
    *("/accounts/2fa/", "/accounts/2fa/recovery-codes/", "/accounts/sessions/", "/accounts/login/"),
    *("/accounts/password/change/", "/api/v1/openapi.json", "/nothing-here/"),
)
FILES = ("/queue/export/?format=csv", "/queue/export/?format=json")
# Kept as it is, and said so in docs/reference/keys.md.
KEPT_AS_IT_IS = {"mfa_authenticator"}

Seen = list[tuple[str, str]]


@pytest.fixture
def secrets(settings, tmp_path, simulator: Simulator) -> dict[str, str]:  # noqa: F811
    """Those of the environment, everywhere where the product takes them from."""
    more = {"OIDC_ISSUER": simulator.url, "OIDC_CLIENT_ID": "queue", "DATA_DIR": str(tmp_path)}
    env = read({**ENVIRONMENT, **more})
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = env.secret_key, env.secret_key_fallbacks
    settings.AUDIT_SIGNING_KEYS = env.audit_signing_keys
    settings.STRIPE_API_KEY = env.stripe_api_key
    settings.STRIPE_WEBHOOK_SECRETS = env.stripe_webhook_secrets
    settings.ACCOUNT_SERVICE_SECRET = env.account_service_secret
    settings.METRICS_TOKEN = env.metrics_token
    settings.EMAIL_HOST_PASSWORD = env.email["EMAIL_HOST_PASSWORD"]
    settings.SOCIALACCOUNT_PROVIDERS = env.oidc.providers
    settings.SECRETS = env.secrets
    settings.STRIPE_API_BASE = settings.ACCOUNT_SERVICE_URL = simulator.url
    settings.SENDS_MAIL = True
    settings.LOGGED_AS = env
    refund._client.cache_clear()
    with connection.cursor() as cursor:  # all of it is one transaction of the test's
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    yield {
        name: found[1] if (found := IN_URL.search(value)) else value
        for name, value in ENVIRONMENT.items()
    }
    refund._client.cache_clear()


@pytest.fixture
def logged(secrets, settings) -> Iterator[io.StringIO]:
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


@pytest.fixture
def receiver(settings, secrets) -> Iterator[Receiver]:
    with listening() as found:
        settings.WEBHOOK_TEST_ADDRESSES = [found.place]
        yield found


def test_every_secret_that_is_written_down_has_a_canary():
    named = re.findall(r"^\| (`[A-Z_`, ]+`) \|", KEYS.read_text(), re.MULTILINE)
    assert {name for names in named for name in re.findall(r"[A-Z_]+", names)} <= {*ENVIRONMENT}


def test_no_secret_shows_anywhere(cast, secrets, logged, receiver, settings, monkeypatch):
    seen: Seen = []

    def look(what: str, answer: HttpResponseBase) -> None:
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        seen.append((what, body.decode(errors="replace") + str(dict(answer.headers))))

    secrets |= of_a_person(cast.admin) | of_a_webhook(cast.admin, receiver)
    tried = carried_out(cast, secrets, receiver, settings, monkeypatch)
    heard(cast, secrets, receiver)
    following.tell_of(list(Event.objects.order_by("pk")), at=timezone.now())
    for user_id in letters.users_with_something_due(timezone.now()):
        letters.write(user_id, at=timezone.now())
    Client().post("/accounts/password/reset/", {"email": cast.admin.email})
    for user in (cast.admin, cast.auditor, cast.operator, cast.requester):
        client = signed_in(user)
        assert client.get("/me/").status_code == 200
        for page in addresses(tried):
            look(f"{page} of {user.name}", client.get(page))
        for format in ("csv", "jsonl", "ocsf"):
            look(f"{format} of {user.name}", client.post("/audit/export/", {"format": format}))
    for what, answer in told_by_programs(secrets, tried[0]):
        look(what, answer)
    for what, answer in broken(monkeypatch, secrets):
        look(what, answer)
    seen += [("the mails", "\n".join(str(one.message()) for one in mail.outbox)), *tables()]
    assert found(secrets, [*seen, ("the logs", logged.getvalue())]) == []
    # Not an empty house: each of the things that could give one away was there.
    assert {status(seen, f"/requests/{ref}/ of {cast.operator.name}") for ref in tried} == {True}
    assert Attempt.objects.exclude(evidence="").count() >= 3
    assert "[secret]" in logged.getvalue()
    assert mail.outbox
    # The search itself: what cannot be masked, because only its person knows it, is found.
    logging.getLogger("approvals.tests").info("%s was typed", secrets["password"])
    assert found(secrets, [("the logs", logged.getvalue())]) == ["password in the logs"]


def signed_in(user: User) -> Client:
    """Read anew: a session belongs to the password of its person."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(pk=user.pk))
    return client


def status(seen: Seen, what: str) -> bool:
    return "does not exist" not in dict(seen)[what]


def found(secrets: dict[str, str], seen: Seen) -> list[str]:
    """In words: which one stands where."""
    return [
        f"{name} in {what}"
        for what, text in seen
        for name, secret in secrets.items()
        if any(stands_in(form, text) for form in forms_of(secret))
    ]


def forms_of(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1]}


def stands_in(secret: str, text: str) -> bool:
    """A recovery code is eight digits, which longer numbers may hold by chance."""
    if secret.isdigit():
        return re.search(rf"(?<![0-9A-Za-z]){secret}(?![0-9A-Za-z])", text) is not None
    return secret in text


# --- What is done with them ------------------------------------------------------------------------


def of_a_person(user: User) -> dict[str, str]:
    """Password, seed, recovery codes and a token, made as people make them; shown once, and not again."""
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    seed = set_up(client)
    made = client.post("/accounts/2fa/recovery-codes/generate/", follow=True).content.decode()
    codes = re.findall(r"\b\d{8}\b", made)
    new = "canary-of-a-longer-phrase"
    said = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert client.post("/accounts/password/change/", said).status_code == 302
    for login, password in ((user.email, new + "x"), (user.email, new), (new, "x")):
        Client().post("/accounts/login/", {"login": login, "password": password})
    guess = Client()
    guess.post("/accounts/login/", {"login": user.email, "password": new})
    guess.post("/accounts/2fa/authenticate/", {"code": seed})
    guess.post("/accounts/2fa/authenticate/", {"code": codes[1]})
    asked = {"name": "canary", "scopes": [*Scope.values], "days": 30, "idempotency_key": "t-1"}
    page = html.unescape(client.post("/me/tokens/new/", asked).content.decode())
    token = re.search(r"aq_[a-z0-9]{8}_[\w-]{43}", page)
    assert token, "no token was made"
    assert len(codes) == 10
    return {
        "password": new,
        "seed": seed,
        "token": token[0],
        "recovery code": codes[0],
        "used recovery code": codes[1],
    }


def of_a_webhook(user: User, receiver: Receiver) -> dict[str, str]:
    """Made on its page, which shows it once."""
    client = signed_in(user)
    said = {"name": "Canary", "url": receiver.url, "idempotency_key": "w-1"}
    made = client.post("/webhooks/new/", said)
    assert made.status_code == 302, made.content.decode()
    page = html.unescape(client.get(made["Location"]).content.decode())
    return {"webhook secret": re.search(r"whsec_[A-Za-z0-9+/=]{40,}", page)[0]}


def carried_out(cast, secrets, receiver: Receiver, settings, monkeypatch) -> list[str]:
    """By the demo's provider; by a service that repeats what it was sent; by code that raises all it
    knows. The references."""
    items = [cast.approve(cast.ask())]
    assert cast.run(items[0]) == "done"
    settings.ACCOUNT_SERVICE_URL = f"http://{receiver.place}"
    receiver.replies = [(400, {}, f"You sent Bearer {secrets['ACCOUNT_SERVICE_SECRET']}")]
    items.append(cast.approve(cast.ask_for_account_change(), by=cast.operator))
    cast.run(items[1])
    assert secrets["ACCOUNT_SERVICE_SECRET"] in receiver.heard[0].headers["authorization"]

    def breaks(*args: object) -> None:
        raise RuntimeError(all_that_is_known(secrets))

    items.append(cast.approve(cast.ask_for_account_change(), by=cast.operator))
    with monkeypatch.context() as patch:
        patch.setattr(AccountChange, "send", breaks)
        cast.run(items[2])
    return [item.ref for item in items]


def heard(cast, secrets: dict[str, str], receiver: Receiver) -> None:
    """A receiver of webhooks answers with the secret that it knows."""
    endpoint = Endpoint.objects.get()
    test_event(cast, endpoint)
    receiver.replies = [(500, {}, f"wrong: {secrets['webhook secret']}")]
    pump(endpoint, lambda: cast.now)
    assert receiver.replies == []


def all_that_is_known(secrets: dict[str, str]) -> str:
    """What the product could say by mistake: what it knows itself, and what has a form of its own."""
    known = [name for name in secrets if name.isupper()] + ["token", "webhook secret"]
    return " ".join(secrets[name] for name in known)


def addresses(tried: list[str]) -> list[str]:
    """Every page without an argument, and those of what there is."""
    plain = [name for name, route in routes.names().items() if not route.pattern.converters]
    endpoint, delivery = Endpoint.objects.get(), Delivery.objects.get()
    event = Event.objects.order_by("-pk").values_list("pk", flat=True)
    person = User.objects.get(email="admin@demo.test")
    return [
        *(reverse(name) for name in plain),
        *(f"/requests/{ref}/{part}" for ref in tried for part in ("", "receipt/", "attempts/1/")),
        f"/webhooks/{endpoint.pk}/",
        f"/webhooks/{endpoint.pk}/deliveries/{delivery.pk}/",
        *(reverse("audit_event", args=[pk]) for pk in event[:5]),
        reverse("person_access", args=[person.pk]),
        *FILES,
        *OTHERS,
    ]


def told_by_programs(secrets: dict[str, str], ref: str) -> Iterator[tuple[str, HttpResponseBase]]:
    token = secrets["token"]
    for sent in (token, token[:-1] + "x", secrets["STRIPE_API_KEY"]):
        client, headers = Client(raise_request_exception=False), {"Authorization": f"Bearer {sent}"}
        for path in ("requests", f"requests/{ref}/attempts", f"requests/{ref}/events", "events"):
            answer = client.get(f"/api/v1/{path}", headers=headers)
            assert answer.status_code == (200 if sent == token else 401), answer.content
            yield path, answer
        yield "a token in an address", client.get(f"/api/v1/requests?token={sent}", headers=headers)
        for body in (b"{", b"{}", json.dumps({"kind": "refund", "payload": {}}).encode()):
            more = {**headers, "Idempotency-Key": f"k-{len(body)}"}
            path = f"/api/v1/requests/{ref}/note" if len(body) < 3 else "/api/v1/requests"
            yield "a command", client.post(path, body, "application/json", headers=more)
    for given in (secrets["METRICS_TOKEN"], "wrong"):
        yield "metrics", Client().get("/metrics", headers={"Authorization": f"Bearer {given}"})
    yield "a webhook", Client().post("/hooks/stripe/", b"{}", "application/json")
    yield "single sign-on", Client().post("/accounts/oidc/sso/login/?process=login")
    report = {"document-uri": f"https://q/?t={token}", "blocked-uri": f"https://e/{token}"}
    said = json.dumps({"csp-report": report})
    yield "a report", Client().post("/csp-reports/", said, "application/csp-report")


def broken(monkeypatch, secrets: dict[str, str]) -> Iterator[tuple[str, HttpResponseBase]]:
    """An error whose own words hold all that the environment and a program know."""

    def breaks(*args: object, **more: object) -> None:
        raise RuntimeError(all_that_is_known(secrets))

    monkeypatch.setattr("approvals.queries.seen_by", breaks)
    client = signed_in(User.objects.get(email="ops@demo.test"))
    answers = [client.get(page) for page in ("/queue/", "/decisions/", FILES[0])]
    headers = {"Authorization": f"Bearer {secrets['token']}"}
    program = Client(raise_request_exception=False)
    answers.append(program.get("/api/v1/requests", headers=headers))
    told = [(answer.status_code, answer.wsgi_request.path) for answer in answers]
    assert [one for one in told if one[0] != 500] == []
    for answer in answers:
        yield f"{answer.wsgi_request.path}, broken", answer


def tables() -> Seen:
    """Each table as text, whatever its columns are called; sessions as they read when they are opened."""
    told = [("sessions", str([one.get_decoded() for one in Session.objects.all()]))]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table not in KEPT_AS_IT_IS:
                name = connection.ops.quote_name(table)
                cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {name} t")
                told.append((f"table {table}", cursor.fetchone()[0] or ""))
    return told
