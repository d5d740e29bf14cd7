"""What the crash tests share: the ledger's view, time that passes, and a process's environment."""

import os
from datetime import timedelta

from approvals import doctor
from approvals.models import Effect, State
from audit.verify import verify


def effects_of(provider, item) -> list[dict]:
    key = Effect.objects.get(item=item).key
    return [effect for effect in provider.effects() if effect["effect_id"] == key]


def settle_down(cast, item, *, start=timedelta(minutes=2), steps=40) -> str:
    """Run whatever is due, step by step in the future, until nothing happens by itself."""
    at = cast.now + start
    for _ in range(steps):
        cast.run(item, at=at)
        item = cast.get(item.ref)
        effect = item.effect
        due = effect.lease_until or effect.next_attempt_at or effect.next_question_at
        if item.state in (State.DONE, State.NEEDS_PERSON) or due is None:
            break
        at = max(at, due) + timedelta(seconds=1)
    return item.state


def assert_explained() -> None:
    assert doctor.examine() == []
    assert verify().is_intact


def environment(provider, database: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": os.environ["DATABASE_URL"].replace("/aq_test?", f"/{database}?"),
        "DATABASE_OWNER_URL": os.environ["DATABASE_OWNER_URL"].replace(
            "/aq_test?", f"/{database}?"
        ),
        "STRIPE_API_KEY": "sk_test_crash",
        "STRIPE_API_BASE": provider.url,
        "STRIPE_TIMEOUT_S": "25",
    }


def is_done(cast, item) -> bool:
    return cast.get(item.ref).state == State.DONE
