"""What support may say: an answer for the agent, and a text for the customer that gives away
nothing of how we work, names nobody and promises nothing that isn't known (I10).

Pure. The texts for customers are reviewed ones, of `replies`.
"""

from dataclasses import dataclass
from datetime import datetime

from approvals import kinds
from approvals.explain import Waiting
from approvals.models import ApprovalRequest, State
from approvals.replies import ENGLISH, Claim, Reply, reply_to, situation_of

NOBODY_NEEDS_YOU = "Nobody needs anything from you."
NO_TEXT = "No text for the customer has been reviewed for this in this language."
SAFE = {
    Claim.MOVED: "What was asked for, that it was carried out, and what the text says.",
    Claim.NOT_MOVED: "What was asked for, its amount, the order, and when it was asked.",
    Claim.UNKNOWN: "What was asked for, its amount, the order, and that we are finding out.",
}
NEVER = "Names, teams, checks, systems and messages of providers."
UNSAFE = {
    Claim.MOVED: f"{NEVER} That the customer has it already.",
    Claim.NOT_MOVED: f"{NEVER} A day on which it will be done.",
    Claim.UNKNOWN: f"{NEVER} That it happened, that nothing happened, or when we shall know.",
}


@dataclass(frozen=True)
class CustomerAnswer:
    """`agent` is for support's own eyes, `customer` may be copied into a reply as it stands.

    `reply` says which text that is; None, with `customer` empty, where no text has been reviewed.
    """

    agent: str
    customer: str
    safe: str
    unsafe: str
    as_of: datetime
    language: str
    reply: Reply | None


def answer(
    item: ApprovalRequest, waiting: Waiting, now: datetime, language: str = ENGLISH
) -> CustomerAnswer:
    """The truth about `item` at `now`, twice: for the agent and, in `language`, for the customer."""
    reply = customer_reply(item, now, language)
    claim = situation_of(item, kinds.kind_of(item.kind)).claim
    return CustomerAnswer(
        agent=_agent(item, waiting),
        customer=reply.text if reply else "",
        safe=SAFE[claim],
        unsafe=UNSAFE[claim],
        as_of=now,
        language=language,
        reply=reply,
    )


def customer_reply(item: ApprovalRequest, now: datetime, language: str) -> Reply | None:
    """The text for the customer alone; None when none has been reviewed."""
    return reply_to(item, kinds.kind_of(item.kind), language, now)


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
