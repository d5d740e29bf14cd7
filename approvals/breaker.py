"""The breaker of an outside system: pauses it after failures in a row, asks before it goes on.

While a system is paused or held, nothing is sent to it and no try is used up. It says when a system
is in trouble; that nothing happens twice does not depend on it.
"""

import random
from datetime import datetime

from django.conf import settings
from django.db import transaction

from approvals import timing
from approvals.causes import cause
from approvals.events import SystemAction
from approvals.kinds import base
from approvals.models import System
from audit.models import Outcome
from audit.recorder import Actor, Target, record

FAILURES_TO_PAUSE = 5

Result = base.Done | base.Refused | base.Absent | base.Unknown


def row_of(slug: str, name: str) -> System:
    """The row of this system under its lock, made when it is the first time."""
    System.objects.get_or_create(slug=slug, defaults={"name": name})
    return System.objects.select_for_update().get(slug=slug)


def take_probe(system: System, at: datetime) -> bool:
    """Whether the caller is the one who asks now. The turn ends by itself, as a lease does."""
    mine = System.objects.filter(
        pk=system.pk, held_at=None, paused_at__isnull=False, probe_at__lte=at
    )
    return mine.update(probe_at=at + timing.LEASE) == 1


def after_send(kind: base.Kind, result: Result, *, actor: Actor, at: datetime) -> None:
    """Count a failure of the system, or end its row of failures; pause it when there are enough."""
    if not kind.is_outside:
        return
    if not _blames(result):
        _end_row_of_failures(kind, actor=actor, at=at)
        return
    with transaction.atomic():
        system = row_of(kind.system_slug, kind.system)
        system.failures += 1
        system.last_cause = result.cause
        if system.failures < FAILURES_TO_PAUSE or system.paused_at is not None:
            system.save()
            return
        system.paused_at, system.probes = at, 0
        system.probe_at = _next_probe(system, at)
        _commit(system, SystemAction.PAUSE, actor=actor, at=at, outcome=Outcome.FAILED)


def after_probe(kind: base.Kind, result: Result, *, actor: Actor, at: datetime) -> None:
    """Go on when the system answered; the next failure then pauses it at once."""
    with transaction.atomic():
        system = row_of(kind.system_slug, kind.system)
        if system.paused_at is None:
            return
        if _blames(result):
            system.probes += 1
            system.probe_at = _next_probe(system, at)
            system.save()
            return
        _unpause(system, failures=FAILURES_TO_PAUSE - 1, actor=actor, at=at)


def _end_row_of_failures(kind: base.Kind, *, actor: Actor, at: datetime) -> None:
    failing = System.objects.filter(slug=kind.system_slug, failures__gt=0)
    if failing.filter(paused_at=None).update(failures=0) or not failing.exists():
        return
    with transaction.atomic():
        system = row_of(kind.system_slug, kind.system)
        if system.paused_at is not None:
            _unpause(system, failures=0, actor=actor, at=at)


def _unpause(system: System, *, failures: int, actor: Actor, at: datetime) -> None:
    system.failures = failures
    system.paused_at = system.probe_at = None
    system.probes = 0
    _commit(system, SystemAction.UNPAUSE, actor=actor, at=at)


def _next_probe(system: System, at: datetime) -> datetime:
    return timing.next_probe(
        at,
        probes=system.probes,
        draw=random.random(),  # noqa: S311 - spreads load, guards nothing
        speed=settings.WAITING_IS_DIVIDED_BY,
    )


def _commit(
    system: System,
    action: SystemAction,
    *,
    actor: Actor,
    at: datetime,
    outcome: Outcome = Outcome.SUCCESS,
) -> None:
    system.version += 1
    system.save()
    record(
        stream=f"system/{system.slug}",
        action=action.value,
        actor=actor,
        target=Target(
            "system",
            system.slug,
            version_before=system.version - 1,
            version_after=system.version,
        ),
        at=at,
        outcome=outcome,
        reason_code=system.last_cause,
        facts={"failures": system.failures},
    )


def _blames(result: Result) -> bool:
    code = getattr(result, "cause", "")
    return bool(code) and cause(code).blames_system
