"""The switch of an outside system: nothing is sent while it is held, and no try is used up."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from accounts.access import Access
from accounts.models import User
from approvals import kinds, switches
from approvals.commands.frame import Answer, required
from approvals.commands.managed import Changed, managed
from approvals.events import SystemAction
from approvals.models import System
from approvals.refusals import NotAllowed, NotFound, TransitionNotAllowed
from approvals.rules import may


def hold_system(*, slug: str, by: User, at: datetime, key: str, reason: str) -> Answer:
    """Send nothing more to this system until it is resumed. Raises a `Refusal`."""

    def change(system: System) -> str:
        if system.held_at is not None:
            raise TransitionNotAllowed(f"{system.name} is held already.")
        why = required("reason", reason, "Say why you hold it. Whoever looks next reads it.")
        system.held_at, system.held_by, system.hold_reason = at, by, why
        return f"{system.name} is held. Nothing is sent to it until it is resumed."

    return _switched(
        "hold_system", SystemAction.HOLD, slug, by, at, key, {"reason": reason}, change
    )


def resume_system(*, slug: str, by: User, at: datetime, key: str) -> Answer:
    """Send to this system again; also ends a pause of its breaker. Raises a `Refusal`."""

    def change(system: System) -> str:
        if not system.is_stopped:
            raise TransitionNotAllowed(f"{system.name} is running already.")
        system.held_at = system.held_by = system.paused_at = system.probe_at = None
        system.hold_reason = ""
        system.failures = system.probes = 0
        return f"{system.name} is running. What waited for it goes on within seconds."

    return _switched("resume_system", SystemAction.RESUME, slug, by, at, key, {}, change)


def _switched(
    verb: str,
    action: SystemAction,
    slug: str,
    by: User,
    at: datetime,
    key: str,
    arguments: dict[str, Any],
    change: Callable[[System], str],
) -> Answer:
    names = kinds.systems()

    def act(person: Access) -> Changed:
        if slug not in names:
            raise NotFound(slug)
        system = switches.row_of(slug, names[slug])
        if not (verdict := may(verb, system, person)):
            raise NotAllowed(verdict)
        sentence = change(system)
        reason = arguments.get("reason", "")
        switches.commit(system, action, actor=person.actor, at=at, reason=reason, key=key)
        return Changed(slug, system.version, sentence)

    return managed(
        verb.removesuffix("_system"),
        slug,
        act,
        about="system",
        by=by,
        at=at,
        key=key,
        arguments=arguments,
        operation=verb,
    )
