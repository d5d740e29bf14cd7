"""The breaker of an outside system: pauses it after failures in a row, asks before it goes on.

While a system is paused or held, nothing is sent to it and no try is used up. It says when a system
is in trouble; that nothing happens twice does not depend on it.
"""

import random
from datetime import datetime

from django.conf import settings
from django.db import transaction

from approvals import switches, timing
from approvals.causes import cause
from approvals.events import SystemAction
from approvals.kinds import base
from approvals.models import System
from audit.models import Outcome
from audit.recorder import Actor

FAILURES_TO_PAUSE = 5

Result = base.Done | base.Refused | base.Absent | base.Unknown


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
        system = switches.row_of(kind.system_slug, kind.system)
        system.failures += 1
        system.last_cause = result.cause
        if system.failures < FAILURES_TO_PAUSE or system.paused_at is not None:
            system.save()
            return
        system.paused_at, system.probes = at, 0
        system.probe_at = _next_probe(system, at)
        switches.commit(system, SystemAction.PAUSE, actor=actor, at=at, outcome=Outcome.FAILED)


def after_probe(kind: base.Kind, result: Result, *, actor: Actor, at: datetime) -> None:
    """Go on when the system answered; the next failure then pauses it at once."""
    with transaction.atomic():
        system = switches.row_of(kind.system_slug, kind.system)
        if system.paused_at is None:
            return
        if _blames(result):
            system.probes += 1
            system.probe_at = _next_probe(system, at)
            system.save()
            return
        _unpause(system, failures=FAILURES_TO_PAUSE - 1, actor=actor, at=at)


def _end_row_of_failures(kind: base.Kind, *, actor: Actor, at: datetime) -> None:
    if not switches.is_failing(kind.system_slug):
        return
    failing = System.objects.filter(slug=kind.system_slug, failures__gt=0)
    if failing.filter(paused_at=None).update(failures=0) or not failing.exists():
        return
    with transaction.atomic():
        system = switches.row_of(kind.system_slug, kind.system)
        if system.paused_at is not None:
            _unpause(system, failures=0, actor=actor, at=at)


def _unpause(system: System, *, failures: int, actor: Actor, at: datetime) -> None:
    system.failures = failures
    system.paused_at = system.probe_at = None
    system.probes = 0
    switches.commit(system, SystemAction.UNPAUSE, actor=actor, at=at)


def _next_probe(system: System, at: datetime) -> datetime:
    return timing.next_probe(
        at,
        probes=system.probes,
        draw=random.random(),  # noqa: S311 - spreads load, guards nothing
        speed=settings.WAITING_IS_DIVIDED_BY,
    )


def _blames(result: Result) -> bool:
    code = getattr(result, "cause", "")
    return bool(code) and cause(code).blames_system
