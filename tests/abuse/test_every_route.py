"""Every route of the pages × every role: who gets in, and that nobody else changes anything.

A route without a row here fails, and so does one that lets in somebody more. Seven roles: Sofia (asked for
the request that is looked at), another of Support, Finance, Operations, Audit, an administrator, and
somebody who may do nothing. 2: a page, 3: sent elsewhere, 4: there is no such page, f: refused in words,
m: only POST.
"""

import re
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from approvals.kinds import refund
from approvals.models import ApprovalRequest, Decision
from audit.models import Event, Outcome
from demo.situation import DURATIONS, FAULTS, Situation
from demo.webhooks import NOWHERE
from tests.abuse import routes
from tests.demo.conftest import start  # noqa: F401 - a fixture

ROLES = ("support", "support2", "finance1", "ops", "auditor", "admin", "stranger")
ROWS = {
    "2222222": "api_docs queue export decisions new new_details second_looks runbooks runbook lookup "
    "go help help_keys verify_receipt me cover tokens new_token problems problem livez readyz inbox "
    "notify",
    "3333333": "home copy_reply account_email",
    "4444444": "parts rotate_token revoke_token metrics handoff_withdraw handoff_answer "
    "trial_rows trial_export",
    "bbbbbbb": "queue_changes",
    "4422224": "dashboard approvers receipt attempt failures failure systems handoffs handoff "
    "audit audit_event audit_catalogue policies policy policy_version policy_file draft trial",
    "44f2ff4": "bulk bulk_selected hold_system resume_system",
    "2222224": "request verb",
    "2fffff4": "resubmit",
    "4442444": "handoff_new handoff_accept_all",
    "4444224": "audit_verify access access_review access_who",
    "44fff24": "rule_add rule rule_remove draft_act trial_ask policy_move",
    "4433324": "draft_file",
    "4444424": "webhooks webhook_new webhook webhook_edit webhook_delivery webhook_act access_changes "
    "access_change access_act access_queue team ceiling team_factor people person_access seat address "
    "lost_factor administration new_account",
    "4444434": "seats",
    "mmmmmmm": "save_view delete_view new_check reveal watch end_cover stripe_webhook mark_read "
    "watch_request handoff_save handoff_fill handoff_send handoff_acknowledge webhook_replay_one "
    "audit_export audit_check draft_begin trial_stop access_propose access_review_file end_session end_sessions password_link "
    "rule_move csp_reports",
}
OPEN = {"csp_reports", "problems", "problem", "stripe_webhook", "livez", "readyz", "metrics"}
# What one may post with nothing in it: one's own things, and reading that is recorded.
OWN = {"mark_read", "cover", "notify", "me", "save_view"}
WORDS = {200: "2", 302: "3", 404: "4", 403: "f", 405: "m", 400: "b"}


@pytest.fixture
def morning(committed_db, start, settings) -> dict[str, Client]:  # noqa: F811
    """The 09:12 situation, and a browser for each role."""
    provider = start(*(f"--fault={fault}" for fault in FAULTS), *DURATIONS)
    settings.STRIPE_API_KEY, settings.ACCOUNT_SERVICE_SECRET = "sk_test_demo", "secret"
    settings.STRIPE_API_BASE = settings.ACCOUNT_SERVICE_URL = provider.url
    settings.WAITING_IS_DIVIDED_BY = 50
    settings.SECURE_HSTS_SECONDS = 31_536_000  # as with HTTPS=1
    settings.WEBHOOK_TEST_ADDRESSES = [urlsplit(provider.url).netloc, NOWHERE]
    refund._client.cache_clear()
    Situation({user.email: user for user in User.objects.all()}, timezone.now()).happen()
    refund._client.cache_clear()
    User.objects.create(email="stranger@demo.test", name="Sam Stranger")
    clients = {}
    for role in ROLES:
        clients[role] = Client(raise_request_exception=False)
        clients[role].force_login(User.objects.get(email=f"{role}@demo.test"))
    return clients


def test_every_route_lets_in_whom_it_should_and_nobody_else_changes_anything(morning):
    filled = routes.of_what_there_is()
    addresses = {name: reverse(name, kwargs=filled.get(name, {})) for name in routes.names()}
    expected = {name: row for row, names in ROWS.items() for name in names.split()}
    assert set(addresses) == set(expected)
    found = {
        name: "".join(WORDS.get(client.get(url).status_code, "?") for client in morning.values())
        for name, url in addresses.items()
    }
    assert _different(found, expected) == {}
    assert _open_to_anybody(addresses) == OPEN
    assert _unsafe_answers(morning["admin"], addresses) == {}
    wrong = _posts_that_were_not_refused(morning, addresses, expected)
    assert not wrong, "\n".join(wrong)
    assert _told_apart(morning, addresses) == []


