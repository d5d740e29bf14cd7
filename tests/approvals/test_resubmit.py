"""Changing the content and sending it again: earlier approvals no longer count."""

from approvals.commands import decide, operate, submit
from approvals.kinds.refund import Refund
from approvals.models import State, Step
from approvals.refusals import (
    DuplicateRequest,
    Invalid,
    NoPolicy,
    NotAllowed,
    NotFound,
    RevisionMismatch,
    TransitionNotAllowed,
)
from tests.approvals.common import events_of, refused, refused_on


def change(cast, item, *, by=None, revision=None, payload=None, **words):
    return submit.resubmit(
        ref=item.ref,
        by=by or cast.requester,
        at=cast.now,
        key=cast.key(),
        **content(item, revision=revision, payload=payload, **words),
    )


def content(item, *, revision=None, payload=None, **words):
    return {
        "revision": revision or item.revision,
        "payload": {**item.payload, **(payload or {})},
        "customer": item.customer,
        "reason": item.reason,
        "ticket": item.ticket,
        **words,
    }


def test_changed_content_is_a_new_revision(cast):
    item = cast.ask()
    change(cast, item, payload={"amount": 9900})
    item = cast.get(item.ref)
    assert (item.revision, item.amount, item.payload["amount"]) == (2, 9900, 9900)


def test_changing_is_one_event_and_one_version(cast):
    item = cast.ask()
    change(cast, item, payload={"amount": 9900})
    assert cast.get(item.ref).version == len(events_of(item)) == 2


def test_changing_tells_field_by_field_what_changed(cast):
    item = cast.ask()
    change(cast, item, payload={"amount": 9900})
    assert events_of(item)[-1].changes == [
        {"field": "Amount", "before": "EUR 88.00", "after": "EUR 99.00"}
    ]


def test_changing_says_that_earlier_approvals_no_longer_count(cast):
    item = cast.ask()
    sentence = change(cast, item, reason="Better.").sentence
    assert sentence == f"{item.ref} is changed and sent again. Earlier approvals no longer count."


def test_earlier_approvals_no_longer_count(cast):
    """I5."""
    item = cast.approve(cast.ask(payload={"amount": 150_000}))
    change(cast, item, payload={"amount": 160_000})
    item = cast.approve(item, by=cast.second_approver)
    assert (item.state, len(item.decisions_now)) == (State.PENDING, 1)


def test_who_approved_the_earlier_revision_may_approve_the_new_one(cast):
    item = cast.approve(cast.ask(payload={"amount": 150_000}))
    change(cast, item, payload={"amount": 160_000})
    cast.approve(item)
    assert cast.approve(item, by=cast.second_approver).state == State.APPROVED


def test_a_larger_amount_needs_what_its_rule_says(cast):
    item = cast.ask()
    change(cast, item, payload={"amount": 150_000})
    assert [step.quorum for step in cast.get(item.ref).steps] == [2]


def test_the_steps_of_earlier_revisions_stay_as_history(cast):
    item = cast.ask()
    change(cast, item, payload={"amount": 150_000})
    assert Step.objects.filter(item=item).count() == 2


def test_an_answered_question_waits_for_the_team_again(cast):
    item = cast.ask()
    decide.send_back(
        ref=item.ref,
        by=cast.approver,
        at=cast.now,
        key=cast.key(),
        revision=1,
        step=1,
        reason="Which parcel?",
    )
    change(cast, cast.get(item.ref), reason="The blue one.")
    item = cast.get(item.ref)
    assert (item.state, item.waiting_team.name, item.closing_reason) == (
        State.PENDING,
        "Finance",
        "",
    )


def test_who_asked_the_question_may_approve_the_answer(cast):
    item = cast.ask()
    decide.send_back(
        ref=item.ref,
        by=cast.approver,
        at=cast.now,
        key=cast.key(),
        revision=1,
        step=1,
        reason="Which parcel?",
    )
    change(cast, cast.get(item.ref), reason="The blue one.")
    assert cast.approve(item).state == State.APPROVED


def test_a_note_and_a_claim_do_not_void_approvals(cast):
    """I5."""
    item = cast.approve(cast.ask(payload={"amount": 150_000}))
    operate.note(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Look.")
    operate.claim(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key())
    item = cast.get(item.ref)
    assert (item.revision, len(item.decisions_now)) == (1, 1)


def test_only_the_requester_can_change_it(cast):
    item = cast.ask()
    refused_on(
        NotAllowed,
        item,
        submit.resubmit,
        by=cast.other_requester,
        at=cast.now,
        key=cast.key(),
        **content(item, reason="Mine."),
    )


def test_a_stranger_changes_nothing(cast):
    item = cast.ask()
    refused_on(
        NotFound,
        item,
        submit.resubmit,
        by=cast.stranger,
        at=cast.now,
        key=cast.key(),
        **content(item, reason="Mine."),
    )


def test_a_change_of_an_earlier_revision_is_refused(cast):
    item = cast.ask()
    change(cast, item, reason="Better.")
    refused_on(
        RevisionMismatch,
        item,
        submit.resubmit,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        **content(item, reason="Best.", revision=1),
    )


def test_an_approved_request_cannot_be_changed(cast):
    item = cast.approve(cast.ask())
    refused_on(
        TransitionNotAllowed,
        item,
        submit.resubmit,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        **content(item, reason="Best."),
    )


def test_sending_the_same_again_is_refused(cast):
    item = cast.ask()
    refused(
        Invalid,
        submit.resubmit,
        ref=item.ref,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        **content(item),
    )


def test_changed_so_that_nobody_would_approve_it_is_refused(cast):
    item = cast.ask()
    refused_on(
        NoPolicy,
        item,
        submit.resubmit,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        **content(item, payload={"amount": 100}),
    )


def test_changed_so_that_no_rule_matches_is_refused(cast):
    item = cast.ask()
    refused_on(
        NoPolicy,
        item,
        submit.resubmit,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        **content(item, payload={"currency": "USD"}),
    )


def test_changed_to_what_another_open_request_asks_for_is_refused(cast):
    other, item = cast.ask(), cast.ask()
    refused_on(
        DuplicateRequest,
        item,
        submit.resubmit,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        **content(item, payload={"payment": other.payload["payment"]}),
    )


def test_what_is_known_of_the_payment_is_that_of_the_new_content(cast, monkeypatch):
    """I10: an approver reads these lines beside the new amount."""
    from approvals.kinds.base import Fact

    monkeypatch.setattr(
        Refund,
        "examine_again",
        lambda self, payload, key: [Fact("Refunded after", str(payload["amount"]))],
    )
    item = cast.ask()
    change(cast, item, payload={"amount": 9900})
    assert cast.get(item.ref).examined == [{"label": "Refunded after", "value": "9900"}]
