"""From a web request to the provider's books: one trace, one cause, in every place (T6.1, T4.9)."""

import json
from uuid import uuid4

import httpx
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from approvals.models import Attempt
from audit.models import Event
from tests.approvals.common import job_arguments
from tests.crash.common import is_done
from tests.demo.conftest import until

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.worker]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "X-Request-ID": "ticket-4711"}
CSRF = "a" * 32
CANARIES = ("canary-query", "canary-cookie", "canary-header", "sk_test_crash", "canary-reason")


@pytest.fixture
def approve(client, cast):
    """As a browser does it."""

    def send(web, item) -> httpx.Response:
        client.force_login(cast.approver)
        session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
        form = {
            "csrfmiddlewaretoken": CSRF,
            "idempotency_key": str(uuid4()),
            "revision": item.revision,
            "step": item.step,
            "reason": "canary-reason",
        }
        cookies = f"aq_session={session}; aq_csrf={CSRF}; other=canary-cookie"
        return httpx.post(
            f"{web.address}/requests/{item.ref}/approve/?next=canary-query",
            data=form,
            headers={**HEADERS, "Cookie": cookies, "X-Other": "canary-header"},
            trust_env=False,
            timeout=30,
        )

    return send


def test_one_trace_from_the_web_request_to_the_provider(
    provider, cast, approve, serve, run, environ
):
    cast.now = timezone.now()
    item = cast.ask()
    web = serve(environ)
    answer = approve(web, item)
    assert answer.status_code == 302, answer.text
    assert answer.headers["X-Request-ID"] == "ticket-4711"
    assert TRACE in answer.headers["traceparent"]
    [arguments] = job_arguments()
    worker = run(["manage.py", "worker"], environ)
    until(lambda: is_done(cast, item) or worker.process.poll() is not None)
    until(lambda: any(line["event"] == "job" for line in worker.lines()))

    [line] = [line for line in web.lines() if line.get("route") == "verb"]
    assert (line["trace_id"], line["request_id"]) == (TRACE, "ticket-4711")
    assert (line["path"], line["status"]) == (f"/requests/{item.ref}/approve/", 302)
    assert line["user"] == cast.approver.pk

    assert set(arguments) == {"item_id", "trace"}
    assert TRACE in arguments["trace"]

    [attempt] = [line for line in worker.lines() if line["event"] == "attempt"]
    [job] = [line for line in worker.lines() if line["event"] == "job"]
    for line in (attempt, job):
        assert (line["trace_id"], line["correlation_id"]) == (TRACE, "ticket-4711")
        assert line["request_id"] == f"job-{line['job_id']}"
    assert (attempt["ref"], attempt["attempt"]) == (item.ref, "1")

    # Without those of asking, which happened here and not in the traced request.
    heard = provider.http.get("/ledger?calls=1").json()["calls"]
    calls = [call for call in heard if call["method"] == "POST"]
    assert calls
    assert {call["request_id"] for call in calls} == {"ticket-4711"}
    assert {call["traceparent"].split("-")[1] for call in calls} == {TRACE}

    events = list(Event.objects.filter(stream=item.stream, seq__gt=1).order_by("seq"))
    assert {event.context["trace_id"] for event in events} == {TRACE}
    assert {event.context["correlation_id"] for event in events} == {"ticket-4711"}
    by_worker = [event for event in events if event.actor_type == "worker"]
    assert [event.action for event in by_worker] == ["request.start", "request.succeed"]
    number = str(Attempt.objects.get(effect__item=item).number)
    assert {event.context["attempt"] for event in by_worker} == {number}
    assert {event.context["job_id"] for event in by_worker} == {job["job_id"]}

    assert_clean([web, worker])
    told = [json.dumps(list(Event.objects.values_list("context", flat=True)))]
    told += [json.dumps(job_arguments())]
    assert not any(canary in text for text in told for canary in CANARIES)


def assert_clean(parts) -> None:
    """T6.6: each line is JSON with a request id, and nothing that is nobody's business."""
    for part in parts:
        assert part.lines()
        for line in part.lines():
            assert line["request_id"]
            assert {"timestamp", "level", "logger", "event"} <= set(line)
        text = part.log.read_text()
        assert not [canary for canary in CANARIES if canary in text]


def test_a_job_that_breaks_is_told_in_one_line(run, environ, cast):
    """T6.6: procrastinate's own record of it, with its traceback."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
            " VALUES ('effects', 'approvals.execute', %s) RETURNING id",
            [json.dumps({"item_id": "canary-query", "trace": "x\ny"})],
        )
        [job_id] = cursor.fetchone()
    worker = run(["manage.py", "worker"], environ)
    until(lambda: [line for line in worker.lines() if "exception" in line])
    [line] = [line for line in worker.lines() if "exception" in line]
    assert (line["request_id"], line["level"]) == (f"job-{job_id}", "error")
    assert "Traceback" in line["exception"]
    until(lambda: _status(job_id) == "failed")


def _status(job_id: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text FROM procrastinate_jobs WHERE id = %s", [job_id])
        return cursor.fetchone()[0]
