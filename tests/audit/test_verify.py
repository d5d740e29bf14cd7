"""Whoever gets around the triggers is found out, with stream and number: T4.4."""

import json
import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from approvals.commands import operate
from audit import chain, commitments
from audit.models import Event
from audit.recorder import Actor, Target, record
from audit.verify import verify
from tests.audit import attacker

SOMEBODY = Actor(type="person", id="0", label="Somebody")
FORGED = {
    "occurred_at": "occurred_at + interval '1 microsecond'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "version_before": "coalesce(version_before, 0) + 1",
    "version_after": "coalesce(version_after, 0) + 1",
    "changes": "'[1]'",
    "private_row": '\'{"customer": "another"}\'',
    "row": "'{}'",
    "salt": "set_byte(salt, 0, get_byte(salt, 0) # 1)",
    "commitments": "'{}'",
    "facts": "jsonb_set(facts, '{state}', '\"done\"')",
    "context": '\'{"source_ip": "192.0.2.1"}\'',
    "schema_version": "schema_version + 1",
}
PLACES = ("stream", "seq")


@pytest.fixture
def stream(committed_db, cast) -> str:
    """Of a request with four events: asked for, two notes, approved."""
    item = cast.ask()
    for text in ("The first note.", "The second note."):
        operate.note(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), reason=text)
    return cast.approve(item).stream


def broken() -> list[tuple[str, int]]:
    return [(found.stream, found.seq) for found in verify().breaks]


def first_break() -> tuple[str, int] | None:
    return next(iter(broken()), None)


def test_an_untouched_record_is_intact(stream):
    assert verify().breaks == []


def test_every_event_is_read(stream):
    assert verify().events == Event.objects.count()


def test_one_stream_can_be_checked_alone(stream):
    assert (verify(stream).streams, verify(stream).events) == (1, 4)


def test_every_column_of_an_event_is_covered_by_its_hash():
    columns = {field.name for field in Event._meta.concrete_fields}
    # The transaction's id is another after a restore elsewhere; no answer depends on it.
    outside = {"id", "prev_hash", "hash", "xid", "salt"}
    assert columns - set(chain.COVERED[2]) == {*outside, *commitments.NAMES}


@pytest.mark.parametrize(
    "column",
    [name for name in (*chain.COVERED[2], *commitments.NAMES, "salt") if name not in PLACES],
)
def test_a_changed_column_is_found(committed_db, stream, column):
    """T4.4"""
    forged = FORGED.get(column, f"left({column}, -1) || '~'")
    attacker.change(
        committed_db,
        f"UPDATE audit_event SET {column} = {forged} WHERE stream = %(stream)s AND seq = 2",
        stream=stream,
    )
    assert first_break() == (stream, 2)


@pytest.mark.parametrize("column", ["prev_hash", "hash"])
@pytest.mark.parametrize("seq", [1, 2, 4])
def test_one_other_byte_in_a_hash_is_found(committed_db, stream, column, seq):
    """T4.4"""
    attacker.change(
        committed_db,
        f"UPDATE audit_event SET {column} = set_byte({column}, 7, get_byte({column}, 7) # 1)"
        " WHERE stream = %(stream)s AND seq = %(seq)s",
        stream=stream,
        seq=seq,
    )
    assert first_break() == (stream, seq)


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_missing_event_is_found(committed_db, stream, seq):
    """T4.4"""
    attacker.change(
        committed_db,
        "DELETE FROM audit_event WHERE stream = %(stream)s AND seq = %(seq)s",
        stream=stream,
        seq=seq,
    )
    assert first_break() == (stream, seq)


def test_a_missing_end_is_found(committed_db, stream):
    """T4.4, T4.5"""
    attacker.change(
        committed_db,
        "DELETE FROM audit_event WHERE stream = %(stream)s AND seq > 2",
        stream=stream,
    )
    assert first_break() == (stream, 3)


def test_a_missing_stream_is_found(committed_db, stream):
    """T4.5, as long as its head is there."""
    attacker.change(
        committed_db, "DELETE FROM audit_event WHERE stream = %(stream)s", stream=stream
    )
    assert first_break() == (stream, 1)


def test_a_missing_head_is_found(committed_db, stream):
    attacker.change(
        committed_db, "DELETE FROM audit_stream WHERE stream = %(stream)s", stream=stream
    )
    assert [name for name, _ in broken()] == [stream]


