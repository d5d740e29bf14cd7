"""An effect that is booked and whose answer is worth nothing: in doubt, found, never repeated."""

from datetime import timedelta

import pytest

from approvals.kinds import refund
from approvals.models import Attempt, State
from tests import postgres
from tests.crash.common import assert_explained, effects_of, settle_down

pytestmark = pytest.mark.usefixtures("committed_db")
CAUSES = {
    "answer_of_another": "answer-of-another",
    "garbage": "unreadable-answer",
    "huge": "unreadable-answer",
    "drip": "no-answer",
}


def ask_for_refund(cast):
    return cast.approve(cast.ask())


def ask_for_account_change(cast):
    return cast.approve(cast.ask_for_account_change(), by=cast.operator)


@pytest.mark.parametrize("ask", [ask_for_refund, ask_for_account_change])
@pytest.mark.parametrize("fault", CAUSES)
def test_an_answer_that_is_worth_nothing_is_asked_for_again(provider, cast, settings, ask, fault):
    """AC55, T2.2"""
    if fault != "drip":  # only the drip is to end by the time
        settings.STRIPE_TIMEOUT_S = settings.ACCOUNT_SERVICE_TIMEOUT_S = 20
    item = ask(cast)
    provider.set_faults(**{fault: 1})
    assert cast.run(item) == "in doubt"
    assert cast.get(item.ref).cause == CAUSES[fault]
    if fault != "answer_of_another":
        assert cast.run(item, at=cast.now + timedelta(minutes=3)) == "still in doubt"
    provider.set_faults(**{fault: 0})
    assert settle_down(cast, item, start=timedelta(minutes=30)) == State.DONE
    [effect] = effects_of(provider, item)
    assert cast.get(item.ref).effect.provider_reference == effect["reference"]
    assert_explained()


@pytest.mark.parametrize("fault", ["pending", "requires_action"])
def test_what_is_accepted_and_not_finished_is_not_done(provider, cast, fault):
    provider.set_faults(**{fault: 1})
    item = ask_for_refund(cast)
    assert cast.run(item) == "in doubt"
    expected = {"pending": "provider-pending", "requires_action": "provider-needs-action"}
    assert cast.get(item.ref).cause == expected[fault]
    assert cast.run(item, at=cast.now + timedelta(minutes=3)) == "still in doubt"
    assert len(effects_of(provider, item)) == 1


def test_no_session_waits_in_a_transaction_while_a_slow_provider_is_called(
    provider, cast, committed_db, monkeypatch
):
    """T2.8, as PostgreSQL sees it."""
    item, seen = ask_for_refund(cast), []
    send = refund.Refund.send

    def look(self, effect):
        with postgres.admin(committed_db) as other:
            query = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
                " AND state LIKE 'idle in transaction%%'"
            )
            seen.append(other.execute(query, [committed_db]).fetchone()[0])
        return send(self, effect)

    monkeypatch.setattr(refund.Refund, "send", look)
    assert cast.run(item) == "done"
    assert seen == [0]


def test_a_repeat_with_other_content_under_our_key_stops_at_once(provider, cast):
    """Our own mistake, as Stripe tells it: nothing more is sent, and a person is called."""
    item = ask_for_refund(cast)
    provider.set_faults(refuse_before=1)
    assert cast.run(item) == "in doubt"
    provider.set_faults(refuse_before=0)
    provider.stripe.v1.refunds.create(
        {"payment_intent": item.payload["payment"], "amount": 1},
        {"idempotency_key": item.effect.key},
    )
    assert settle_down(cast, item) == State.NEEDS_PERSON
    assert cast.get(item.ref).cause == "key-mismatch"
    assert Attempt.objects.filter(cause="key-mismatch").count() == 1
    assert effects_of(provider, item) == []
