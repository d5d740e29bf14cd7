"""The ten deliberate mistakes. Each takes one guard out of the product; the checker must see it."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.crash.harness.seams.failpoints import SWEEPERS


def no_row_lock() -> None:
    from django.db.models import QuerySet

    QuerySet.select_for_update = lambda self, *_, **__: self.all()


def no_lease_epoch() -> None:
    """A worker settles whatever it saw, however late; and nobody closes what it left open."""
    from approvals import execution
    from approvals.models import Effect

    settle = execution._settle

    def settle_with_any_epoch(call: Any, *arguments: Any, **named: Any) -> str:
        now = Effect.objects.get(item_id=call.item_id).epoch
        return settle(replace(call, epoch=now), *arguments, **named)

    execution._settle = settle_with_any_epoch
    execution._close_abandoned_attempts = lambda *_: None
    # The second guard would hide it: a try after a doubt asks before it sends.
    perform = execution._perform
    execution._perform = lambda call, *rest: perform(replace(call, asks_first=False), *rest)


def no_look_up() -> None:
    """An unknown outcome is taken for “not done”: sent again without a question."""
    from approvals import execution, timing
    from approvals.kinds import base
    from approvals.models import Purpose

    perform = execution._perform

    def perform_without_asking(call: Any, *rest: Any) -> Any:
        if call.purpose == Purpose.LOOK_UP:
            return base.Absent("Not asked.")
        return perform(replace(call, asks_first=False), *rest)

    execution._perform = perform_without_asking
    timing.absence_counts_from = lambda sent_at, **_: sent_at


def enqueue_outside_the_transaction() -> None:
    """The job is committed on a connection of its own, before the command is."""
    from django.db import connection

    from approvals import jobs

    enqueue = jobs.enqueue

    def enqueue_at_once(*arguments: Any, **named: Any) -> None:
        def defer() -> None:
            try:
                enqueue(*arguments, **named)
            finally:
                connection.close()

        thread = threading.Thread(target=defer)
        thread.start()
        thread.join()

    jobs.enqueue = enqueue_at_once


def event_in_on_commit() -> None:
    from django.db import transaction

    from approvals import transitions

    record = transitions.record

    def record_afterwards(**event: Any) -> None:
        def write() -> None:
            with transaction.atomic():
                record(**event)

        transaction.on_commit(write)

    transitions.record = record_afterwards


def quorum_counts_accounts() -> None:
    """Each account is taken for a person of its own."""
    from accounts import access

    access_of = access._Rows.access_of

    def of_account(rows: Any, user: int, account: access.Account) -> access.Access:
        return access_of(rows, user, account._replace(person_key=uuid.UUID(int=user)))

    access._Rows.access_of = of_account


def hash_not_checked() -> None:
    from approvals import proof

    proof.hash_of = lambda item: item.content_hash


def sweeper_off() -> None:
    from approvals import sweeping

    for sweeper in SWEEPERS:
        setattr(sweeping, sweeper, lambda at: [])


def outside_of_this_process() -> None:
    """The mistake is made elsewhere: in the database's settings."""


CONTROLS: dict[str, Callable[[], None]] = {
    "no-row-lock": no_row_lock,
    "no-lease-epoch": no_lease_epoch,
    "no-look-up-before-resend": no_look_up,
    "enqueue-outside-transaction": enqueue_outside_the_transaction,
    "event-in-on-commit": event_in_on_commit,
    "synchronous-commit-off": outside_of_this_process,
    "keys-ignored-without-look-up": no_look_up,
    "quorum-counts-accounts": quorum_counts_accounts,
    "hash-not-checked": hash_not_checked,
    "sweeper-off": sweeper_off,
}


def install(name: str) -> None:
    CONTROLS[name]()
