"""Logs: one line of JSON for each record on stderr, whoever wrote it (docs/reference/logs.md).

Django's, gunicorn's and procrastinate's records pass through the same steps as ours: the ids of the
interaction, no words of a caller but a path, secrets masked. `LOG_FORMAT=line` is for people.
"""

import json
import logging
import logging.config
import re
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name

from audit import correlation
from audit.masking import masked
from config.env import Environment

Fields = dict[str, Any]

# What a record may say beside its sentence. Anything else in its `extra` stays out.
FACTS = (
    *("method", "route", "path", "status", "duration_ms", "user"),  # of a web request
    *("task", "queue", "item_id"),  # of a job
    *("ref", "purpose", "seen", "cause", "outcome"),  # of an attempt
    *("directive", "page", "blocked"),  # of what a browser reports
)
OURS = (
    "config",
    "notifications",
    "handoffs",
    "webhooks",
    "auditing",
    "policies",
    "rights",
    "approvals",
    "accounts",
    "audit",
    "demo",
)
FIRST = ("timestamp", "level", "logger", "event", "request_id")
OUTSIDE = "-"  # the request id of what belongs to no interaction: a start, a stop
LONGEST_EXCEPTION = 8000
QUERY = re.compile(r"\?\S*")
SENT_BY_CALLER = re.compile(r"(Invalid request from ip=[0-9a-fA-F.:]*).*", re.DOTALL)
ROWS = re.compile(r"^(DETAIL|CONTEXT):  .*$", re.MULTILINE)  # PostgreSQL repeats what it was given
log = logging.getLogger("config.logging")


def logging_config(env: Environment) -> dict[str, Any]:
    ours = {"level": env.log_level or "INFO"}
    others = {"level": "ERROR" if env.log_level == "ERROR" else "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"record": {"()": lambda: formatter(env)}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "record"}},
        "root": {"handlers": ["stderr"], **others},
        "loggers": {
            **dict.fromkeys(OURS, ours),
            "django": others,
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "ERROR"},
            "procrastinate": others,
            "gunicorn.error": {**ours, "propagate": True},
            "gunicorn.access": {"level": "CRITICAL"},  # ours is config.observed
        },
    }


def start(config: dict[str, Any]) -> None:
    """Also what nobody catches and what Python warns of become records."""
    logging.config.dictConfig(config)
    logging.captureWarnings(True)
    if not sys.stderr.isatty():
        sys.excepthook = _tell_uncaught
        threading.excepthook = lambda ended: _tell_uncaught(
            ended.exc_type, ended.exc_value, ended.exc_traceback
        )


def formatter(env: Environment) -> ProcessorFormatter:
    render = _line if env.log_format == "line" else _json
    return ProcessorFormatter(
        foreign_pre_chain=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_log_level,
            add_logger_name,
            ExtraAdder(FACTS),
            _joined,
            _without_what_was_sent,
            structlog.processors.format_exc_info,
            _Masking(env.secrets),
        ],
        processors=[ProcessorFormatter.remove_processors_meta, render],
    )


def _tell_uncaught(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("Nobody caught this", exc_info=(kind, error, trace))


# --- The steps of a record -----------------------------------------------------------------------


def _joined(logger: Any, method: str, fields: Fields) -> Fields:
    """The ids of the interaction; procrastinate tells how a job ended when it is over already."""
    facts = {"request_id": OUTSIDE, **(_of_job(fields["_record"]) or correlation.current())}
    facts.pop("traceparent", None)
    return {**facts, **fields}


def _of_job(record: logging.LogRecord) -> Fields:
    job = getattr(record, "job", None)
    if not isinstance(job, dict) or "task_kwargs" not in job:
        return {}
    within, caused_by = correlation.read_carried(job["task_kwargs"].get("trace"))
    facts = {"request_id": f"job-{job['id']}", "job_id": str(job["id"])}
    return {
        **facts,
        **({"trace_id": within.trace_id, "correlation_id": caused_by} if within else {}),
    }


def _without_what_was_sent(logger: Any, method: str, fields: Fields) -> Fields:
    """No query, no header: Django and gunicorn repeat them where they refuse a request."""
    if fields["logger"].startswith("django.security"):
        fields["event"] = f"Refused: {fields['logger'].rpartition('.')[2]}"
        fields.pop("exc_info", None)
    elif fields["logger"].startswith(("gunicorn", "django.request")):
        fields["event"] = QUERY.sub("", SENT_BY_CALLER.sub(r"\1", fields["event"]))
    return fields


class _Masking:
    def __init__(self, own: Sequence[str]) -> None:
        self._own = own

    def __call__(self, logger: Any, method: str, fields: Fields) -> Fields:
        """Ids are ours or were checked when they came in; everything else can hold anything."""
        for name in ("event", "exception", *FACTS):
            if isinstance(fields.get(name), str):
                fields[name] = masked(ROWS.sub(r"\1: (left out)", fields[name]), own=self._own)
        if len(said := fields.get("exception", "")) > LONGEST_EXCEPTION:
            fields["exception"] = f"…{said[-LONGEST_EXCEPTION:]}"
        return fields


# --- How it is written ---------------------------------------------------------------------------


def _json(logger: Any, method: str, fields: Fields) -> str:
    """ASCII only, so that no character of any text can end the line."""
    first = {name: fields.pop(name) for name in FIRST if name in fields}
    return json.dumps({**first, **fields}, default=str)


def _line(logger: Any, method: str, fields: Fields) -> str:
    facts = [f"{name}={fields[name]}" for name in FACTS if fields.get(name) not in (None, "")]
    words = [
        fields["timestamp"],
        fields["level"].upper(),
        fields["logger"],
        f"[{fields['request_id']}]",
        fields["event"],
        *facts,
    ]
    return _visible(" ".join(words)) + _indented(fields.get("exception", ""))


def _visible(text: str) -> str:
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _indented(exception: str) -> str:
    return "".join(f"\n    {_visible(line)}" for line in exception.splitlines())
