"""One check of the record, from its beginning to its result.

The chains are read in a thread with a connection of its own, in one snapshot; the job's thread says
meanwhile how far it is, on its own connection. A run that stops saying so was lost with its worker.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import User
from approvals.clock import database_time
from approvals.sweeping import CLOCK
from audit.models import Outcome
from audit.recorder import Actor, Target, record
from audit.verify import Report, verify
from auditing.models import LOST_AFTER, VerificationRun

STREAM = "verification"
BEAT_S = 1.0  # between two words of how far it is
MOST_BREAKS = 100  # that a result keeps; all are counted

log = logging.getLogger("auditing.checking")


def begin(
    *, asked_by: User | None, actor: Actor, at: datetime, key: str = ""
) -> tuple[VerificationRun, bool]:
    """A new run with its event, or the one that is under way; and whether it is new.

    Inside the caller's transaction. The database lets only one run be unfinished.
    """
    try:
        with transaction.atomic():
            run = VerificationRun.objects.create(asked_by=asked_by, asked_at=at)
    except IntegrityError:
        return VerificationRun.objects.latest("pk"), False
    _tell("audit.verify", run, actor=actor, at=at, key=key)
    return run, True


def begin_by_clock(*, at: datetime) -> VerificationRun:
    with transaction.atomic():
        run, _ = begin(asked_by=None, actor=CLOCK, at=at)
    return run


def run(
    run_id: int,
    *,
    clock: Callable[[], datetime] = database_time,
    must_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Check everything, once: a run that has started, or was given up, is left alone."""
    at = clock()
    started = VerificationRun.objects.filter(pk=run_id, started_at=None, finished_at=None).update(
        started_at=at, seen_at=at, events_expected=_expected()
    )
    if not started:
        return
    reading = _Reading()
    reading.start()
    while not reading.is_over(within_s=BEAT_S):
        _say_how_far(run_id, reading.seen, clock())
        if must_stop():
            reading.stop()
    _say_how_far(run_id, reading.seen, clock())
    _end(run_id, at=clock(), **reading.found())


def waiting(at: datetime) -> list[int]:
    """Runs that were asked for a while ago and that no worker has begun."""
    asked = VerificationRun.objects.filter(started_at=None, finished_at=None)
    return list(asked.filter(asked_at__lt=at - LOST_AFTER).values_list("pk", flat=True))


def give_up_on_lost(*, at: datetime) -> list[int]:
    """End the runs whose worker has died; which they were."""
    under_way = VerificationRun.objects.filter(finished_at=None, seen_at__lt=at - LOST_AFTER)
    lost = list(under_way.values_list("pk", flat=True))
    for run_id in lost:
        failure = "The worker ended before the check did. It found nothing yet. Check again."
        _end(run_id, at=at, failure=failure)
    return lost


# --- The reading, in its thread --------------------------------------------------------------------


class _Stopped(Exception):
    """The worker is to end; what was read so far says nothing."""


class _Reading(threading.Thread):
    """Reads every chain; `seen` is how many events so far."""

    def __init__(self) -> None:
        super().__init__(name="verification", daemon=True)
        self.seen = 0
        self._report: Report | None = None
        self._error: Exception | None = None
        self._is_stopped = False

    def run(self) -> None:
        try:
            self._report = verify(progress=self._note)
        except Exception as error:
            self._error = error
        finally:
            connection.close()

    def stop(self) -> None:
        self._is_stopped = True

    def is_over(self, *, within_s: float) -> bool:
        self.join(timeout=within_s)
        return not self.is_alive()

    def found(self) -> dict[str, Any]:
        """How the run ends: with a result or with a sentence."""
        if self._report is not None:
            self.seen = self._report.events
            return {"result": _plain(self._report)}
        if isinstance(self._error, _Stopped):
            return {"failure": "The worker was stopped before the check was done. Check again."}
        log.error("The record could not be checked", exc_info=self._error)
        return {"failure": f"The record could not be read to its end ({_named(self._error)})."}

    def _note(self, seen: int) -> None:
        self.seen = seen
        if self._is_stopped:
            raise _Stopped


def _named(error: Exception | None) -> str:
    return type(error).__name__


def _plain(report: Report) -> dict[str, Any]:
    return {
        "streams": report.streams,
        "events": report.events,
        "checkpoints": report.checkpoints,
        "sealed": report.sealed,
        "remarks": report.remarks,
        "breaks_found": len(report.breaks),
        "breaks": [
            {
                "stream": broken.stream,
                "seq": broken.seq,
                "sentence": broken.sentence,
                "kind": str(broken.kind),
            }
            for broken in report.breaks[:MOST_BREAKS]
        ],
    }


# --- What is written of it -------------------------------------------------------------------------


def _expected() -> int | None:
    """About how many events there are: PostgreSQL's estimate, and what the last check counted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'audit_event'::regclass")
        estimate = cursor.fetchone()[0]
    last = VerificationRun.objects.filter(result__isnull=False).order_by("-asked_at").first()
    return max(estimate, last.result["events"] if last else 0) or None


def _say_how_far(run_id: int, seen: int, at: datetime) -> None:
    under_way = VerificationRun.objects.filter(pk=run_id, finished_at=None)
    under_way.update(events_seen=seen, seen_at=at)


def _end(run_id: int, *, at: datetime, result: dict | None = None, failure: str = "") -> None:
    """Once. The result is kept even if the stream that tells of checks is itself broken."""
    ended = {"finished_at": at, "result": result, "failure": failure}
    try:
        with transaction.atomic():
            if _is_ended_now(run_id, ended):
                _tell_the_end(run_id, at)
    except DatabaseError:
        log.exception("Check %s ended, and its event could not be recorded", run_id)
        _is_ended_now(run_id, ended)


def _is_ended_now(run_id: int, ended: dict[str, Any]) -> bool:
    return bool(VerificationRun.objects.filter(pk=run_id, finished_at=None).update(**ended))


def _tell_the_end(run_id: int, at: datetime) -> None:
    run = VerificationRun.objects.get(pk=run_id)
    found = run.result or {}
    _tell(
        "audit.verified",
        run,
        actor=CLOCK,
        at=at,
        outcome=Outcome.SUCCESS if run.is_intact else Outcome.FAILED,
        reason=run.failure,
        facts={
            "events": found.get("events", run.events_seen),
            "streams": found.get("streams"),
            "breaks": found.get("breaks_found"),
        },
    )


def _tell(action: str, run: VerificationRun, *, actor: Actor, at: datetime, **said: Any) -> None:
    target = Target("verification", str(run.pk))
    record(stream=STREAM, action=action, actor=actor, target=target, at=at, **said)
