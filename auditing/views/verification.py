"""Is the record what it was? The last result, the check under way, and the ones before."""

from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from approvals.refusals import Refusal
from approvals.views import errors
from approvals.views.frame import new_key
from approvals.wording import duration, visible
from auditing import queries
from auditing.commands.verifying import ask_for_check
from auditing.models import VerificationRun
from auditing.views import frame

SHOWN = 30
RUNBOOK = "/runbooks/audit-break/"
CHECKPOINTS = "checkpoints"  # what a break of a checkpoint names in place of a stream


@require_GET
def verification(request: HttpRequest) -> HttpResponse:
    """The page; while a check runs its region asks again every two seconds."""
    frame.verifier(request)
    runs = list(queries.checks()[:SHOWN])
    under_way = next((run for run in runs if run.finished_at is None), None)
    last = next((run for run in runs if run.result is not None), None) or queries.last_result()
    now = timezone.now()
    context = {
        "under_way": _progress(under_way, now) if under_way else None,
        "last": _result(last) if last else None,
        "history": [_line(run) for run in runs if run.finished_at is not None],
        "runbook_url": RUNBOOK,
        "key": new_key(),
        "was_running": bool(request.htmx),
    }
    template = "auditing/verification.html#region" if request.htmx else "auditing/verification.html"
    response = render(request, template, context)
    response["Vary"] = "HX-Request"
    return response


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    frame.verifier(request)
    try:
        answer = ask_for_check(
            by=request.user, at=timezone.now(), key=request.POST.get("idempotency_key", "")
        )
    except Refusal as refusal:
        return errors.refused(request, refusal, ref="Verification", back="/audit/verify/")
    messages.success(request, answer.sentence, extra_tags="running")
    return redirect("audit_verify")


def _progress(run: VerificationRun, now: datetime) -> dict:
    expected = max(run.events_expected or 0, run.events_seen)
    return {
        "asked_at": run.asked_at,
        "asked_by": _asked_by(run),
        "has_begun": run.started_at is not None,
        "seen": run.events_seen,
        "expected": expected,
        "words": f"{run.events_seen:,} of about {expected:,} events" if expected else "Beginning",
        "since": duration(now - (run.started_at or run.asked_at)),
    }


def _result(run: VerificationRun) -> dict:
    found = run.result
    return {
        **_line(run),
        "events": f"{found['events']:,}",
        "streams": f"{found['streams']:,}",
        "sealed": _sealed(found),
        "remarks": [visible(remark) for remark in found.get("remarks", ())],
        "is_intact": run.is_intact,
        "breaks": [_broken(one) for one in found["breaks"]],
        "more": found["breaks_found"] - len(found["breaks"]),
    }


def _sealed(found: dict) -> str:
    """How much of it is under signed roots; nothing for checks from before there were any."""
    if not found.get("checkpoints"):
        return ""
    count = found["checkpoints"]
    checkpoints = "1 signed checkpoint" if count == 1 else f"{count:,} signed checkpoints"
    return f"{found['sealed']:,} events are under {checkpoints}"


def _broken(one: dict) -> dict:
    """The place, the sentence, and how far the stream can be trusted."""
    return {
        "stream": visible(one["stream"]),
        "seq": one["seq"],
        "kind": visible(one.get("kind", "")),
        "sentence": visible(one["sentence"]),
        "intact": _intact(one["stream"], one["seq"]),
    }


def _intact(stream: str, seq: int) -> str:
    """How far a stream holds; of checkpoints, which are no stream, nothing is said."""
    if stream == CHECKPOINTS:
        return ""
    if seq == 1:
        return "No event of it is safe."
    return "Event 1 of it is intact." if seq == 2 else f"Events 1-{seq - 1:,} of it are intact."


def _line(run: VerificationRun) -> dict:
    return {
        "asked_at": run.asked_at,
        "finished_at": run.finished_at,
        "asked_by": _asked_by(run),
        "took": _took(run.took),
        "status": _status(run),
        "counted": f"{run.result['events']:,} events in {run.result['streams']:,} streams"
        if run.result
        else f"{run.events_seen:,} events read",
        "sentence": _sentence(run),
    }


def _status(run: VerificationRun) -> dict:
    if run.is_intact:
        return {"label": "Intact", "tone": "done"}
    if run.is_broken:
        return {"label": "Broken", "tone": "failed"}
    return {"label": "No result", "tone": "unknown"}


def _sentence(run: VerificationRun) -> str:
    if run.result is None:
        return run.failure
    broken = run.result["breaks_found"]
    if not broken:
        return "Every event follows the one before it."
    return "1 stream is broken." if broken == 1 else f"{broken:,} streams are broken."


def _asked_by(run: VerificationRun) -> str:
    return visible(run.asked_by.name) if run.asked_by else "Approval Queue, once a day"


def _took(length: timedelta | None) -> str:
    if length is None:
        return ""
    seconds = length.total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else duration(length)
