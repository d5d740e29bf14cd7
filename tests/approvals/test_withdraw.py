"""No longer wanting it: only while nothing was sent, or nothing came of it."""

from datetime import timedelta

import pytest

from approvals import sweeping
from approvals.commands import decide, submit
from approvals.kinds.base import Refused, Unknown
from approvals.models import State
from approvals.refusals import (
    Invalid,
    NotAllowed,
    NotFound,
    TransitionNotAllowed,
)
from tests.approvals.common import events_of, refused, refused_on


def withdraw(cast, item, *, by=None):
    return submit.withdraw(
        ref=item.ref, by=by or cast.requester, at=cast.now, key=cast.key(), reason="No."
    )


def not_withdrawn(kind, cast, item, *, by=None):
    return refused_on(
        kind,
        item,
        submit.withdraw,
        by=by or cast.requester,
        at=cast.now,
        key=cast.key(),
        reason="No.",
    )


@pytest.mark.parametrize("who", ["requester", "operator"])
def test_requester_and_operations_can_withdraw(cast, who):
    item = cast.ask()
    withdraw(cast, item, by=getattr(cast, who))
    assert cast.get(item.ref).state == State.WITHDRAWN


@pytest.mark.parametrize("who", ["other_requester", "approver", "auditor"])
def test_others_cannot_withdraw(cast, who):
    not_withdrawn(NotAllowed, cast, cast.ask(), by=getattr(cast, who))


def test_a_stranger_withdraws_nothing(cast):
    not_withdrawn(NotFound, cast, cast.ask(), by=cast.stranger)


def test_withdrawing_says_that_no_money_has_moved(cast):
    item = cast.ask()
    assert withdraw(cast, item).sentence == f"{item.ref} is withdrawn. No money has moved."


def test_withdrawing_is_one_event_and_one_version(cast):
    item = cast.ask()
    withdraw(cast, item)
    assert cast.get(item.ref).version == len(events_of(item)) == 2


def test_withdrawing_needs_a_reason(cast):
    item = cast.ask()
    refused(
        Invalid,
        submit.withdraw,
        ref=item.ref,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        reason=" ",
    )


def test_an_approved_request_is_withdrawn_before_it_starts(cast, provider):
    item = cast.approve(cast.ask())
    withdraw(cast, item)
    assert (cast.run(item), provider.sent) == ("nothing", [])


def test_a_question_that_is_no_longer_wanted_is_withdrawn(cast):
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
    withdraw(cast, item)
    assert cast.get(item.ref).state == State.WITHDRAWN


def test_refused_for_good_it_can_be_withdrawn(cast, provider):
    provider.sends = Refused("payment-not-found", permanent=True)
    item = cast.approve(cast.ask())
    cast.run(item)
    withdraw(cast, item)
    assert cast.get(item.ref).state == State.WITHDRAWN


def test_in_doubt_it_cannot_be_withdrawn(cast, provider):
    provider.sends = Unknown("no-answer")
    item = cast.approve(cast.ask())
    cast.run(item)
    not_withdrawn(TransitionNotAllowed, cast, item)


def test_done_it_cannot_be_withdrawn(cast, provider):
    item = cast.approve(cast.ask())
    cast.run(item)
    not_withdrawn(TransitionNotAllowed, cast, item)


def test_an_expired_request_cannot_be_withdrawn(cast):
    item = cast.ask()
    sweeping.expire(item.pk, at=cast.now + timedelta(days=30))
    not_withdrawn(TransitionNotAllowed, cast, item)
