"""Twenty threads at the same moment: one effect, one answer, one vote (mechanisms §1)."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import connection, connections, transaction

from approvals.commands import decide, operate, submit
from approvals.models import (
    ApprovalRequest,
    Decision,
    Effect,
    Note,
    State,
)
from approvals.refusals import (
    CommandInFlight,
)
from tests.approvals.common import approve, denied, events_of, jobs


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """The answers or exceptions of all calls, made at the same moment on connections of their own."""
    gate = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def make(number: int, call: Callable[[], Any]) -> None:
        try:
            gate.wait()
            results[number] = call()
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=make, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def kinds_of(results: list[Any]) -> Counter:
    return Counter(type(result).__name__ for result in results)


def patiently(call: Callable[[], Any]) -> Any:
    """As a client does that is told to try again later."""
    while True:
        try:
            return call()
        except CommandInFlight:
            continue


def test_twenty_times_the_same_at_once_has_one_effect(committed_db, cast):
    """T1.4."""
    item = cast.ask()
    at_once(*[lambda: approve(cast, item)] * 20)
    assert (
        Decision.objects.count(),
        Effect.objects.count(),
        cast.get(item.ref).version,
        jobs(),
    ) == (1, 1, 2, 1)


def test_twenty_times_the_same_at_once_has_one_answer(committed_db, cast):
    """T1.4."""
    item = cast.ask()
    results = at_once(*[lambda: approve(cast, item)] * 20)
    answers = {r.sentence for r in results if not isinstance(r, Exception)}
    assert len(answers) == 1
    assert set(kinds_of(results)) <= {"Answer", "CommandInFlight"}


def test_who_was_told_to_wait_gets_the_answer_later(committed_db, cast):
    """T1.4."""
    item = cast.ask()
    at_once(*[lambda: approve(cast, item)] * 20)
    assert patiently(lambda: approve(cast, item)).is_replay


def test_twenty_times_the_same_question_at_once_is_one_request(committed_db, cast):
    """T1.4."""
    body = cast.refund_arguments()
    results = at_once(
        *[lambda: submit.submit(by=cast.requester, at=cast.now, key="K", **body)] * 20
    )
    assert ApprovalRequest.objects.count() == 1
    assert set(kinds_of(results)) <= {"Answer", "CommandInFlight"}


def test_twenty_keys_for_one_payment_at_once_are_one_request(committed_db, cast):
    body = cast.refund_arguments()
    results = at_once(
        *[
            lambda number=number: submit.submit(
                by=cast.requester, at=cast.now, key=f"K{number}", **body
            )
            for number in range(20)
        ]
    )
    assert ApprovalRequest.objects.count() == 1
    assert set(kinds_of(results)) <= {"Answer", "DuplicateRequest", "CommandInFlight"}


def test_twenty_approvals_of_one_person_at_once_are_one_vote(committed_db, cast):
    """T7.2, T1.15."""
    item = cast.ask(payload={"amount": 150_000})
    results = at_once(*[lambda n=n: approve(cast, item, key=f"K{n}") for n in range(20)])
    assert (Decision.objects.count(), cast.get(item.ref).state) == (1, State.PENDING)
    assert set(kinds_of(results)) <= {"Answer", "NotAllowed", "CommandInFlight"}


def test_twenty_approvals_of_one_person_leave_one_event_on_the_request(committed_db, cast):
    """I3."""
    item = cast.ask(payload={"amount": 150_000})
    at_once(*[lambda n=n: approve(cast, item, key=f"K{n}") for n in range(20)])
    assert len(events_of(item)) == cast.get(item.ref).version == 2


def test_two_people_at_once_are_both_counted(committed_db, cast):
    """T7.2."""
    item = cast.ask(payload={"amount": 150_000})
    at_once(
        lambda: patiently(lambda: approve(cast, item, by=cast.approver)),
        lambda: patiently(lambda: approve(cast, item, by=cast.second_approver)),
    )
    item = cast.get(item.ref)
    assert (item.state, len(item.decisions_for_revision), item.version) == (State.APPROVED, 2, 3)


def test_two_people_at_once_cause_one_effect(committed_db, cast):
    """T7.2."""
    item = cast.ask(payload={"amount": 150_000})
    at_once(
        lambda: patiently(lambda: approve(cast, item, by=cast.approver)),
        lambda: patiently(lambda: approve(cast, item, by=cast.second_approver)),
    )
    assert (Effect.objects.count(), jobs()) == (1, 1)


def yes_and_no_at_once(cast):
    item = cast.ask()
    results = at_once(
        lambda: patiently(lambda: approve(cast, item, by=cast.approver)),
        lambda: patiently(
            lambda: decide.reject(
                ref=item.ref,
                by=cast.second_approver,
                at=cast.now,
                key="R",
                revision=1,
                step=1,
                reason="No.",
            )
        ),
    )
    return cast.get(item.ref), results


def test_of_a_yes_and_a_no_at_once_one_wins(committed_db, cast):
    """T7.3."""
    item, results = yes_and_no_at_once(cast)
    assert (kinds_of(results), len(item.decisions_for_revision)) == (
        Counter(Answer=1, StepClosed=1),
        1,
    )


def test_of_a_yes_and_a_no_at_once_the_log_shows_both(committed_db, cast):
    """T7.3."""
    item, _ = yes_and_no_at_once(cast)
    refusals = denied(cast.approver) + denied(cast.second_approver)
    assert (len(events_of(item)), len(refusals)) == (2, 1)


def test_two_notes_at_once_are_both_kept(committed_db, cast):
    item = cast.ask()
    at_once(
        *[
            lambda n=n: patiently(
                lambda: operate.note(
                    ref=item.ref, by=cast.operator, at=cast.now, key=f"N{n}", reason=f"Note {n}."
                )
            )
            for n in range(5)
        ]
    )
    assert (Note.objects.count(), cast.get(item.ref).version) == (5, 6)


def test_first_references_of_a_kind_at_once_are_all_different(committed_db, cast):
    """The counter of a prefix is made at its first use."""
    results = at_once(*[lambda: patiently(cast.ask) for _ in range(8)])
    assert len({getattr(result, "ref", result) for result in results}) == 8


def test_a_command_whose_lock_is_taken_is_told_to_try_again(committed_db, cast):
    """T1.4: with nothing recorded."""
    item = cast.ask()
    with transaction.atomic():
        ApprovalRequest.objects.select_for_update().get(pk=item.pk)
        (result,) = at_once(lambda: approve(cast, item))
    assert isinstance(result, CommandInFlight)
    assert (cast.get(item.ref).version, denied(cast.approver)) == (1, [])


def test_a_process_that_dies_before_commit_leaves_no_claim(committed_db, cast):
    """T1.8."""
    item = cast.ask()

    def die() -> None:
        with transaction.atomic():
            approve(cast, item)
            connection.connection.close()

    at_once(die)
    assert not approve(cast, item).is_replay
