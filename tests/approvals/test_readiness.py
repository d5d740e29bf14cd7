"""Can it serve? What makes the answer degraded, and what makes it a 503."""

import threading

import pytest
from django.db import connection

from approvals import readiness
from approvals.in_time import Question
from tests import postgres

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def has_worker() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")


def test_it_works(client, has_worker):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_without_a_worker_it_serves_and_says_so(client):
    """T3.10"""
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded", "workers": "none heard of for 60 s"}


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE audit_event DISABLE TRIGGER audit_event_is_append_only",
        "DROP TABLE approvals_transition CASCADE;"
        " DROP TRIGGER approvals_request_is_guarded ON approvals_approvalrequest",
    ],
)
def test_without_what_keeps_the_rules_it_does_not_serve(client, committed_db, statement):
    with postgres.admin(committed_db) as owner:
        owner.execute(statement)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "not migrated")


def test_a_migration_that_is_missing_is_asked_for_until_it_is_there(
    client, committed_db, has_worker, monkeypatch
):
    monkeypatch.setattr(readiness, "_is_known_to_be_migrated", False)
    with postgres.admin(committed_db) as owner:
        owner.execute("CREATE TABLE kept AS SELECT * FROM django_migrations")
        owner.execute(
            "DELETE FROM django_migrations WHERE app = 'approvals' AND name NOT LIKE '0001%'"
        )
        assert client.get("/readyz").status_code == 503
        owner.execute("TRUNCATE django_migrations")
        owner.execute("INSERT INTO django_migrations SELECT * FROM kept")
    assert client.get("/readyz").json() == {"status": "ok"}


def test_a_login_that_owns_the_record_does_not_serve(client, committed_db, has_worker):
    with postgres.admin(committed_db) as owner:
        owner.execute(f"ALTER TABLE audit_event OWNER TO {postgres.APPLICATION}")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "owns the tables" in answer.json()["login"]


def test_in_a_trial_that_is_only_degraded(client, committed_db, has_worker, settings):
    settings.ENV = type("Trial", (), {"database": None})
    with postgres.admin(committed_db) as owner:
        owner.execute(f"ALTER TABLE audit_event OWNER TO {postgres.APPLICATION}")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")


def test_a_database_that_hangs_is_not_waited_for(client, monkeypatch):
    """T6.3"""
    released = threading.Event()
    monkeypatch.setattr(readiness, "_question", Question(lambda: released.wait(30), seconds=0.01))
    answer = client.get("/readyz")
    released.set()
    assert (answer.status_code, answer.json()["database"]) == (503, "no answer")


def test_the_answer_to_the_probe_comes_within_two_seconds():
    """T6.3"""
    assert readiness.ANSWER_S < 2
    assert readiness._question._seconds == readiness.ANSWER_S


def test_livez_touches_nothing(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/livez").status_code == 200


def test_only_reading_is_answered(client):
    assert client.post("/readyz").status_code == 405
