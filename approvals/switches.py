"""The switches of the outside systems: which may be sent to now, and the one way to change one."""

from datetime import datetime

from django.db.models import Exists, Q

from accounts.kept_queries import Kept
from approvals import kinds
from approvals.events import SystemAction
from approvals.kinds.base import Kind
from approvals.models import System
from audit.models import Outcome
from audit.recorder import Actor, Target, record


def system_of(kind: Kind) -> System | None:
    """The switch of the kind's system; None while it has never been used."""
    return System.objects.filter(slug=kind.system_slug).first() if kind.is_outside else None


def is_failing(slug: str) -> bool:
    """Whether its last send, or several in a row, failed; asked after each send."""
    return bool(_FAILING(slug=slug))


def waits_for_its_system() -> Q:
    """Requests of kinds whose system is held or paused, as a condition."""
    is_stopped = Q(held_at__isnull=False) | Q(paused_at__isnull=False)
    condition = Q(pk__in=())
    for slug in kinds.systems():
        stopped = System.objects.filter(is_stopped, slug=slug)
        condition |= Q(kind__in=kinds.kinds_of_system(slug)) & Exists(stopped)
    return condition


def kinds_to_leave_alone(at: datetime) -> list[str]:
    """Kinds whose system is held or paused, without those that are to be asked again now."""
    return _kinds_of(Q(held_at__isnull=False) | Q(probe_at__gt=at))


def _kinds_of(condition: Q) -> list[str]:
    systems = System.objects.filter(condition)
    return [kind for system in systems for kind in kinds.kinds_of_system(system.slug)]


def switch_of_kind() -> dict[str, System]:
    """By slug of the kind, the switch of its system, where that was ever used."""
    return {kind: system for system in _ALL() for kind in kinds.kinds_of_system(system.slug)}


_FAILING = Kept(
    lambda slug: System.objects.filter(slug=slug, failures__gt=0).values_list("pk"), "slug"
)
_ALL = Kept(lambda: System.objects.select_related("held_by"))


def row_of(slug: str, name: str) -> System:
    """The row of this system under its lock, made when it is the first time."""
    System.objects.get_or_create(slug=slug, defaults={"name": name})
    return System.objects.select_for_update().get(slug=slug)


def commit(
    system: System,
    action: SystemAction,
    *,
    actor: Actor,
    at: datetime,
    outcome: Outcome = Outcome.SUCCESS,
    reason: str = "",
    key: str = "",
) -> None:
    """Save the switch with its next version, and record the event that says so, together."""
    system.version += 1
    system.save()
    record(
        stream=f"system/{system.slug}",
        action=action.value,
        actor=actor,
        target=Target("system", system.slug, system.version - 1, system.version),
        at=at,
        outcome=outcome,
        reason=reason,
        reason_code=system.last_cause if system.failures else "",
        facts={"failures": system.failures},
        key=key,
    )
