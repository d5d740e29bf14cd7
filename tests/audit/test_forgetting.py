"""What may be personal can be taken out of events, in one way only, and the chain holds all the same."""

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from approvals import history
from approvals.commands import operate
from approvals.events import Action
from approvals.models import ApprovalRequest
from approvals.transitions import commit
from audit import commitments
from audit.models import Event
from audit.recorder import Actor
from audit.verify import verify
from tests.audit.common import place, seal

__all__ = ["place"]
ADMIN = Actor(type="person", id="1", label="Ada Lindqvist")


@pytest.fixture
def item(committed_db, cast, place):
    item = cast.ask(customer="Ana Silva")
    operate.note(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Called her.")
    seal(cast.now)
    return item


def forget(stream: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_forget(%s)", [stream])
        return cursor.fetchone()[0]


def say_so(item, now) -> None:
    locked = ApprovalRequest.objects.select_for_update().get(pk=item.pk)
    commit(locked, Action.FORGET, actor=ADMIN, at=now, reason="She asked us to.")


def personal() -> str:
    return "".join(f"{e.reason}{e.changes}{e.private_row}" for e in Event.objects.all())


def test_what_it_held_is_gone_and_the_record_is_intact(item, now):
    assert "Ana Silva" in personal()
    assert "Called her." in personal()
    with transaction.atomic():
        say_so(item, now)
        assert forget(item.stream) == 2
    assert "Ana Silva" not in personal()
    assert "Called her." not in personal()
    assert all(
        commitments.is_forgotten(event)
        for event in Event.objects.filter(
            stream=item.stream, action__in=["request.submit", "request.note"]
        )
    )
    assert verify().breaks == []


def test_the_past_says_that_it_was_forgotten(item, now):
    with transaction.atomic():
        say_so(item, now)
        forget(item.stream)
    past = history.as_of(item.stream, now)
    assert past.is_forgotten
    assert past.item.state == "pending"
    assert not past.item.customer


def test_nothing_is_forgotten_without_an_event_that_says_so(item):
    with pytest.raises(DatabaseError, match="without an event"), transaction.atomic():
        forget(item.stream)
    assert "Ana Silva" in personal()


def test_nor_by_an_event_of_another_transaction(item, now):
    with transaction.atomic():
        say_so(item, now)
    with pytest.raises(DatabaseError, match="without an event"), transaction.atomic():
        forget(item.stream)


def test_nor_by_an_event_of_another_stream(item, now, cast):
    other = cast.ask()
    with pytest.raises(DatabaseError, match="without an event"), transaction.atomic():
        say_so(other, now)
        forget(item.stream)


def test_the_same_words_are_not_the_same_commitment(item, cast):
    """Nobody learns from the record that two events said the same."""
    operate.note(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Called her.")
    notes = Event.objects.filter(stream=item.stream, action="request.note")
    assert len({event.commitments["reason"] for event in notes}) == len(notes) == 2


@pytest.mark.parametrize(
    "change",
    ["salt = NULL", "reason = 'x'", "private_row = '{}'", "salt = NULL, reason = '', facts = '{}'"],
)
def test_the_application_takes_nothing_out_by_itself(item, change):
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE audit_event SET {change} WHERE stream = %s", [item.stream])
