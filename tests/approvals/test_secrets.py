"""T2.9: whatever a provider writes, no secret and no card reaches audit, log or page."""

import json
import logging

import httpx
import pytest

from approvals.kinds import account_change, stripe_client
from approvals.kinds.calling import Answer, CallFailed
from approvals.models import Attempt
from audit.models import Event

LEAKS = [
    "sk_live_51HxAbCdEf",
    "whsec_51HxAbCdEfGh",
    "rk_live_51HxAbCdEf",
    "Bearer eyJhbGciOi.J9.xyz",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "DE89 3704 0044 0532 0130 00",
    "correct-horse",
]
TEXT = "No: " + ", ".join(LEAKS)


def no(status: int) -> Answer:
    body = json.dumps({"error": {"type": "card_error", "code": "odd", "message": TEXT}}).encode()
    return Answer(status, httpx.Headers({"Content-Type": "application/json"}), body)


def page() -> Answer:
    return Answer(200, httpx.Headers({"Content-Type": "text/html"}), TEXT.encode())


def lost() -> Answer:
    raise CallFailed("connection-lost", TEXT, never_sent=False)


@pytest.fixture
def provider_says(monkeypatch, settings):
    settings.STRIPE_API_KEY = settings.ACCOUNT_SERVICE_SECRET = "correct-horse"
    settings.STRIPE_API_BASE = settings.ACCOUNT_SERVICE_URL = "http://127.0.0.1:9"

    def say(answer) -> None:
        for module in (stripe_client, account_change):
            monkeypatch.setattr(module, "call", lambda *place, **rest: answer())

    return say


@pytest.mark.parametrize(
    "answer",
    [lambda: no(400), lambda: no(402), lambda: no(409), lambda: no(500), page, lost],
    ids=["400", "402", "409", "500", "page", "lost"],
)
@pytest.mark.parametrize("kind", ["refund", "account change"])
def test_no_secret_of_a_provider_s_words_is_kept_or_shown(
    client, cast, provider_says, caplog, answer, kind
):
    caplog.set_level(logging.DEBUG, "approvals")
    if kind == "refund":
        item = cast.approve(cast.ask())
    else:
        item = cast.approve(cast.ask_for_account_change(), by=cast.operator)
    provider_says(answer)
    cast.run(item)
    client.force_login(cast.operator)
    kept = [
        Attempt.objects.get().evidence,
        json.dumps(list(Event.objects.values("facts", "reason", "changes")), default=str),
        caplog.text,
        client.get(f"/requests/{item.ref}/attempts/1/").content.decode(),
        client.get(f"/requests/{item.ref}/").content.decode(),
    ]
    assert "No:" in kept[0]
    for leak in LEAKS:
        assert not any(leak in text for text in kept), leak
