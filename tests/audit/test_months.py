"""A record from before months had parts of their own goes on as it was, and nothing of it is copied."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from audit import months
from audit.models import Event
from audit.verify import verify
from tests import postgres
from tests.audit.test_chain import record_something
from tests.conftest import point_to

BEFORE = [("webhooks", "0001"), ("audit", "0006"), ("approvals", "0012")]


@pytest.fixture
def old_database(django_db_setup, django_db_blocker):
    """With two events, as the version before wrote them."""
    name = f"{django_db_setup}_old"
    postgres.build(name)
    point_to(name)
    with django_db_blocker.unblock():
        for app, number in BEFORE:
            call_command("migrate", app, number, verbosity=0, interactive=False)
        yield name
        connections.close_all()
    point_to(django_db_setup)
    postgres.drop(name)


def migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False)


def test_events_stay_and_the_record_goes_on(old_database, now):
    for number in range(2):
        record_something(now, reason=f"Number {number}.")
    hashes = list(Event.objects.order_by("id").values_list("id", "hash"))
    migrate()
    assert list(Event.objects.order_by("id").values_list("id", "hash")) == hashes
    first = months.parts("audit_event")[0]
    assert first.name.startswith("before-")
    assert first.begins is None
    assert Event.objects.filter(recorded_at__lt=first.ends).count() == 2
    third = record_something(now)
    assert (third.seq, third.pk > hashes[-1][0]) == (3, True)
    assert verify().breaks == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET reason = 'x'",
        "DELETE FROM audit_event",
        "UPDATE {part} SET reason = 'x'",
        "DELETE FROM {part}",
        "TRUNCATE {part}",
        "TRUNCATE audit_event",
    ],
)
def test_its_old_events_are_guarded_as_before(old_database, now, statement):
    record_something(now)
    migrate()
    part = months.parts("audit_event")[0].relation
    for alias in ("default", "owner"):
        with (
            pytest.raises(DatabaseError, match="permission denied|events are only ever added"),
            transaction.atomic(using=alias),
            connections[alias].cursor() as cursor,
        ):
            cursor.execute(statement.format(part=part))


def test_an_empty_record_has_no_part_from_before(db):
    assert not any(part.name.startswith("before") for part in months.parts("audit_event"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('audit_event_old')")
        assert cursor.fetchone() == (None,)
