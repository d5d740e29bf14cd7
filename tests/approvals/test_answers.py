"""What support may say: the customer learns nothing of how we work, and nothing untrue."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import kinds
from approvals.answers import _CUSTOMER, answer
from approvals.causes import CAUSES
from approvals.explain import Waiting, explain
from approvals.models import State
from tests.approvals.test_explain import DECIDERS, NOW, STATES, item

PAYLOADS = {
    "refund": {
        "order": "88120",
        "payment": "pi_88120",
        "amount": 124_000,
        "currency": "EUR",
        "reason_code": "lost_parcel",
    },
    "account_change": {"account": "acct_5498", "change": "payout_account", "to": "DE02 1"},
    "manual": {"title": "Call the bank", "instructions": "Ask for Ann."},
}
HIDDEN = [
    *(kind.system for kind in kinds.all_kinds().values()),
    "Ines",
    "Weber",
    "Sofia",
    "Berg",
    "Finance",
    "Berlin",
    "Which parcel?",
    "pi_88120",
    "acct_5498",
    "Ask for Ann",
    *(cause.plain for cause in CAUSES.values()),
]


def said(state, kind="refund", **changes):
    amount = 124_000 if kind == "refund" else None
    one = item(state, kind=kind, amount=amount, payload=PAYLOADS[kind], **changes)
    return answer(one, explain(one, DECIDERS, NOW), NOW)


def test_every_state_has_its_answer():
    assert set(_CUSTOMER) == set(STATES)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", PAYLOADS)
def test_the_customer_learns_no_name_system_or_cause(state, kind):
    found = said(state, kind).customer
    assert [word for word in HIDDEN if re.search(rf"\b{re.escape(word)}", found, re.I)] == []


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("state", [State.RETRYING, State.IN_DOUBT, State.NEEDS_PERSON])
def test_the_customer_learns_no_cause_whatever_it_is(state, cause):
    found = said(state, cause=cause).customer
    assert CAUSES[cause].plain not in found
    assert CAUSES[cause].meaning not in found


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", PAYLOADS)
def test_the_answer_for_the_customer_is_whole_sentences(state, kind):
    found = said(state, kind).customer
    assert re.fullmatch(r"[A-Z][^{}]+\.", found)
    assert "None" not in found


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", PAYLOADS)
def test_the_answer_for_support_is_whole(state, kind):
    found = said(state, kind).agent
    assert found.endswith(".")
    assert "  " not in found


@pytest.mark.parametrize("state", [s for s in STATES if s != State.DONE])
def test_only_what_is_done_is_said_to_be_sent(state):
    """I10."""
    assert not re.search(r"\bwas (sent|carried out)\b", said(state).customer)


@pytest.mark.parametrize("state", [State.EXECUTING, State.IN_DOUBT])
@pytest.mark.parametrize("kind", PAYLOADS)
def test_while_it_may_have_happened_neither_is_said(state, kind):
    """I10."""
    found = said(state, kind).customer
    assert found.startswith("We are confirming")
    assert "not been carried out" not in found


@pytest.mark.parametrize("state", [State.REJECTED, State.WITHDRAWN, State.EXPIRED])
def test_what_has_ended_is_said_not_to_happen(state):
    assert "will not be carried out" in said(state).customer


def test_a_refund_that_is_done_names_amount_order_day_and_reference():
    assert said(State.DONE).customer == (
        "Your refund of EUR 1,240.00 for order 88120 was sent on 24 November. Your bank usually "
        "needs 5 to 10 business days to show it. The reference for your bank is re_1."
    )


def test_a_change_that_is_done_speaks_of_no_bank():
    assert said(State.DONE, "account_change").customer == (
        "The change of your payout account was carried out on 24 November."
    )


@pytest.mark.parametrize(
    "state",
    [s for s in STATES if s not in (State.DONE, State.REJECTED, State.WITHDRAWN, State.EXPIRED)],
)
def test_while_it_is_open_the_customer_need_not_do_anything(state):
    assert "you do not need to do anything" in said(state).customer.lower()


def test_support_is_told_when_somebody_waits_for_them():
    assert "Nobody needs anything from you" not in said(State.SENT_BACK).agent


def test_an_answer_says_of_when_it_is():
    assert said(State.PENDING).as_of == NOW


@given(
    order=st.text(min_size=1, max_size=60),
    state=st.sampled_from(STATES),
    hours=st.integers(0, 24 * 400),
)
def test_no_order_number_breaks_an_answer(order, state, hours):
    payload = {**PAYLOADS["refund"], "order": order}
    one = item(state, amount=124_000, payload=payload)
    waiting = Waiting("x", "x", "x.", NOW, "x.")
    found = answer(one, waiting, NOW + timedelta(hours=hours))
    assert order in found.customer or state in (State.EXECUTING, State.IN_DOUBT)


@pytest.mark.parametrize("state", [State.RETRYING, State.NEEDS_PERSON])
def test_the_customer_is_not_told_that_nothing_happened_while_that_is_not_known(state):
    found = said(state, is_absent=False).customer
    assert "has not been carried out" not in found
    assert "confirming" in found


def test_the_customer_is_told_when_the_money_came_back():
    found = said(State.NEEDS_PERSON, cause="failed-at-provider", undone_at=NOW).customer
    assert "did not arrive" in found
