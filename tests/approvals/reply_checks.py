"""What a text for a customer says, read from its words alone, and whether that may be said.

Knows nothing of how texts are chosen or marked: a text that says more than its mark is caught, and
so is a wrong choice.
"""

import re

from accounts.models import Team, User
from approvals import kinds
from approvals.causes import CAUSES
from approvals.models import ApprovalRequest, Queue, State
from approvals.replies import Claim, Reply
from approvals.replies.claims import claims_made

OURS = ("approval queue", "policy", "approved", "approval", "error", "retry", "webhook", "timeout")


def hidden_words() -> re.Pattern[str]:
    """Whatever of the fixture a customer must not read."""
    people = [*User.objects.values_list("name", "email")]
    parts = {part for name, _ in people for part in re.split(r"\W+", name) if len(part) > 2}
    words = [
        *parts,
        *(email for _, email in people),
        *Team.objects.values_list("name", flat=True),
        *Queue.objects.values_list("name", flat=True),
        *(kind.system for kind in kinds.all_kinds().values()),
        *CAUSES,
        *(cause.plain for cause in CAUSES.values()),
        *OURS,
    ]
    return re.compile(rf"\b({'|'.join(map(re.escape, words))})\b", re.IGNORECASE)


def check(item: ApprovalRequest, reply: Reply, hidden: re.Pattern[str]) -> None:
    """Raise `AssertionError` for whatever `reply` must not say of `item` as it stands."""
    made = claims_made(reply.text, reply.language)
    said = f"{reply.name}: {reply.text}"
    assert made == {reply.situation.claim} - {Claim.UNKNOWN}, said
    if Claim.MOVED in made:
        assert is_settled_as_done(item), said
    if Claim.NOT_MOVED in made:
        assert is_known_absent(item), said
    assert hidden.findall(reply.text) == [], said
    assert "{" not in reply.text
    assert "None" not in reply.text
    assert "  " not in reply.text
    assert reply.text.endswith(".")


def is_settled_as_done(item: ApprovalRequest) -> bool:
    """(a) Settled, and it still stands."""
    effect = item.effect
    return item.state == State.DONE and effect.settled_at is not None and effect.undone_at is None


def is_known_absent(item: ApprovalRequest) -> bool:
    """(c) Nothing is on its way, nothing was ever in doubt without an answer of the provider."""
    effect = getattr(item, "effect", None)
    people_say = [found.happened for found in item.every_settlement if not found.is_dropped]
    return (
        item.state not in (State.EXECUTING, State.IN_DOUBT, State.DONE)
        and (effect is None or effect.is_proven_absent)
        and (not people_say or effect.undone_at is not None)
    )
