"""Rows written with kept texts stand there as Django would have written them."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from approvals.models import Attempt, Choice, Decision, Effect, IdempotencyRecord, Purpose, Step


@pytest.fixture
def effect(cast) -> Effect:
    return cast.approve(cast.ask()).effect


def an_attempt(cast, effect, number: int) -> dict:
    return {
        "effect": effect,
        "number": number,
        "epoch": 1,
        "purpose": Purpose.SEND,
        "worker": "host/1",
        "started_at": cast.now,
    }


def stored(row) -> dict:
    """Its columns as a queryset reads them."""
    return type(row).objects.filter(pk=row.pk).values().get()


def test_an_added_row_is_what_create_makes(cast, effect):
    added = Attempt.add(**an_attempt(cast, effect, 1))
    created = Attempt.objects.create(**an_attempt(cast, effect, 2))
    differ = {"id", "number"}
    assert {k: v for k, v in stored(added).items() if k not in differ} == {
        k: v for k, v in stored(created).items() if k not in differ
    }
    assert added.pk
    assert not added._state.adding
    assert added == Attempt.objects.get(pk=added.pk)


def test_what_the_database_derives_and_defaults_comes_back(cast):
    item = cast.ask()
    decision = Decision.add(
        item=item,
        revision=1,
        step=1,
        choice=Choice.APPROVE,
        decided_by=cast.approver,
        person_key=cast.approver.person_key,
        content_hash=item.content_hash,
        decided_at=cast.now,
    )
    assert decision.voice == cast.approver.person_key
    step = Step.add(item=item, revision=7, number=1, team=item.waiting_team, quorum=1)
    fresh = Step.objects.get(pk=step.pk)
    assert step.columns() == fresh.columns()
    assert (step.also_ids, step.escalations, step.person_present) == ([], [], False)


def test_an_added_row_knows_what_changes_of_it(cast):
    item = cast.ask()
    step = Step.add(item=item, revision=7, number=1, team=item.waiting_team, quorum=1)
    step.quorum = 2
    with CaptureQueriesContext(connection) as seen:
        step.save_changes()
    assert [sql["sql"].count(" = ") for sql in seen.captured_queries] == [2]
    assert Step.objects.get(pk=step.pk).quorum == 2


def test_a_row_that_breaks_a_rule_of_the_database_is_refused(cast, effect):
    with pytest.raises(IntegrityError), transaction.atomic():
        Effect.add(item=effect.item, key="other", revision=1, content_hash="x" * 64, max_attempts=1)
    assert Effect.objects.filter(item=effect.item).count() == 1


def test_only_the_rows_that_are_named_are_written(cast, effect):
    first, second = (Attempt.add(**an_attempt(cast, effect, number)) for number in (1, 2))
    end = {"finished_at": cast.now + timedelta(seconds=1), "outcome": "done", "evidence": "it's %s"}
    assert Attempt.write(end, id=first.pk, started_at=first.started_at) == 1
    assert Attempt.write(end, id=second.pk, started_at=cast.now - timedelta(days=1)) == 0
    assert stored(first) == {**stored(second), **end, "id": first.pk, "number": 1}
    assert stored(second)["finished_at"] is None


def test_json_is_written_as_a_field_writes_it(cast):
    cast.ask()
    record = IdempotencyRecord.objects.latest("id")
    answer = {"at": "ä\u202e", "list": [1, None], "quote": "'\"%s"}
    IdempotencyRecord.write({"status": 201, "answer": answer}, id=record.pk)
    record.refresh_from_db()
    assert (record.status, record.answer) == (201, answer)
