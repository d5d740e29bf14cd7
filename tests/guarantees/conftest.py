"""A request in any state, brought there by the product's own commands and worker."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from approvals import sweeping
from approvals.commands import decide, settle, submit
from approvals.kinds import base
from approvals.kinds.refund import Refund
from approvals.models import ApprovalRequest, State

Place = Callable[[str], ApprovalRequest]


class WorkerDied(BaseException):
    """What a killed worker looks like from inside: nothing after it runs."""


@pytest.fixture
def provider_says(monkeypatch) -> Callable[[object], None]:
    """Let the payment provider answer every call with one result, or die in the middle of it."""

    def say(answer: object) -> None:
        def call(self: Refund, effect: base.Effect) -> object:
            if isinstance(answer, BaseException):
                raise answer
            return answer

        monkeypatch.setattr(Refund, "send", call)
        monkeypatch.setattr(Refund, "look_up", call)

    return say


@pytest.fixture
def item_in(cast, provider_says) -> Place:
    """`item_in(state)`: a refund of EUR 88.00 in that state, loaded."""

    def seen(item: ApprovalRequest) -> dict:
        return {
            "ref": item.ref,
            "at": cast.now,
            "key": cast.key(),
            "revision": item.revision,
        }

    def reject(item: ApprovalRequest) -> None:
        decide.reject(**seen(item), by=cast.approver, step=item.step, reason="No.")

    def send_back(item: ApprovalRequest) -> None:
        decide.send_back(**seen(item), by=cast.approver, step=item.step, reason="Why?")

    def withdraw(item: ApprovalRequest) -> None:
        submit.withdraw(
            ref=item.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="No longer."
        )

    def expire(item: ApprovalRequest) -> None:
        sweeping.expire(item.pk, at=cast.now + timedelta(days=90))

    def die(item: ApprovalRequest) -> None:
        cast.approve(item)
        provider_says(WorkerDied())
        with pytest.raises(WorkerDied):
            cast.run(item)

    def answered(answer: object) -> Callable[[ApprovalRequest], None]:
        def run(item: ApprovalRequest) -> None:
            cast.approve(item)
            provider_says(answer)
            cast.run(item)

        return run

    ways = {
        State.PENDING: lambda item: None,
        State.SENT_BACK: send_back,
        State.APPROVED: cast.approve,
        State.EXECUTING: die,
        State.RETRYING: answered(base.Refused("provider-busy", permanent=False)),
        State.IN_DOUBT: answered(base.Unknown("no-answer")),
        State.NEEDS_PERSON: answered(base.Refused("card-declined", permanent=True)),
        State.DONE: answered(base.Done("re_1")),
        State.REJECTED: reject,
        State.WITHDRAWN: withdraw,
        State.EXPIRED: expire,
    }

    def place(state: str) -> ApprovalRequest:
        item = cast.ask()
        ways[State(state)](item)
        item = cast.get(item.ref)
        assert item.state == state
        return item

    return place


@pytest.fixture
def settled_by_people(cast, item_in) -> ApprovalRequest:
    """In doubt, then found done by one person and confirmed by another."""
    item = item_in(State.IN_DOUBT)
    common = {"ref": item.ref, "at": cast.now + timedelta(hours=1), "revision": item.revision}
    settle.settle(
        **common,
        by=cast.operator,
        key=cast.key(),
        happened=True,
        reason="Seen there.",
        reference="re_9",
    )
    settle.confirm_settlement(**common, by=cast.second_operator, key=cast.key())
    return cast.get(item.ref)
