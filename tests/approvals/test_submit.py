"""Asking for something: what is taken, and what is refused with nothing left behind."""

from datetime import timedelta

import pytest

from accounts.models import User
from approvals.commands import submit
from approvals.commands.policies import load_policy
from approvals.kinds.refund import Refund
from approvals.models import ApprovalRequest, Queue, State
from approvals.refusals import (
    DuplicateRequest,
    Invalid,
    NoPolicy,
    NotAllowed,
)
from tests.approvals.common import denied, events_of, jobs, refused


def asked(cast, *, by=None, **changes):
    return submit.submit(
        by=by or cast.requester, at=cast.now, key=cast.key(), **cast.refund_arguments(**changes)
    )


def not_asked(expected, cast, /, *, by=None, **changes):
    """The refusal, after which there is no request and no job more than before."""
    before = (ApprovalRequest.objects.count(), jobs())
    refusal = refused(
        expected,
        submit.submit,
        by=by or cast.requester,
        at=cast.now,
        key=cast.key(),
        **cast.refund_arguments(**changes),
    )
    assert (ApprovalRequest.objects.count(), jobs()) == before
    return refusal


# --- Asking ---------------------------------------------------------------------------------------


def test_a_refund_waits_for_finance(cast):
    item = cast.ask()
    assert (item.state, item.waiting_team.name) == (State.PENDING, "Finance")


def test_asking_says_what_it_waits_for(cast):
    answer = asked(cast)
    assert answer.sentence == f"{answer.ref} is sent and waits for Finance."


def test_a_new_request_has_one_event_and_version_one(cast):
    item = cast.ask()
    assert item.version == len(events_of(item)) == 1


def test_a_new_request_gets_the_next_reference(cast):
    first, second = cast.ask(), cast.ask()
    assert int(second.ref.removeprefix("RF-")) > int(first.ref.removeprefix("RF-"))


def test_a_new_request_is_due_as_its_rule_says(cast):
    item = cast.ask()
    assert (item.due_at, item.warn_at) == (
        cast.now + timedelta(hours=4),
        cast.now + timedelta(hours=2),
    )


def test_a_request_that_waits_for_people_has_no_job(cast):
    before = jobs()
    cast.ask()
    assert jobs() == before


@pytest.mark.parametrize("amount", [1, 5000])
def test_a_small_refund_asked_for_by_support_needs_nobody(cast, amount):
    assert cast.ask(payload={"amount": amount}).state == State.APPROVED


def test_a_refund_above_fifty_euros_needs_somebody(cast):
    assert cast.ask(payload={"amount": 5001}).state == State.PENDING


def test_a_small_refund_says_that_it_starts(cast):
    answer = asked(cast, payload={"amount": 100})
    assert answer.sentence == f"{answer.ref} is sent and starts."


def test_a_small_refund_is_ready_to_start_with_one_job(cast):
    before = jobs()
    item = cast.ask(payload={"amount": 100})
    assert (item.starts_at, item.effect.attempts, jobs() - before) == (cast.now, 0, 1)


def test_a_small_refund_asked_for_by_operations_has_no_rule(cast):
    not_asked(NoPolicy, cast, by=cast.operator, payload={"amount": 100})


def test_text_is_kept_trimmed(cast):
    item = cast.ask(customer="  A. Silva ", ticket=" ZD-9 ", reason=" Lost. ")
    assert (item.customer, item.ticket, item.reason) == ("A. Silva", "ZD-9", "Lost.")


def test_two_spellings_of_one_letter_are_one_content(cast):
    item = cast.ask(customer="Jose\u0301")
    assert item.customer == "Jos\u00e9"


# --- Not allowed ----------------------------------------------------------------------------------


def test_who_has_no_right_to_ask_is_refused(cast):
    assert not_asked(NotAllowed, cast, by=cast.auditor).facts["rule"] == "no-grant"


