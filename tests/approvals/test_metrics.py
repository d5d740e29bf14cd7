"""How the work stands, as Prometheus reads it: right numbers, few questions, only with the token."""

import math
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals import execution, jobs, metrics, stuck
from approvals.kinds import base
from approvals.models import OPEN, ApprovalRequest, Effect, State, System
from tests.approvals.conftest import provider  # noqa: F401 - a fixture

TOKEN = "metrics-token-of-the-tests"


@pytest.fixture
def samples():
    """What is told now, by name and labels."""

    def read() -> dict[tuple, float]:
        return {
            (sample.name.removeprefix("approvals_"), *sample.labels.values()): sample.value
            for family in metrics._told(metrics.ask())
            for sample in family.samples
        }

    return read


def beat(seconds_ago: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_workers")
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s)",
            [timedelta(seconds=seconds_ago)],
        )


def test_requests_are_counted_by_queue_and_state(cast, samples):
    cast.ask()
    cast.approve(cast.ask())
    cast.ask_for_account_change()
    found = samples()
    assert found["requests", "refunds", "pending"] == 1
    assert found["requests", "refunds", "approved"] == 1
    assert found["requests", "account-changes", "pending"] == 1
    assert found["in_doubt",] == found["needs_person",] == 0


def test_what_is_in_doubt_is_stuck_and_has_its_own_gauge(cast, provider, samples):  # noqa: F811
    """T6.5"""
    provider.sends = base.Unknown("no-answer")
    cast.now = timezone.now() - timedelta(hours=1)
    item = cast.approve(cast.ask())
    assert samples()["in_doubt",] == 0
    cast.run(item)
    assert cast.get(item.ref).state == State.IN_DOUBT
    assert samples()["in_doubt",] == 1
    assert samples()["stuck",] >= 1


def test_stuck_is_what_the_one_rule_says(cast, samples):
    cast.now = timezone.now() - timedelta(days=30)
    cast.ask()
    cast.approve(cast.ask())
    found = ApprovalRequest.objects.filter(stuck.is_stuck(timezone.now()), state__in=OPEN)
    assert samples()["stuck",] == found.count() == 2


def test_the_oldest_wait_of_each_view(cast, samples):
    cast.now = timezone.now() - timedelta(minutes=10)
    cast.ask()
    cast.now = timezone.now() - timedelta(minutes=1)
    cast.ask()
    found = samples()
    assert 600 <= found["oldest_waiting_seconds", "people"] < 660
    assert found["oldest_waiting_seconds", "systems"] == 0


def test_systems_that_are_held_or_paused(cast, samples):
    System.objects.create(slug="stripe", name="Stripe", held_at=cast.now)
    System.objects.create(slug="bank", name="Bank", paused_at=cast.now, probe_at=cast.now)
    found = samples()
    assert (found["system_held", "stripe"], found["system_paused", "stripe"]) == (1, 0)
    assert (found["system_held", "bank"], found["system_paused", "bank"]) == (0, 1)


def test_what_a_worker_has_in_its_hands(cast, samples, monkeypatch):
    cast.now = timezone.now() - timedelta(minutes=5)
    item = cast.approve(cast.ask())
    seen = []
    monkeypatch.setattr(
        "approvals.kinds.refund.Refund.send",
        lambda self, effect: seen.append(samples()["effects_in_flight",]) or base.Done("re_1"),
    )
    execution.run(item.pk, wake=lambda *_: None)
    assert seen == [1]
    assert samples()["effects_in_flight",] == 0
    assert Effect.objects.get(item=item).lease_until is None


def test_jobs_by_queue_and_status_and_the_age_of_the_oldest_that_could_run(cast, samples):
    jobs.enqueue(jobs.execute, at=timezone.now() + timedelta(hours=1), item_id=1)
    assert samples()["oldest_runnable_job_age_seconds",] == 0
    jobs.enqueue(jobs.execute, item_id=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_events SET at = at - interval '90 seconds'")
    found = samples()
    assert found["jobs", "effects", "todo"] == 2
    assert 90 <= found["oldest_runnable_job_age_seconds",] < 150


def test_a_worker_s_silence_is_seen(cast, samples):
    """T3.10"""
    found = samples()
    assert (found["workers",], found["worker_heartbeat_age_seconds",]) == (0, math.inf)
    beat(seconds_ago=2)
    assert samples()["workers",] == 1
    beat(seconds_ago=61)
    found = samples()
    assert found["workers",] == 0
    assert 61 <= found["worker_heartbeat_age_seconds",] < 120


def test_the_newest_event(cast, samples):
    cast.ask()
    assert 0 <= samples()["newest_event_age_seconds",] < 60


def test_few_questions_however_much_there_is(cast):
    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            metrics.ask()
        wrappers = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "SELECT set_config")
        return len([q for q in seen if not q["sql"].startswith(wrappers)])

    few = asked()
    for _ in range(5):
        cast.approve(cast.ask())
    assert asked() == few
    assert few <= 8


def test_no_label_names_a_request_or_a_person(cast, samples):
    item = cast.approve(cast.ask())
    told = str(list(samples()))
    for word in (item.ref, item.customer, cast.requester.email, item.payload["payment"]):
        assert word not in told


# --- The page ------------------------------------------------------------------------------------


@pytest.fixture
def scrape(client, settings):
    settings.METRICS_TOKEN = TOKEN

    def ask(**headers: str):
        return client.get("/metrics", headers=headers or {"Authorization": f"Bearer {TOKEN}"})

    return ask


def test_it_works(scrape, committed_db, cast):
    cast.ask()
    text = scrape().content.decode()
    assert 'approvals_requests{queue="refunds",state="pending"} 1.0' in text
    assert "approvals_database_up 1.0" in text
    assert "# TYPE approvals_http_requests_total counter" in text


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer é"],
)
def test_nobody_reads_it_without_the_token(scrape, db, header):
    """T6.7"""
    answer = scrape(Authorization=header)
    assert answer.status_code == 401
    assert b"approvals_" not in answer.content


def test_a_session_is_no_token(scrape, client, cast):
    """T6.7"""
    client.force_login(cast.admin)
    assert scrape(Authorization="").status_code == 401


def test_without_a_token_in_the_environment_there_is_no_such_page(client, settings, db):
    """T6.7"""
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_a_database_that_is_down_is_told_beside_the_counters(scrape, db, monkeypatch):
    def down() -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(metrics._question, "_ask", down)
    text = scrape().content.decode()
    assert "approvals_database_up 0.0" in text
    assert "approvals_http_requests_total" in text
    assert "approvals_stuck" not in text
