"""What a refund, a list of refunds and a refusal say about our effect. Pure."""

import logging
from email.utils import format_datetime

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from approvals.kinds import stripe_answers
from approvals.kinds.base import Absent, Done, Effect, Refused, Unknown
from approvals.kinds.calling import LONGEST_RETRY_AFTER_S, retry_after_s

EFFECT = Effect(
    id="aq-RF-1-abc",
    key="aq-RF-1-abc",
    ref="RF-1",
    payload={
        "order": "O-1",
        "payment": "pi_1",
        "amount": 8800,
        "currency": "EUR",
        "reason_code": "lost_parcel",
    },
    reason="Lost.",
)
MARKED = {stripe_answers.MARK: EFFECT.id}
OURS = {
    "id": "re_1",
    "object": "refund",
    "status": "succeeded",
    "payment_intent": "pi_1",
    "amount": 8800,
    "currency": "eur",
    "metadata": MARKED,
}


def read(**changes: object) -> Done | Refused | Unknown:
    return stripe_answers.read({**OURS, **changes}, EFFECT)


def find(*changes: dict) -> Done | Refused | Absent | Unknown:
    return stripe_answers.find([{**OURS, **one} for one in changes], EFFECT)


def test_our_refund_that_succeeded_is_done():
    assert read() == Done("re_1", "Refund re_1: status succeeded.")


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {stripe_answers.MARK: "aq-RF-2-xyz"}},
        {"metadata": {}},
        {"metadata": {"order": "7"}},
        {"amount": 8801},
        {"amount": 0},
        {"currency": "usd"},
        {"payment_intent": "pi_2"},
    ],
    ids=str,
)
def test_a_success_of_something_else_is_no_success(changes):
    """I10, AC55."""
    seen = read(**changes)
    assert (type(seen), seen.cause) == (Unknown, "answer-of-another")
    assert "re_1" in seen.evidence


def test_what_differs_is_told():
    assert read(amount=100).evidence == "Refund re_1: amount 100, not 8800."


@pytest.mark.parametrize("currency", ["eur", "EUR", "Eur"])
def test_a_currency_is_the_same_in_small_letters(currency):
    assert type(read(currency=currency)) is Done


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": ""},
        {"id": 7},
        {"id": "re 1"},
        {"id": "r" * 201},
        {"id": "re_1\x00"},
        {"status": None},
        {"status": 1},
        {"status": "something new"},
        {"amount": None},
        {"amount": "8800"},
        {"amount": 8800.0},
        {"amount": True},
        {"currency": None},
        {"currency": 978},
        {"payment_intent": None},
        {"payment_intent": {"id": "pi_1"}},
        {"metadata": None},
        {"metadata": []},
        {"metadata": {stripe_answers.MARK: None}},
        {"metadata": {stripe_answers.MARK: 7}},
    ],
    ids=str,
)
def test_half_a_refund_is_not_understood(changes):
    """I10, AC55."""
    seen = read(**changes)
    assert (type(seen), seen.cause) == (Unknown, "unreadable-answer")


@pytest.mark.parametrize("name", OURS)
def test_a_refund_that_lacks_a_field_is_no_success(name):
    without = {key: value for key, value in OURS.items() if key != name}
    seen = stripe_answers.read(without, EFFECT)
    assert isinstance(seen, Done) == (name == "object")


def test_a_refund_that_waits_for_the_customer_says_so():
    seen = read(status="requires_action")
    assert (type(seen), seen.cause) == (Unknown, "provider-needs-action")


def test_a_pending_refund_says_what_it_waits_for():
    seen = read(status="pending", pending_reason="insufficient_funds")
    assert (seen.cause, seen.evidence) == (
        "provider-pending",
        "Refund re_1: status pending (insufficient_funds).",
    )


def test_a_refund_that_failed_says_why():
    """T2.5."""
    seen = read(status="failed", failure_reason="expired_or_canceled_card")
    assert (seen.cause, seen.permanent) == ("failed-at-provider", True)
    assert "expired_or_canceled_card" in seen.evidence


def test_a_charge_is_compared_as_a_charge():
    effect = Effect(**{**vars(EFFECT), "payload": {**EFFECT.payload, "payment": "ch_1"}})
    by_charge = {**OURS, "charge": "ch_1", "payment_intent": "pi_9"}
    assert type(stripe_answers.read(by_charge, effect)) is Done
    assert type(stripe_answers.read(OURS, effect)) is Unknown


@given(
    st.dictionaries(
        st.sampled_from(list(OURS)),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()),
        min_size=1,
    )
)
def test_nothing_but_our_refund_is_done(changes):
    """Whatever is put in place of a field: a success is one only when every field is ours."""
    changed = {**OURS, **changes}
    seen = stripe_answers.read(changed, EFFECT)
    if isinstance(seen, Done):
        assert {**changed, "object": "", "id": "", "currency": "eur"} == {
            **OURS,
            "object": "",
            "id": "",
        }
        assert (seen.reference, changed["currency"].lower()) == (changed["id"], "eur")