def test_a_refused_question_stands_once_in_the_persons_stream(cast):
    not_asked(NotAllowed, cast, by=cast.auditor)
    assert [event.reason_code for event in denied(cast.auditor)] == ["no-grant"]


def test_a_superuser_cannot_ask_by_being_superuser(cast):
    not_asked(NotAllowed, cast, by=cast.superuser)


def test_a_closed_account_cannot_ask(cast):
    User.objects.filter(pk=cast.requester.pk).update(is_active=False)
    not_asked(NotAllowed, cast)


def test_who_may_not_ask_learns_nothing_from_the_outside_system(cast, monkeypatch):
    """I7: its answers tell what was paid and refunded."""
    asked_about = []
    monkeypatch.setattr(
        Refund, "examine_again", lambda self, payload, key: asked_about.append(payload) or []
    )
    not_asked(NotAllowed, cast, by=cast.stranger)
    assert asked_about == []


# --- No policy ------------------------------------------------------------------------------------


def test_without_a_rule_nobody_decides_that_nobody_is_needed(cast):
    refusal = not_asked(NoPolicy, cast, payload={"currency": "USD"})
    assert "No rule of the policy “Refunds” covers this" in refusal.sentence


def test_without_a_rule_the_attempt_is_recorded_once(cast):
    not_asked(NoPolicy, cast, payload={"currency": "USD"})
    assert len(denied(cast.requester)) == 1


def test_a_policy_that_asks_a_missing_team_is_refused(cast):
    table = [
        {"name": "All", "when": {"kind": "refund"}, "steps": [{"team": "Nobody", "quorum": 1}]}
    ]
    load_policy(slug="refunds", name="Refunds", table=table, at=cast.now)
    assert "Nobody" in not_asked(NoPolicy, cast).sentence


def test_a_queue_without_a_live_policy_takes_nothing(cast):
    policy = Queue.objects.get(slug="refunds").policy
    policy.live = None
    policy.save()
    not_asked(NoPolicy, cast)


def test_an_open_request_keeps_the_policy_it_was_asked_under(cast):
    item = cast.ask()
    table = [{"name": "All", "when": {"kind": "refund"}, "steps": [{"team": "Audit"}]}]
    load_policy(slug="refunds", name="Refunds", table=table, at=cast.now)
    assert cast.approve(item).state == State.APPROVED


# --- Duplicates -----------------------------------------------------------------------------------


def test_the_same_payment_twice_is_refused_with_the_open_one(cast):
    item = cast.ask()
    refusal = not_asked(DuplicateRequest, cast, payload={"payment": item.payload["payment"]})
    assert (refusal.status, refusal.facts["ref"]) == (409, item.ref)


def test_a_duplicate_is_recorded_once_as_refused(cast):
    item = cast.ask()
    not_asked(DuplicateRequest, cast, payload={"payment": item.payload["payment"]})
    assert [event.reason_code for event in denied(cast.requester)] == ["duplicate-request"]


def test_another_one_is_taken_when_its_requester_says_so(cast):
    item = cast.ask()
    other = cast.ask(payload={"payment": item.payload["payment"]}, is_another=True)
    assert other.state == State.PENDING


def test_after_the_end_the_same_can_be_asked_for_again(cast):
    item = cast.ask()
    submit.withdraw(ref=item.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="No.")
    assert cast.ask(payload={"payment": item.payload["payment"]}).state == State.PENDING


def test_different_payments_do_not_collide(cast):
    assert {cast.ask().state, cast.ask().state} == {State.PENDING}


# --- What cannot be used --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount"),
    [0, -1, 1.5, True, "8800", None, 10**12 + 1, 2**53, 2**63, 2**64],
    ids=str,
)
def test_an_amount_that_is_no_amount_is_refused(cast, amount):
    assert "amount" in not_asked(Invalid, cast, payload={"amount": amount}).errors


# XXX is ISO 4217 for “no currency”.
@pytest.mark.parametrize("currency", ["", "XXX", "eur", "EURO", "E", None, 7])
def test_a_currency_that_is_none_is_refused(cast, currency):
    assert "currency" in not_asked(Invalid, cast, payload={"currency": currency}).errors


