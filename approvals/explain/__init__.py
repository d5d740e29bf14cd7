"""What a request waits for, since when, what comes next and whether anything has moved.

Pure: a request with its rows loaded, what is known of the people who can act, and the moment.
Every sentence about waiting is here, and only here; `sentence` has at most 140 characters.
"""

from collections.abc import Callable
from datetime import datetime

from approvals import kinds
from approvals.explain import carrying_out, people
from approvals.explain.parts import LONGEST, Case, Deciders, Waiting
from approvals.models import ApprovalRequest, State, System

__all__ = ["LONGEST", "Deciders", "Waiting", "explain", "nothing_moved"]


def explain(
    item: ApprovalRequest, deciders: Deciders, now: datetime, system: System | None = None
) -> Waiting:
    """The whole answer to “what is it waiting for?”, for every state.

    `system` is the switch of the outside system that carries it out, when it has one.
    """
    case = Case(item, kinds.kind_of(item.kind), deciders, now, system, nothing_moved(item))
    return _OF_STATE[State(item.state)](case)


def nothing_moved(item: ApprovalRequest) -> str:
    """What is true of a request whose effect doesn't stand, in words of its kind."""
    effect = getattr(item, "effect", None)
    if effect is not None and effect.undone_at is not None:
        return "What had moved was taken back."
    return "No money has moved." if item.amount is not None else "Nothing has changed."


_OF_STATE: dict[State, Callable[[Case], Waiting]] = {
    State.PENDING: people.pending,
    State.SENT_BACK: people.sent_back,
    State.APPROVED: carrying_out.approved,
    State.EXECUTING: carrying_out.executing,
    State.RETRYING: carrying_out.retrying,
    State.IN_DOUBT: carrying_out.in_doubt,
    State.NEEDS_PERSON: carrying_out.needs_person,
    State.DONE: carrying_out.done,
    State.REJECTED: people.rejected,
    State.WITHDRAWN: people.withdrawn,
    State.EXPIRED: people.expired,
}
