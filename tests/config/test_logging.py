"""One line of JSON for each record, with ids, without secrets and without what callers wrote."""

import base64
import json
import logging
import logging.config
import sys

import pytest

from audit.correlation import carried, correlated, interaction
from config import env
from config.logging import _tell_uncaught, formatter, logging_config

SECRETS = {
    "SECRET_KEY": "canary-secret-key-" + "k" * 32,
    "METRICS_TOKEN": "canary-metrics-token",
    "STRIPE_API_KEY": "canary-stripe-key",
    "STRIPE_WEBHOOK_SECRET": "canary-webhook-secret",
    "ACCOUNT_SERVICE_SECRET": "canary-account-secret",
    "AUDIT_SIGNING_KEY": base64.b64encode(b"canary-of-the-seed-of-signatures").decode(),
    "DATABASE_URL": "postgresql://app:canary-password@db.example/queue",
}
READ = env.read(SECRETS)


def written(message="It happened", *arguments, name="approvals.tests", format="json", **extra):
    """The line of one record. `exc_info` and what else a record can have goes into `extra`."""
    exc_info = extra.pop("exc_info", None)
    record = logging.getLogger(name).makeRecord(
        name, logging.INFO, "f", 1, message, arguments, exc_info, extra=extra or None
    )
    return formatter(env.read({**SECRETS, "LOG_FORMAT": format})).format(record)


def read(*arguments, **named) -> dict:
    line = written(*arguments, **named)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    return json.loads(line)


def test_a_line_says_when_how_bad_who_what_and_for_which_request():
    """T6.6"""
    with interaction("r-1", source_ip="10.0.0.1"), correlated(attempt="2"):
        line = written("%s is late", "RF-1", cause="no-answer")
    found = json.loads(line)
    assert list(found)[:5] == ["timestamp", "level", "logger", "event", "request_id"]
    assert found["event"] == "RF-1 is late"
    assert (found["level"], found["logger"]) == ("info", "approvals.tests")
    assert (found["request_id"], found["correlation_id"]) == ("r-1", "r-1")
    assert (found["attempt"], found["cause"], found["source_ip"]) == ("2", "no-answer", "10.0.0.1")
    assert len(found["trace_id"]) == 32
    assert found["timestamp"].endswith("Z")


def test_outside_of_any_interaction_the_request_id_is_a_dash():
    assert read()["request_id"] == "-"


@pytest.mark.parametrize(
    "text", ["a\r\nb", 'a", "level": "critical', "a\u2028b", "a\x1b[31mb", "a\ud800b", "\x00"]
)
def test_no_text_ends_the_line_or_writes_another(text):
    """T6.2"""
    assert read("%s", text)["event"] == text
    assert read("x", path=text)["path"] == text


@pytest.mark.parametrize("text", ["a\r\nINFO forged", "a\x1b[31mb", "a\u2028b"])
def test_no_text_ends_the_line_for_people_either(text):
    line = written("%s", text, format="line", path=text)
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def failure(text: str):
    try:
        raise ValueError(text)
    except ValueError:
        return sys.exc_info()


def test_an_exception_is_one_line():
    """T6.6"""
    found = read(exc_info=failure("first\nsecond"))
    assert found["exception"].endswith("ValueError: first\nsecond")
    assert "Traceback" in found["exception"]


def test_an_exception_cannot_write_a_line_of_its_own_for_people():
    forged = "x\n2026-11-25T00:00:00Z INFO forged"
    line = written(exc_info=failure(forged), format="line")
    assert all(part.startswith("    ") for part in line.splitlines()[1:])


def test_a_very_long_exception_keeps_its_end():
    found = read(exc_info=failure("x" * 50_000 + " the end"))
    assert len(found["exception"]) < 9000
    assert found["exception"].endswith(" the end")


@pytest.mark.parametrize("secret", [*list(SECRETS.values())[:-1], "canary-password"])
@pytest.mark.parametrize("format", ["json", "line"])
def test_our_own_secrets_are_masked_wherever_they_stand(secret, format):
    """T2.9, T4.10, T6.6"""
    line = written("%s", secret, exc_info=failure(secret), path=f"/{secret}/", format=format)
    assert secret not in line
    assert line.count("[secret]") == 3


@pytest.mark.parametrize(
    "secret",
    ["sk_live_abcdef123456", "4242 4242 4242 4242", "Bearer abcdef", "DE89370400440532013000"],
)
def test_keys_cards_and_accounts_of_others_are_masked(secret):
    line = written("%s", secret, exc_info=failure(secret))
    assert secret not in line


def test_what_postgresql_repeats_of_a_row_is_left_out():
    said = 'null value\nDETAIL:  Failing row contains (7, "Ann Silva", 4 Main Street).\n'
    found = read(exc_info=failure(said))
    assert "Silva" not in found["exception"]
    assert "null value" in found["exception"]


def test_only_known_facts_of_a_record_are_written():
    found = read(status=200, request="<WSGIRequest>", cookies="aq_session=1", headers="x")
    assert found["status"] == 200
    assert not {"request", "cookies", "headers"} & set(found)


@pytest.mark.parametrize(
    ("name", "said", "kept"),
    [
        ("gunicorn.error", "Error handling request GET /queue/?q=Silva", "/queue/"),
        ("gunicorn.error", "Invalid request from ip=10.0.0.1: Invalid HTTP Header: Silva", "10.0."),
        ("django.security.DisallowedHost", "Invalid HTTP_HOST header: 'Silva'.", "DisallowedHost"),
        ("django.security.csrf", "Forbidden (Origin Silva does not match): /x", "csrf"),
        ("django.request", "Not Found: /x?q=Silva", "/x"),
    ],
)
def test_what_a_caller_sent_is_not_repeated(name, said, kept):
    assert kept in read(said, name=name)["event"]
    assert "Silva" not in written(said, name=name)


def test_nor_in_the_traceback_of_a_refusal():
    line = written("Refused", name="django.security.DisallowedHost", exc_info=failure("Silva"))
    assert "Silva" not in line


def test_how_a_job_ended_is_told_under_the_job_s_ids():
    """procrastinate says it when the interaction of the job is over."""
    with interaction("r-1"):
        job = {"id": 17, "task_kwargs": {"item_id": 3, "trace": carried()}}
    found = read("Job ended", name="procrastinate.worker", job=job)
    assert (found["request_id"], found["correlation_id"]) == ("job-17", "r-1")
    assert found["job_id"] == "17"


def test_what_nobody_catches_is_one_line(caplog):
    _tell_uncaught(*failure("boom"))
    [record] = caplog.records
    assert (record.levelname, record.exc_info[0]) == ("CRITICAL", ValueError)


@pytest.mark.parametrize(
    ("level", "ours", "others"),
    [
        ("", "INFO", "WARNING"),
        ("DEBUG", "DEBUG", "WARNING"),
        ("WARNING", "WARNING", "WARNING"),
        ("ERROR", "ERROR", "ERROR"),
    ],
)
def test_the_level_is_that_of_our_own_loggers(level, ours, others):
    config = logging_config(env.read({**SECRETS, "LOG_LEVEL": level}))
    assert config["loggers"]["approvals"]["level"] == ours
    assert config["root"]["level"] == others
