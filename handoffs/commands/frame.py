"""What every command of handoffs begins with: who may, and the handoff under its lock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.access import Access
from accounts.models import User
from accounts.verdicts import denied
from approvals.commands import managed as frame
from approvals.commands.frame import Answer, bounded
from approvals.commands.managed import Changed
from approvals.refusals import (
    NotAllowed,
    NotFound,
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
    """For people of operations. Raises a `Refusal`."""

    def check(person: Access) -> None:
        if not may_hand_over(person):
            raise NotAllowed(denied("no-grant", "Only people of operations hand over a shift."))

    def change(person: Access) -> Changed:
        handoff, sentence = act(Running(by, person, at, key))
        return Changed(handoff.pk, handoff.version, sentence)

    return frame.managed(
        verb,
        target,
        change,
        about="handoff",
        by=by,
        at=at,
        key=key,
        arguments=arguments,
        check=check,
    )


def check_draft(handoff: Handoff) -> None:
    if handoff.state != HandoffState.DRAFT:
        raise TransitionNotAllowed("This handoff is not a draft any more. Nothing was recorded.")


def cleaned(field: str, text: str, *, longest: int) -> str:
    """Typed text as it is shown: trimmed, without invisible characters. Raises `Invalid`."""
    return visible(bounded(field, text.replace("\r\n", "\n"), longest=longest)).strip()
