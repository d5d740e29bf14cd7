"""Where a request stands in the eyes of its customer, and what may be claimed of it there.

Pure. When it isn't certain that something did or did not happen, the claim is `UNKNOWN` (I10).
"""

from enum import StrEnum

from approvals.kinds.base import Kind
from approvals.models import ApprovalRequest, State


class Claim(StrEnum):
    """What a text says of the outside world. There is no fourth."""

    MOVED = "moved"
    NOT_MOVED = "not-moved"
    UNKNOWN = "unknown"


class Situation(StrEnum):
    """Each has a text in every language; the order is that of a request's life."""

    CHECKING = "checking"
    QUESTION = "question"
    ACCEPTED = "accepted"
    UNDER_WAY = "under_way"
    IN_DOUBT = "in_doubt"
    DELAYED = "delayed"
    STOPPED = "stopped"
    UNCONFIRMED = "unconfirmed"
    BY_HAND = "by_hand"
    DONE = "done"
    DONE_BY_PEOPLE = "done_by_people"
    CAME_BACK = "came_back"
    ENDED = "ended"
    ENDED_AFTER_TRY = "ended_after_try"
    ENDED_UNCONFIRMED = "ended_unconfirmed"
    ENDED_AFTER_RETURN = "ended_after_return"

    @property
    def claim(self) -> Claim:
        return _CLAIMS.get(self, Claim.NOT_MOVED)


_CLAIMS = {
    Situation.UNDER_WAY: Claim.UNKNOWN,
    Situation.IN_DOUBT: Claim.UNKNOWN,
    Situation.UNCONFIRMED: Claim.UNKNOWN,
    Situation.BY_HAND: Claim.UNKNOWN,
    Situation.ENDED_UNCONFIRMED: Claim.UNKNOWN,
    Situation.DONE: Claim.MOVED,
    Situation.DONE_BY_PEOPLE: Claim.MOVED,
}
_BEFORE_SENDING = {
    State.PENDING: Situation.CHECKING,
    State.SENT_BACK: Situation.QUESTION,
    State.APPROVED: Situation.ACCEPTED,
}
_ENDED = (State.REJECTED, State.WITHDRAWN, State.EXPIRED)


def situation_of(item: ApprovalRequest, kind: Kind) -> Situation:
    """Needs the request's effect and settlements."""
    if item.state == State.DONE:
        return _done(item)
    if item.state == State.EXECUTING:
        return Situation.UNDER_WAY
    if item.state == State.IN_DOUBT or _may_have_happened(item):
        return Situation.IN_DOUBT
    if item.state in _BEFORE_SENDING:
        return _BEFORE_SENDING[State(item.state)]
    return _ended(item, kind) if item.state in _ENDED else _delayed(item, kind)


def _done(item: ApprovalRequest) -> Situation:
    if item.effect.settled_at is None or item.effect.undone_at is not None:
        return Situation.IN_DOUBT
    return Situation.DONE_BY_PEOPLE if item.was_settled_by_people else Situation.DONE


def _may_have_happened(item: ApprovalRequest) -> bool:
    """No proof of absence, or one person says already that it happened."""
    effect, found = getattr(item, "effect", None), item.open_settlement
    return effect is not None and (
        not effect.is_proven_absent or (found is not None and found.happened)
    )


def _delayed(item: ApprovalRequest, kind: Kind) -> Situation:
    """Retrying, or needs a person; nothing of it stands at the provider, as far as is known."""
    if not kind.is_outside:
        return Situation.BY_HAND  # whoever does it may be done and not have said so
    if item.effect.undone_at is not None:
        return Situation.CAME_BACK
    if _was_found_absent_by_people(item):
        return Situation.UNCONFIRMED
    return Situation.DELAYED if item.state == State.RETRYING else Situation.STOPPED


def _ended(item: ApprovalRequest, kind: Kind) -> Situation:
    effect = getattr(item, "effect", None)
    if effect is None or not effect.attempts:
        return Situation.ENDED
    if effect.undone_at is not None:
        return Situation.ENDED_AFTER_RETURN
    if not kind.is_outside or _was_found_absent_by_people(item):
        return Situation.ENDED_UNCONFIRMED
    return Situation.ENDED_AFTER_TRY


def _was_found_absent_by_people(item: ApprovalRequest) -> bool:
    """Two people found that it had not happened. People err, so customers aren't told so, not even
    when the provider has said no to a later try."""
    return any(
        found.confirmed_at is not None and not found.happened for found in item.every_settlement
    )