def test_a_changed_head_is_found(committed_db, stream):
    attacker.change(
        committed_db,
        "UPDATE audit_stream SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1)"
        " WHERE stream = %(stream)s",
        stream=stream,
    )
    assert first_break() == (stream, 4)


def test_two_swapped_events_are_found(committed_db, stream):
    """T4.4"""
    swap = "UPDATE audit_event SET seq = {} WHERE stream = %(stream)s AND seq = {}"
    attacker.change(
        committed_db,
        swap.format(99, 2),
        swap.format(2, 3),
        swap.format(3, 99),
        stream=stream,
    )
    assert first_break() == (stream, 2)


def test_an_event_moved_to_another_stream_is_found(committed_db, stream):
    """T4.4"""
    attacker.change(
        committed_db,
        "UPDATE audit_event SET stream = 'person/0' WHERE stream = %(stream)s AND seq = 4",
        stream=stream,
    )
    assert {name for name, _ in broken()} == {stream, "person/0"}


def test_an_inserted_event_is_found(committed_db, stream):
    """T4.4"""
    columns = ", ".join(
        field.column for field in Event._meta.concrete_fields if field.name not in ("id", "seq")
    )
    attacker.change(
        committed_db,
        f"INSERT INTO audit_event (seq, {columns}) SELECT 5, {columns} FROM audit_event"
        " WHERE stream = %(stream)s AND seq = 4",
        stream=stream,
    )
    assert first_break() == (stream, 5)


def test_an_event_that_the_application_forges_is_found(committed_db, stream):
    """The application may add events; a hash that it invents is not that of the event."""
    event = Event.objects.get(stream=stream, seq=4)
    event.pk, event.stream, event.seq, event.prev_hash = None, "person/0", 1, bytes(32)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_head('person/0')")
        event.save(force_insert=True)
    assert first_break() == ("person/0", 1)


def test_only_the_first_break_of_a_stream_is_told(committed_db, stream):
    attacker.change(
        committed_db, "UPDATE audit_event SET reason = 'x' WHERE stream = %(stream)s", stream=stream
    )
    assert broken() == [(stream, 1)]


def test_every_broken_stream_is_told(committed_db, stream, cast):
    other = cast.ask().stream
    attacker.change(
        committed_db,
        "UPDATE audit_event SET reason = 'x' WHERE seq = 1 AND stream IN (%(one)s, %(other)s)",
        one=stream,
        other=other,
    )
    assert sorted(broken()) == sorted([(stream, 1), (other, 1)])


def test_what_is_recorded_meanwhile_is_no_break(stream, cast):
    """People go on working while it reads: one more event of this stream, and a new stream."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            operate.note(
                ref=stream.removeprefix("request/"),
                by=cast.operator,
                at=cast.now,
                key=cast.key(),
                reason="Meanwhile.",
            )
            with transaction.atomic():
                record(
                    stream="person/0",
                    action="something",
                    actor=SOMEBODY,
                    target=Target("thing", "1"),
                    at=cast.now,
                )
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    working = threading.Thread(target=work)

    def work_after_the_first_read(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if "audit_" in sql and working.ident is None:
            working.start()
            working.join()
        return result

    with connection.execute_wrapper(work_after_the_first_read):
        found = verify()
    assert (working.ident is not None, errors) == (True, [])
    assert found.breaks == []


# --- The command --------------------------------------------------------------------------------------


@pytest.fixture
def damaged(committed_db, stream) -> str:
    attacker.change(
        committed_db,
        "UPDATE audit_event SET reason = 'x' WHERE stream = %(stream)s AND seq = 3",
        stream=stream,
    )
    return stream


def test_the_command_says_that_the_record_is_intact(stream):
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert out.getvalue().endswith("The record is intact.\n")


def test_the_command_fails_and_names_stream_and_number(damaged):
    """T4.4: `CommandError` is a non-zero exit."""
    with pytest.raises(CommandError, match=f"broken at {damaged} #3"):
        call_command("verify_audit", stdout=StringIO())


def test_the_command_lists_what_is_broken(damaged):
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_audit", stdout=out)
    assert f"{damaged} #3: Event 3: reason was changed." in out.getvalue()


def test_the_command_speaks_json(stream):
    out = StringIO()
    call_command("verify_audit", json=True, stdout=out)
    assert json.loads(out.getvalue())["breaks"] == []


def test_the_command_speaks_json_of_a_break(damaged):
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_audit", json=True, stdout=out)
    told = json.loads(out.getvalue())["breaks"][0]
    assert (told["stream"], told["seq"]) == (damaged, 3)
