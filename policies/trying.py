"""One trial of a table over past requests, from its beginning to its result.

A run that stops saying how far it is was lost with its worker, and ends with a sentence. Rows are written
as they are found, some thousands at a time, and thrown away when there is no result.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction

from accounts.access import Access
from accounts.models import User
from approvals.clock import database_time
from approvals.models import Policy
from approvals.policy_table import parse
from approvals.simulation import WAYS, Difference, Simulation, simulate
from audit.recorder import Target, record
from policies.models import LOST_AFTER, Draft, Trial, TrialRow

KEPT = timedelta(days=30)
AT_ONCE = 5000
MOST_RULES = 100
COLUMNS = ("trial_id", "ref", "way", "was", "would_be", "nobody")

log = logging.getLogger("policies.trying")


class Busy(Exception):
    """This person tries something already."""


class _Stopped(Exception):
    """The worker is to end, or somebody stopped the trial."""


def begin(
    policy: Policy,
    *,
    draft: Draft | None,
    of: str,
    table: list,
    since: datetime,
    until: datetime,
    by: User,
    person: Access,
    at: datetime,
    key: str,
) -> Trial:
    """Inside the caller's transaction. Raises `Busy`: the database lets a person have one at a time."""
    try:
        with transaction.atomic():
            trial = Trial.objects.create(
                policy=policy,
                draft=draft,
                of=of,
                table=table,
                since=since,
                until=until,
                asked_by=by,
                asked_at=at,
            )
    except IntegrityError as error:
        raise Busy from error
    record(
        stream=f"policy/{policy.slug}",
        action="policy.try",
        actor=person.actor,
        target=Target("policy", policy.slug),
        at=at,
        facts={"trial": trial.pk, "of": of},
        key=key,
    )
    return trial


def run(
    trial_id: int,
    *,
    clock: Callable[[], datetime] = database_time,
    must_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Once: one that has started, or was given up, is left alone."""
    at = clock()
    open_trial = Trial.objects.filter(pk=trial_id, finished_at=None)
    if not open_trial.filter(started_at=None).update(started_at=at, seen_at=at):
        return
    trial = Trial.objects.select_related("policy").get(pk=trial_id)
    rows = _Rows(trial_id)

    def say(seen: int) -> None:
        if not open_trial.update(requests_seen=seen, seen_at=clock()) or must_stop():
            raise _Stopped

    try:
        found = simulate(
            trial.policy,
            parse(trial.table),
            since=trial.since,
            until=trial.until,
            tell=rows.add,
            progress=say,
        )
        rows.flush()
        _end(trial_id, found, at=clock())
    except _Stopped:
        _fail(trial_id, "It was stopped before its end. Try it again.", at=clock())
    except Exception as error:
        log.exception("Trial %s failed", trial_id)
        _fail(trial_id, f"It could not be done ({type(error).__name__}).", at=clock())


def stop(trial: Trial, *, at: datetime) -> None:
    """Whoever asked does not want it any more."""
    _fail(trial.pk, "It was stopped by who asked for it.", at=at)


def waiting(at: datetime) -> list[int]:
    """Trials that were asked for a while ago and that no worker has begun."""
    asked = Trial.objects.filter(started_at=None, finished_at=None)
    return list(asked.filter(asked_at__lt=at - LOST_AFTER).values_list("pk", flat=True))


def give_up_on_lost(*, at: datetime) -> int:
    """End those whose worker has died; how many."""
    lost = Trial.objects.filter(finished_at=None, seen_at__lt=at - LOST_AFTER)
    ids = list(lost.values_list("pk", flat=True))
    for pk in ids:
        _fail(pk, "The worker ended before it did. Try it again.", at=at)
    return len(ids)


def forget_old(*, at: datetime) -> int:
    """With their rows; how many trials went."""
    old = Trial.objects.filter(finished_at__lte=at - KEPT)
    count = old.count()
    TrialRow.objects.filter(trial__in=old).delete()
    old.delete()
    return count


def plain(found: Simulation) -> dict:
    """What is kept of it, in plain JSON."""
    return {
        "requests": found.requests,
        "counts": {way: found.counts[way] for way in WAYS},
        "amounts": [
            {"way": way, "currency": code, "amount": total}
            for (way, code), total in sorted(found.amounts.items())
        ],
        "rules": [
            {"was": was, "would_be": now, "requests": count}
            for (was, now), count in found.rules.most_common(MOST_RULES)
        ],
        "nobody": found.nobody,
        "waiting_s": found.waiting_s,
        "added_s": round(found.added_s),
    }


class _Rows:
    """Requests that differ, on their way into the database."""

    def __init__(self, trial_id: int) -> None:
        self._trial_id = trial_id
        self._found: list[Difference] = []

    def add(self, one: Difference) -> None:
        self._found.append(one)
        if len(self._found) == AT_ONCE:
            self.flush()

    def flush(self) -> None:
        table, columns = TrialRow._meta.db_table, ", ".join(COLUMNS)
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
        ):
            for one in self._found:
                copy.write_row(
                    (self._trial_id, one.ref, one.way, one.was, one.would_be or "", one.nobody)
                )
        self._found.clear()


def _end(trial_id: int, found: Simulation, *, at: datetime) -> None:
    ended = {"finished_at": at, "result": plain(found), "requests_seen": found.requests}
    if not Trial.objects.filter(pk=trial_id, finished_at=None).update(**ended):
        TrialRow.objects.filter(trial=trial_id).delete()


def _fail(trial_id: int, sentence: str, *, at: datetime) -> None:
    Trial.objects.filter(pk=trial_id, finished_at=None).update(finished_at=at, failure=sentence)
    TrialRow.objects.filter(trial=trial_id, trial__result=None).delete()