@pytest.mark.parametrize(
    "payment", ["", "88120", "pi_", "pi_88 120", "pi_\u0661", "pi_" + "x" * 81, "re_1", "pi_1\n2"]
)
def test_a_payment_that_is_none_is_refused(cast, payment):
    assert "payment" in not_asked(Invalid, cast, payload={"payment": payment}).errors


def test_an_unknown_field_is_refused_by_its_name(cast):
    assert "colour" in not_asked(Invalid, cast, payload={"colour": "red"}).errors


def test_an_unknown_reason_code_is_refused(cast):
    assert "reason_code" in not_asked(Invalid, cast, payload={"reason_code": "mood"}).errors


@pytest.mark.parametrize("kind", ["", "loan", "x" * 5000, "ref\x00und"])
def test_an_unknown_kind_is_refused(cast, kind):
    assert "kind" in not_asked(Invalid, cast, kind=kind).errors


def test_an_unknown_queue_is_refused(cast):
    assert "queue" in not_asked(Invalid, cast, queue="nowhere").errors


@pytest.mark.parametrize("field", ["customer", "reason"])
@pytest.mark.parametrize("text", ["", "   ", "a\x00b", "x" * 1_000_000])
def test_text_that_cannot_be_used_is_refused(cast, field, text):
    assert field in not_asked(Invalid, cast, **{field: text}).errors


@pytest.mark.parametrize("text", ["a\x00b", "x" * 101])
def test_a_ticket_that_cannot_be_used_is_refused(cast, text):
    assert "ticket" in not_asked(Invalid, cast, ticket=text).errors


@pytest.mark.parametrize("order", ["", "   ", "x" * 61, 88120, ["O-1"], {"id": 1}])
def test_an_order_that_cannot_be_used_is_refused(cast, order):
    assert "order" in not_asked(Invalid, cast, payload={"order": order}).errors


def test_an_order_with_a_character_that_cannot_be_stored_is_refused(cast):
    assert "order" in not_asked(Invalid, cast, payload={"order": "O\x001"}).errors


def test_an_order_with_half_an_emoji_is_refused(cast):
    assert "order" in not_asked(Invalid, cast, payload={"order": "O\ud83d"}).errors


def test_every_mistake_is_named_at_once(cast):
    refusal = not_asked(Invalid, cast, payload={"amount": 0}, customer="", reason="")
    assert set(refusal.errors) == {"amount", "customer", "reason"}


def test_what_cannot_be_used_leaves_no_event(cast):
    not_asked(Invalid, cast, reason="")
    assert denied(cast.requester) == []


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"account": "../admin"}, "account"),
        ({"account": "a/b"}, "account"),
        ({"change": "everything"}, "change"),
        ({"to": ""}, "to"),
        ({"to": "   "}, "to"),
        ({"change": "close"}, "to"),
        ({"to": "a\x00b"}, "to"),
    ],
    ids=lambda value: str(value),
)
def test_an_account_change_that_cannot_be_used_is_refused(cast, payload, field):
    wanted = {"account": "acct_1", "change": "email", "to": "new@example.test", **payload}
    refusal = refused(
        Invalid,
        submit.submit,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        kind="account_change",
        payload=wanted,
        customer="A. Silva",
        reason="Asked by phone.",
    )
    assert field in refusal.errors


@pytest.mark.parametrize("field", ["title", "instructions"])
@pytest.mark.parametrize("text", ["", "   ", "a\x00b", "x" * 5000])
def test_a_manual_task_that_cannot_be_used_is_refused(cast, field, text):
    wanted = {"title": "Call the bank", "instructions": "Ask for Ann.", field: text}
    refusal = refused(
        Invalid,
        submit.submit,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        kind="manual",
        payload=wanted,
        customer="A. Silva",
        reason="Asked by phone.",
    )
    assert field in refusal.errors
