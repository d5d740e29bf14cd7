"""Pages and API call the same commands: the same sequence leaves the same events."""

import json

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import tokens
from audit.models import Event

BODIES = {
    "approve": {"revision": 1, "step": 1},
    "reject": {"revision": 1, "step": 1, "reason": "No."},
    "send-back": {"revision": 1, "step": 1, "reason": "Which?"},
    "take-back": {},
    "withdraw": {"reason": "Not wanted."},
    "note": {"reason": "A note."},
    "claim": {},
    "release": {},
    "hold": {"reason": "Wait."},
    "resume": {},
    "try-again": {},
}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["approver", "operator", "requester"]), st.sampled_from(list(BODIES))
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture
def one_moment(monkeypatch, now):
    """Sentences name the minute; the two ways are tried one after the other."""
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.fixture
def ways(cast, one_moment):
    """For each person: how they act in the browser, and by a token."""
    found = {}
    for role in ("approver", "operator", "requester"):
        user = getattr(cast, role)
        browser = Client()
        browser.force_login(user, backend="accounts.adapter.PeopleOnly")
        scopes = ["read", "submit", "operate", "decide"]
        made = tokens.make(user, name="t", scopes=scopes, days=1, at=timezone.now())
        found[role] = (browser, made.secret)
    return found


def by_page(browser: Client, ref: str, verb: str, key: str) -> None:
    browser.post(f"/requests/{ref}/{verb}/", {**BODIES[verb], "idempotency_key": key})


def by_api(secret: str, ref: str, verb: str, key: str) -> None:
    Client().post(
        f"/api/v1/requests/{ref}/{verb}",
        data=json.dumps(BODIES[verb]),
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": key},
    )


def told(ref: str) -> list[tuple]:
    """Everything that was recorded about a request, without what must differ."""
    return [
        (
            event.action,
            event.outcome,
            event.actor_id,
            event.reason_code,
            event.reason.replace(ref, "REF"),
            event.version_before,
            event.version_after,
            event.changes,
            {name: value for name, value in event.facts.items() if name != "title"},
        )
        for event in Event.objects.filter(target_type="request", target_id=ref).order_by("id")
    ]


@given(steps=STEPS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_same_sequence_leaves_the_same_events(cast, ways, steps):
    paged, called = cast.ask(), cast.ask()
    for role, verb in steps:
        browser, secret = ways[role]
        by_page(browser, paged.ref, verb, cast.key())
        by_api(secret, called.ref, verb, cast.key())
    assert told(paged.ref) == told(called.ref)
