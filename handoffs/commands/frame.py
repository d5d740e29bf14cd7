"""The frame of `approvals.commands.frame`, for a handoff instead of a request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts import access
from accounts.access import Access
from accounts.models import User
from accounts.verdicts import denied
from approvals.commands import idempotency
from approvals.commands.frame import (
    Answer,
    answered,
    bounded,
    carried_out,
    principal,
    replayed,
)
from approvals.models import Queue
from approvals.refusals import (
    NotAllowed,
    NotFound,
    Refusal,
    TransitionNotAllowed,
    VersionMismatch,
)
from approvals.wording import visible
from handoffs import changes
from handoffs.models import Handoff, HandoffState
from handoffs.rules import may_hand_over, may_read


@dataclass
class Running:
    """One command under way: who asks, and when."""

    by: User
    access: Access
    at: datetime
    key: str

    def locked(self, handoff_id: int, version: int | None = None) -> Handoff:
        """The handoff under its lock. Refuses what the person can't see, or saw in another version."""
        handoff = (
            Handoff.objects.select_for_update(of=("self",))
            .select_related("team", "sender", "receiver")
            .filter(pk=handoff_id)
            .first()
        )
        if handoff is None or not may_read(
            handoff, handoff.queues.values_list("pk", flat=True), self.access
        ):
            raise NotFound(str(handoff_id))
        if version is not None and version != handoff.version:
            raise VersionMismatch(
                "This handoff changed while you were reading. Nothing was recorded.",
                now=handoff.version,
            )
        return handoff

    def check_is_sender(self, handoff: Handoff) -> None:
        if handoff.sender_id != self.by.pk:
            raise NotAllowed(
                denied("not-sender", f"Only {visible(handoff.sender.name)} can do this.")
            )

    def check_is_receiver(self, handoff: Handoff) -> None:
        if handoff.receiver_id != self.by.pk:
            raise NotAllowed(
                denied("not-receiver", f"Only {visible(handoff.receiver.name)} can answer it.")
            )

    def commit(self, handoff: Handoff, action: str, **said: Any) -> None:
        changes.commit(handoff, action, actor=self.access.actor, at=self.at, key=self.key, **said)


def managed(
    verb: str,
    target: int | str,
    act: Callable[[Running], tuple[Handoff, str]],
    *,
    by: User,
    at: datetime,
    key: str,
    arguments: dict[str, Any] | None = None,
) -> Answer:
    """Claim the key, run `act` and keep its sentence, in one transaction. Raises a `Refusal`."""
    key = idempotency.normalised_key(key)
    operation = f"handoff_{verb}"
    print_of = idempotency.fingerprint(operation, str(target), arguments or {})

    def attempt() -> Answer | Refusal:
        person = access.of(by, Queue)
        if not may_hand_over(person):
            raise NotAllowed(denied("no-grant", "Only people of operations hand over a shift."))
        claimed = idempotency.claim(
            principal=principal(by), verb=operation, key=key, fingerprint=print_of, at=at
        )
        if claimed.is_replay:
            return replayed(claimed)
        handoff, sentence = act(Running(by, person, at, key))
        return answered(
            claimed,
            ref=str(handoff.pk),
            verb=operation,
            version=handoff.version,
            at=at,
            sentence=sentence,
        )

    return carried_out(
        attempt, verb=verb, target=str(target), by=by, at=at, key=key, about="handoff"
    )


def check_draft(handoff: Handoff) -> None:
    if handoff.state != HandoffState.DRAFT:
        raise TransitionNotAllowed("This handoff is not a draft any more. Nothing was recorded.")


def cleaned(field: str, text: str, *, longest: int) -> str:
    """Typed text as it is shown: trimmed, without invisible characters. Raises `Invalid`."""
    return visible(bounded(field, text.replace("\r\n", "\n"), longest=longest)).strip()