# --- Among the refunds of a payment ---------------------------------------------------------------


def test_our_refund_is_found_among_others():
    """T2.2."""
    assert find({"id": "re_0", "metadata": {}}, {"id": "re_1"}).reference == "re_1"


def test_without_ours_there_is_no_trace():
    assert type(find({"metadata": {}}, {"metadata": {stripe_answers.MARK: "other"}})) is Absent
    assert type(find()) is Absent


def test_a_doubled_refund_is_neither_done_nor_failed(caplog):
    """I1: money that moved twice is never hidden behind a success."""
    with caplog.at_level(logging.ERROR, "approvals"):
        seen = find({"id": "re_1"}, {"id": "re_2"})
    assert (type(seen), seen.cause) == (Unknown, "found-twice")
    assert "re_1, re_2" in seen.evidence
    assert "RF-1" in caplog.text


def test_a_doubled_refund_counts_while_one_of_them_is_pending():
    assert find({"id": "re_1"}, {"id": "re_2", "status": "pending"}).cause == "found-twice"


@pytest.mark.parametrize("over", ["failed", "canceled"])
def test_a_refund_that_failed_beside_one_that_stands_moved_no_money(over):
    assert find({"id": "re_1", "status": over}, {"id": "re_2"}).reference == "re_2"


def test_only_failed_refunds_are_a_failure():
    seen = find({"id": "re_1", "status": "failed"}, {"id": "re_2", "status": "failed"})
    assert (type(seen), seen.permanent) == (Refused, True)


def test_a_refund_with_our_mark_and_another_amount_is_not_absent():
    assert find({"amount": 1}).cause == "answer-of-another"


# --- Refusals -------------------------------------------------------------------------------------


def refusal(status: int, *, body: object = None, **headers: str) -> Refused | Unknown:
    error = stripe.APIError("No.", http_status=status, json_body=body, headers=headers)
    return stripe_answers.classified(error)


@pytest.mark.parametrize("status", [400, 402, 403, 404, 409, 413])
def test_a_no_that_is_not_stripe_s_own_is_no_no(status):
    """A page of a gateway in between says nothing about what happened behind it."""
    assert type(refusal(status)) is Unknown


@pytest.mark.parametrize("status", [200, 204, 301, 302, 307, 308, 408])
def test_an_answer_that_decides_nothing_is_unknown(status):
    assert type(refusal(status, body={"error": {}})) is Unknown


@pytest.mark.parametrize("status", [400, 409])
def test_a_key_that_was_used_for_something_else_is_our_mistake(status):
    seen = refusal(status, body={"error": {"type": "idempotency_error"}})
    assert (type(seen), seen.cause, seen.permanent) == (Refused, "key-mismatch", True)


@pytest.mark.parametrize("should_retry", ["true", "false"])
def test_an_error_of_stripe_s_is_unknown_whatever_it_advises(should_retry):
    seen = refusal(500, **{"Stripe-Should-Retry": should_retry})
    assert (type(seen), seen.cause) == (Unknown, "provider-error")


@pytest.mark.parametrize("status", [429, 409, 503])
def test_the_wish_to_wait_is_kept(status):
    seen = refusal(status, body={"error": {}}, **{"Retry-After": "120"})
    assert seen.retry_after_s == 120


# --- Retry-After ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        (" 7 ", 7),
        ("999999", LONGEST_RETRY_AFTER_S),
        ("9" * 400, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("nan", None),
        ("\u0667", None),
        ("Wed, 99 Nov 2026 99:00:00 GMT", None),
        ("Wed, 25 Nov 99999 09:00:00 GMT", None),
        ("Wed, 25 Nov 2026 09:02:00 GMT", 120),
        ("Wed, 25 Nov 2026 08:00:00 GMT", 0),
        ("Thu, 25 Nov 2027 09:00:00 GMT", LONGEST_RETRY_AFTER_S),
    ],
)
def test_the_wish_to_wait_is_read_in_both_forms(value, seconds):
    """A date is measured by the provider's clock, so ours may be wrong."""
    headers = {"retry-after": value, "Date": "Wed, 25 Nov 2026 09:00:00 GMT"}
    assert retry_after_s(headers) == seconds


def test_a_date_to_wait_for_is_measured_by_our_clock_when_there_is_no_other(now, monkeypatch):
    monkeypatch.setattr("approvals.kinds.calling.time.time", now.timestamp)
    until = format_datetime(now.replace(minute=22), usegmt=True)
    assert retry_after_s({"Retry-After": until}) == 600


@given(st.text(max_size=40))
def test_no_wish_to_wait_is_out_of_bounds(value):
    seconds = retry_after_s({"Retry-After": value})
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER_S
