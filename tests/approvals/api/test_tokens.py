"""What opens the API, and for how much: tokens, scopes, sessions, and their ends."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.models import ApiToken, Bucket, User
from approvals.models import ApprovalRequest
from audit.models import Event
from tests.approvals.api.conftest import Caller, code, problem
from tests.conftest import PASSWORD


def call(secret):
    return Caller(secret, Client(raise_request_exception=False))


def works(secret):
    return call(secret).get("/requests").status_code == 200


@pytest.fixture
def made(cast):
    return tokens.make(
        cast.operator, name="t", scopes=["read", "operate"], days=30, at=timezone.now()
    )


def test_only_a_hash_is_kept_and_the_use_is_noted(made):
    assert made.secret.startswith(f"aq_{made.token.prefix}_")
    assert made.secret not in str(list(ApiToken.objects.values()))
    assert made.secret.split("_", 2)[2] not in str(list(Event.objects.values()))
    assert works(made.secret)
    token = ApiToken.objects.get(pk=made.token.pk)
    assert token.last_used_from == "127.0.0.1"
    assert token.last_used_at is not None


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "aq_",
        "aq_aaaaaaaa_" + "a" * 43,
        "aq_" + "a" * 2000,
        "x",
        "aq_ÄÖÜäöüßß_" + "a" * 43,
    ],
)
def test_a_wrong_token_opens_nothing(made, secret):
    response = call(secret).get("/requests")
    assert code(response) == "unauthenticated"
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_the_right_prefix_with_another_secret_opens_nothing(made):
    assert code(call(made.secret[:-1] + "~").get("/requests")) == "unauthenticated"
    assert code(call(made.secret[:-2] + "__").get("/requests")) == "unauthenticated"


def test_a_scope_that_is_missing_is_named(made, cast):
    body = problem(call(made.secret).post("/requests", cast.refund_arguments()))
    assert (body["status"], body["rule"]) == (403, "scope")
    assert "submit" in body["detail"]


def test_a_token_never_does_more_than_its_owner_may(cast):
    item = cast.ask()
    everything = tokens.make(
        cast.requester, name="t", scopes=["read", "operate", "decide"], days=1, at=timezone.now()
    )
    for verb, body in [("claim", {}), ("approve", {"revision": 1, "step": 1})]:
        response = call(everything.secret).post(f"/requests/{item.ref}/{verb}", body)
        assert code(response) == "not-allowed"


def test_revoked_expired_and_closed_accounts_end_at_once(made, cast):
    """Abuse case 42"""
    tokens.revoke(made.token, at=timezone.now())
    assert not works(made.secret)
    old = tokens.make(
        cast.operator, name="t", scopes=["read"], days=1, at=timezone.now() - timedelta(days=2)
    )
    assert not works(old.secret)
    live = tokens.make(cast.operator, name="t", scopes=["read"], days=1, at=timezone.now())
    assert works(live.secret)
    User.objects.filter(pk=cast.operator.pk).update(is_active=False)
    assert not works(live.secret)


def test_a_new_password_ends_tokens(made, cast):
    cast.operator.set_password("a new and long password")
    cast.operator.save()
    assert not works(made.secret)
    event = Event.objects.get(action="token.revoke")
    assert event.facts["why"] == "password changed"


def test_rotated_both_work_for_a_day(made):
    new = tokens.rotate(made.token, at=timezone.now())
    assert works(made.secret)
    assert works(new.secret)
    old = ApiToken.objects.get(pk=made.token.pk)
    assert old.expires_at <= timezone.now() + tokens.OVERLAP
    assert new.token.scopes == ["read", "operate"]
    with pytest.raises(tokens.TokenRefused):
        tokens.rotate(old, at=timezone.now())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"days": 91}, "90 days"),
        ({"days": 0}, "1 to"),
        ({"scopes": []}, "at least one"),
        ({"scopes": ["root"]}, "no scope"),
        ({"name": " "}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "a\nb"}, "name"),
    ],
)
def test_what_a_token_cannot_be(cast, change, said):
    wanted = {"name": "t", "scopes": ["read"], "days": 30, **change}
    with pytest.raises(tokens.TokenRefused, match=said):
        tokens.make(cast.operator, at=timezone.now(), **wanted)
    assert not ApiToken.objects.exists()


def test_a_program_gets_no_token_to_decide_and_has_no_session(service, cast, client):
    with pytest.raises(tokens.TokenRefused, match="cannot decide"):
        tokens.make(service, name="t", scopes=["decide"], days=1, at=timezone.now())
    service.set_password(PASSWORD)
    service.save()
    client.post("/accounts/login/", {"login": service.email, "password": PASSWORD})
    assert client.get("/queue/").status_code == 302
    client.force_login(service, backend="accounts.adapter.PeopleOnly")
    assert client.get("/queue/").status_code == 302


def test_the_command_prints_the_token_alone(cast, capsys):
    wanted = "--name n --scope read --scope operate --days 5"
    call_command("create_token", "ops@demo.test", *wanted.split())
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert works(printed.strip())
    assert Event.objects.get(action="token.create").auth_method == "command-line"


# --- Sessions ------------------------------------------------------------------------------------------


@pytest.fixture
def browser(cast):
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(cast.operator, backend="accounts.adapter.PeopleOnly")
    return client


def post(browser, path, **headers):
    return browser.post(
        f"/api/v1{path}",
        data=b"{}",
        content_type="application/json",
        headers={"Idempotency-Key": "k", **headers},
    )


def test_a_session_reads_and_with_its_csrf_token_commands(browser, cast):
    """T5.11"""
    item = cast.ask()
    assert browser.get(f"/api/v1/requests/{item.ref}").status_code == 200
    assert code(post(browser, f"/requests/{item.ref}/claim")) == "not-allowed"
    assert ApprovalRequest.objects.get(pk=item.pk).owner is None
    browser.get("/queue/")
    token = browser.cookies[settings.CSRF_COOKIE_NAME].value
    response = post(browser, f"/requests/{item.ref}/claim", **{"X-CSRFToken": token})
    assert response.status_code == 200, response.content
    assert Event.objects.get(stream=item.stream, seq=2).auth_method == "session"


def test_a_token_beside_a_session_is_ambiguous(browser, made):
    """Abuse case 48"""
    response = browser.get("/api/v1/requests", headers={"Authorization": f"Bearer {made.secret}"})
    assert code(response) == "malformed"


def test_nobody_is_told_so_and_not_sent_to_a_page(client, db):
    for path in ("/api/v1/requests", "/api/v1/openapi.json", "/api/v1/events"):
        assert code(client.get(path)) == "unauthenticated"


# --- Limits --------------------------------------------------------------------------------------------


@pytest.fixture
def three(settings):
    settings.API_LIMIT_PER_TOKEN = (3, 3600)


def test_what_is_left_is_told_and_then_refused(made, three):
    caller = call(made.secret)
    first = caller.get("/requests")
    assert '"token";r=2' in first["RateLimit"]
    assert '"token";q=3;w=3600' in first["RateLimit-Policy"]
    caller.get("/requests")
    caller.get("/requests")
    response = caller.get("/requests")
    assert code(response) == "rate-limited"
    assert 0 < int(response["Retry-After"]) <= 1201
    assert '"token";r=0' in response["RateLimit"]


def test_a_limit_never_makes_a_replay_fail(made, three, cast):
    item, caller = cast.ask(), call(made.secret)
    first = caller.post(f"/requests/{item.ref}/claim", key="k")
    for _ in range(4):
        caller.get("/requests")
    assert code(caller.post(f"/requests/{item.ref}/release", key="other")) == "rate-limited"
    assert caller.get("/commands/k").status_code == 200
    assert code(caller.get("/commands/unknown")) == "rate-limited"
    again = caller.post(f"/requests/{item.ref}/claim", key="k")
    assert (again.status_code, again.content) == (200, first.content)


def test_one_address_is_limited_however_many_tokens_it_has(cast, settings):
    settings.API_LIMIT_PER_ADDRESS = (3, 3600)
    for _ in range(3):
        one = tokens.make(cast.operator, name="t", scopes=["read"], days=1, at=timezone.now())
        assert works(one.secret)
    assert code(call(one.secret).get("/requests")) == "rate-limited"


def test_guessing_is_slowed_down_and_leaves_the_others_alone(made):
    for _ in range(30):
        assert call("aq_guess").get("/requests").status_code == 401
    assert code(call("aq_guess").get("/requests")) == "rate-limited"
    assert works(made.secret)


def test_full_allowances_are_forgotten(made):
    from accounts import limits

    works(made.secret)
    assert limits.forget_full(at=timezone.now()) == 0
    assert limits.forget_full(at=timezone.now() + timedelta(hours=3)) == 2
    assert not Bucket.objects.exists()