def _different(found: dict[str, str], expected: dict[str, str]) -> dict[str, tuple[str, str]]:
    return {name: (row, found[name]) for name, row in expected.items() if found[name] != row}


def _open_to_anybody(addresses: dict[str, str]) -> set[str]:
    """Routes that don't send somebody who is not signed in, or whose account was closed, to sign in."""
    nobody, closed = Client(), Client()
    user = User.objects.create(email="closed@demo.test", name="Closed")
    closed.force_login(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    found = set()
    for name, url in addresses.items():
        answers = [client.get(url) for client in (nobody, closed)]
        if not all("/accounts/login/" in one.headers.get("Location", "") for one in answers):
            found.add(name)
    return found


def _unsafe_answers(client: Client, addresses: dict[str, str]) -> dict[str, int]:
    """Below 120 by the rules of the MDN HTTP Observatory, and pages that a browser may keep."""
    answers = {name: client.get(url, secure=True) for name, url in addresses.items()}
    answers |= {path: client.get(path, secure=True) for path in OTHERS}
    kept = [name for name, one in answers.items() if "no-store" not in one.headers["Cache-Control"]]
    assert kept == []
    return {name: score for name, one in answers.items() if (score := observed(one)) < 120}


OTHERS = ("/nothing-here/", "/api/v1/requests", "/accounts/login/", "/accounts/2fa/", "/admin/")
NOTHING_INLINE = re.compile(r"^(?!.*unsafe-)(?=.*default-src 'none').*$")


def observed(response) -> int:
    """The score: 100, less for what is missing, more for what is better than asked.

    https://github.com/mdn/mdn-http-observatory, as of November 2026.
    """
    headers, policy = response.headers, response.headers.get("Content-Security-Policy", "")
    cookies = response.cookies.values()
    return (
        100
        + (10 if NOTHING_INLINE.match(policy) else -25)
        + (5 if "frame-ancestors 'none'" in policy else -20)
        + (5 if headers.get("Referrer-Policy") in ("same-origin", "no-referrer") else 0)
        + (0 if "max-age=31536000" in headers.get("Strict-Transport-Security", "") else -20)
        + (0 if headers.get("X-Content-Type-Options") == "nosniff" else -5)
        + (0 if headers.get("Cross-Origin-Resource-Policy") == "same-origin" else -10)
        + (5 if all(one["samesite"] for one in cookies) else -20)
    )


def _state() -> list:
    return [
        list(ApprovalRequest.objects.order_by("pk").values_list("pk", "state", "version")),
        Decision.objects.count(),
    ]


def _posts_that_were_not_refused(
    morning: dict[str, Client], addresses: dict[str, str], expected: dict[str, str]
) -> list[str]:
    """An empty form of somebody who does not see the page changes nothing; no form breaks anything."""
    found = []
    for role, client in morning.items():
        before = _state()
        for name, url in addresses.items():
            told = _told()
            status = client.post(url, {"idempotency_key": f"{role}-{name}"}).status_code
            if status >= 500 and name != "stripe_webhook":  # no secret is set: it says so
                found.append(f"{role} broke {name}: {status}")
            if not _is_refused(status, expected[name][ROLES.index(role)]):
                found.append(f"{role} was let in to {name}: {status}")
            if role == "stranger" and _told() != told and name not in OWN:
                found.append(f"{role} left an event with {name}")
        if role in ("stranger", "auditor") and _state() != before:
            found.append(f"{role} changed a request")
    return found


def _is_refused(status: int, word: str) -> bool:
    """Whoever sees no page gets none; who is refused in words may first be told what they forgot."""
    if word == "4":
        return status in (403, 404, 405)
    return word != "f" or 400 <= status < 500


def _told() -> int:
    return Event.objects.filter(outcome=Outcome.SUCCESS).count()


def _told_apart(morning: dict[str, Client], addresses: dict[str, str]) -> list[str]:
    """What is not for one's eyes answers as what is not there, byte for byte."""
    found = []
    for name in ("request", "verb", "approvers", "attempt", "receipt", "audit_event", "webhook"):
        there = addresses[name]
        missing = re.sub(r"[A-Z]{2}-\d+|(?<=/)\d+(?=/$)", _another, there)
        answers = [_plain(morning["stranger"].get(url)) for url in (there, missing)]
        if answers[0] != answers[1]:
            lines = zip(*(text.splitlines() for _, text in answers), strict=False)
            found.append(f"{name}: {next((pair for pair in lines if pair[0] != pair[1]), answers)}")
    return found


def _another(match: re.Match) -> str:
    return "RF-999999" if "-" in match[0] else "999999"


def _plain(response) -> tuple[int, str]:
    text = re.sub(r'value="[A-Za-z0-9]{64}"', "", response.content.decode())
    text = re.sub(r'datetime="[^"]*"|\d\d:\d\d UTC|from http://[^<]*', "", text)
    return response.status_code, text
