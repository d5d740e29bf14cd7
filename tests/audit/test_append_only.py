"""The record is only ever added to: T4.3 and trap 13."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction

from audit.models import Event, Stream
from audit.recorder import Actor, OutsideTransaction, Target, record
from tests import postgres

SOMEBODY = Actor(type="person", id="0", label="Somebody")
CHANGES = [
    "UPDATE audit_event SET reason = 'Something else'",
    "DELETE FROM audit_event",
    "TRUNCATE audit_event CASCADE",
]
MOVES_OF_THE_HEAD = [
    "UPDATE audit_stream SET seq = seq + 1",
    "UPDATE audit_stream SET seq = 0",
    "UPDATE audit_stream SET hash = decode(repeat('00', 32), 'hex')",
    "UPDATE audit_stream SET stream = stream || 'x'",
    "INSERT INTO audit_stream VALUES ('request/RF-9', 5, decode(repeat('00', 32), 'hex'))",
    "TRUNCATE audit_stream CASCADE",
]


def record_something(now, *, stream: str = "person/0", reason: str = "Because.") -> Event:
    with transaction.atomic():
        return record(
            stream=stream,
            action="something",
            actor=SOMEBODY,
            target=Target("thing", "1"),
            at=now,
            reason=reason,
        )


@pytest.fixture
def superuser(committed_db, now) -> Iterator[psycopg.Connection]:
    record_something(now)
    with postgres.admin(committed_db) as found:
        yield found


# --- With the application's login -------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        *CHANGES,
        *MOVES_OF_THE_HEAD,
        "DELETE FROM audit_stream",
        "INSERT INTO audit_stream VALUES ('request/RF-9', 0, decode(repeat('00', 32), 'hex'))",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "ALTER TABLE audit_event DISABLE TRIGGER audit_event_is_append_only",
        "ALTER TABLE audit_stream DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_event_is_append_only ON audit_event",
        "DROP TABLE audit_event",
        "DROP FUNCTION audit_refuse() CASCADE",
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE sql AS ''",
        "SET session_replication_role = replica",
        "GRANT UPDATE ON audit_event TO CURRENT_USER; UPDATE audit_event SET reason = ''",
        "SET ROLE aq_test_owner",
        "COPY audit_event TO '/tmp/events'",
    ],
)
def test_the_application_is_refused(db, now, statement):
    """T4.3"""
    record_something(now)
    with (
        pytest.raises(DatabaseError, match="permission denied|must be owner|superuser"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_the_application_owns_nothing(db):
    """T4.3: whoever owns a table may switch its triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relowner = current_user::regrole")
        assert cursor.fetchall() == []


def test_the_application_is_nobody_special(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,"
            " (SELECT count(*) FROM pg_auth_members WHERE member = r.oid)"
            " FROM pg_roles r WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (False, False, False, False, False, 0)


def test_an_event_cannot_be_overwritten_by_inserting_it_again(db, now):
    event = record_something(now)
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO audit_event SELECT * FROM audit_event WHERE id = %s"
            " ON CONFLICT (id, recorded_at) DO UPDATE SET reason = 'Something else'",
            [event.pk],
        )


@pytest.mark.parametrize("seq", [1, 3, 9])
def test_an_event_goes_to_the_end_of_its_stream_or_nowhere(db, now, seq):
    event = record_something(now)
    event.pk, event.prev_hash, event.seq = None, event.hash, seq
    with pytest.raises(DatabaseError, match="does not follow"), transaction.atomic():
        event.save(force_insert=True)


def test_an_event_follows_the_hash_before_it(db, now):
    event = record_something(now)
    event.pk, event.prev_hash, event.seq = None, bytes(32), 2
    with pytest.raises(DatabaseError, match="does not follow"), transaction.atomic():
        event.save(force_insert=True)


def test_an_event_moves_the_head_of_its_stream(db, now):
    event = record_something(now)
    head = Stream.objects.get(stream=event.stream)
    assert (head.seq, bytes(head.hash)) == (event.seq, event.hash)


# --- With the owner's login -------------------------------------------------------------------------


@pytest.mark.parametrize("statement", CHANGES)
def test_the_owner_is_refused_by_the_trigger(committed_db, now, statement):
    record_something(now)
    with (
        pytest.raises(DatabaseError, match="events are only ever added"),
        connections["owner"].cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize("statement", [*MOVES_OF_THE_HEAD, "DELETE FROM audit_stream"])
def test_the_owner_cannot_move_a_head(committed_db, now, statement):
    record_something(now)
    with (
        pytest.raises(DatabaseError, match="moves only with an event|only ever added"),
        connections["owner"].cursor() as cursor,
    ):
        cursor.execute(statement)


# --- As superuser -----------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", [*CHANGES, *MOVES_OF_THE_HEAD])
def test_the_role_of_a_replica_does_not_switch_the_triggers_off(superuser, statement):
    """Trap 13"""
    superuser.execute("SET session_replication_role = replica")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        superuser.execute(statement)


def test_every_trigger_of_the_record_is_always_on(superuser):
    """Trap 13, for the triggers that will be added later."""
    found = superuser.execute(
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'A'"
        " AND (tgrelid::regclass::text LIKE 'audit_%' OR tgrelid::regclass::text LIKE 'approvals_%')"
    )
    assert found.fetchall() == []


# --- The recorder -----------------------------------------------------------------------------------


def test_an_event_outside_a_transaction_is_refused(committed_db, now):
    """T4.1"""
    with pytest.raises(OutsideTransaction):
        record(
            stream="person/0",
            action="something",
            actor=SOMEBODY,
            target=Target("thing", "1"),
            at=now,
        )


def test_an_event_outside_a_transaction_is_not_kept(committed_db, now):
    """T4.1"""
    with pytest.raises(OutsideTransaction):
        record(
            stream="person/0",
            action="something",
            actor=SOMEBODY,
            target=Target("thing", "1"),
            at=now,
        )
    assert not Event.objects.filter(stream="person/0").exists()


def test_an_event_is_undone_with_its_transaction(committed_db, now):
    """T4.1: the next one takes its number."""
    with transaction.atomic():
        record_something(now)
        transaction.set_rollback(True)
    assert record_something(now).seq == 1
