"""What support may say: an answer for the agent, and a text for the customer that gives away
nothing of how we work, names nobody and promises nothing that isn't known (I10).

Pure. Filled only with the kind's own words for the customer and with times.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from approvals import kinds
from approvals.explain import Waiting
from approvals.models import ApprovalRequest, State

SAFE = "What was asked for, its amount, the order and the dates."
UNSAFE = "Names, teams, checks, systems and messages of providers."
NOBODY_NEEDS_YOU = "Nobody needs anything from you."


@dataclass(frozen=True)
class CustomerAnswer:
    """`agent` is for support's own eyes, `customer` may be copied into a reply as it stands."""

    agent: str
    customer: str
    safe: str
    unsafe: str
    as_of: datetime


def answer(item: ApprovalRequest, waiting: Waiting, now: datetime) -> CustomerAnswer:
    """The truth about `item` at `now`, twice: for the agent and for the customer."""
    words = kinds.kind_of(item.kind).customer_words(item.payload)
    return CustomerAnswer(
        agent=_agent(item, waiting),
        customer=_CUSTOMER[State(item.state)](item, words[0].upper() + words[1:]),
        safe=SAFE,
        unsafe=UNSAFE,
        as_of=now,
    )


def _agent(item: ApprovalRequest, waiting: Waiting) -> str:
    if item.state == State.SENT_BACK:
        return f"{waiting.sentence} {waiting.moved}"
    moved = "" if waiting.moved in waiting.sentence else f" {waiting.moved}"
    after = f" {waiting.next}" if item.state == State.DONE and waiting.next else ""
    needs_you = "" if item.state not in _OPEN_WITH_OTHERS else f" {NOBODY_NEEDS_YOU}"
    return f"{waiting.sentence}{moved}{after}{needs_you}"


_OPEN_WITH_OTHERS = (
    State.PENDING,
    State.APPROVED,
    State.EXECUTING,
    State.RETRYING,
    State.IN_DOUBT,
    State.NEEDS_PERSON,
)


def _checking(item: ApprovalRequest, words: str) -> str:
    bank = " After that your bank usually needs 5 to 10 business days." if _is_money(item) else ""
    return (
        f"{words} is being checked and has not been carried out yet.{bank} "
        "You do not need to do anything."
    )


def _on_its_way(item: ApprovalRequest, words: str) -> str:
    return f"{words} is approved and is being carried out. You do not need to do anything."


def _delayed(item: ApprovalRequest, words: str) -> str:
    if item.effect.undone_at is not None:
        return (
            f"{words} did not arrive: it came back after it was sent. "
            "We are looking for another way and will write to you."
        )
    if not item.effect.is_proven_absent:
        return _confirming(item, words)
    return (
        f"{words} is approved. It takes longer than usual and has not been carried out yet. "
        "We are working on it; you do not need to do anything."
    )


def _confirming(item: ApprovalRequest, words: str) -> str:
    who = "the payment provider" if _is_money(item) else "the system that carries it out"
    return (
        f"We are confirming with {who} whether {words[0].lower() + words[1:]} went through, "
        "and will write to you. You do not need to do anything."
    )


def _done(item: ApprovalRequest, words: str) -> str:
    day = item.effect.settled_at
    on = f" on {day.day} {day:%B}" if day else ""
    reference = item.effect.provider_reference
    if not _is_money(item):
        return f"{words} was carried out{on}."
    number = f" The reference for your bank is {reference}." if reference else ""
    return (
        f"{words} was sent{on}. Your bank usually needs 5 to 10 business days to show it.{number}"
    )


def _ended(item: ApprovalRequest, words: str) -> str:
    return f"{words} will not be carried out. Nothing was changed."


_CUSTOMER: dict[State, Callable[[ApprovalRequest, str], str]] = {
    State.PENDING: _checking,
    State.SENT_BACK: _checking,
    State.APPROVED: _on_its_way,
    State.EXECUTING: _confirming,
    State.RETRYING: _delayed,
    State.IN_DOUBT: _confirming,
    State.NEEDS_PERSON: _delayed,
    State.DONE: _done,
    State.REJECTED: _ended,
    State.WITHDRAWN: _ended,
    State.EXPIRED: _ended,
}


def _is_money(item: ApprovalRequest) -> bool:
    return item.amount is not None
