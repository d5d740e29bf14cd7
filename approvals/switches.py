"""Which outside systems may be sent to now, by system and by kind. Reads only."""

from datetime import datetime

from django.db.models import Q

from approvals import kinds
from approvals.kinds.base import Kind
from approvals.models import System


def system_of(kind: Kind) -> System | None:
    """The switch of the kind's system; None while it has never been used."""
    return System.objects.filter(slug=kind.system_slug).first() if kind.is_outside else None


def stopped_kinds() -> list[str]:
    """Kinds whose effects wait because their system is held or paused."""
    return _kinds_of(Q(held_at__isnull=False) | Q(paused_at__isnull=False))


def kinds_to_leave_alone(at: datetime) -> list[str]:
    """The same, without those whose system is to be asked again now."""
    return _kinds_of(Q(held_at__isnull=False) | Q(probe_at__gt=at))


def _kinds_of(condition: Q) -> list[str]:
    systems = System.objects.filter(condition)
    return [kind for system in systems for kind in kinds.kinds_of_system(system.slug)]


def switch_of_kind() -> dict[str, System]:
    """By slug of the kind, the switch of its system, where that was ever used."""
    systems = System.objects.select_related("held_by")
    return {kind: system for system in systems for kind in kinds.kinds_of_system(system.slug)}
