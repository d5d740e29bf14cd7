"""One call to a provider, with what it answered."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from approvals import queries
from approvals.causes import CAUSES, cause
from approvals.models import ApprovalRequest, Attempt, Purpose
from approvals.rules import may
from approvals.views.frame import reader
from approvals.wording import visible

RESULTS = {
    "": "No answer recorded yet",
    "done": "Confirmed",
    "refused": "Refused, will be tried again",
    "refused for good": "Refused for good",
    "absent": "No trace of it",
    "unknown": "Outcome unknown",
}


@require_GET
def attempt(request: HttpRequest, ref: str, number: int) -> HttpResponse:
    person = reader(request)
    item = queries.find(ref, person)
    if item is None or not may("inspect", item, person):
        raise Http404(ref)
    one = get_object_or_404(Attempt, effect__item=item, number=number)
    shown = described(item, one)
    why = cause(one.cause) if one.cause else None
    shown |= {
        "meaning": why.meaning if why else "",
        "finished_at": one.finished_at,
        "key": one.effect.key,
        "worker": one.worker,
        "evidence": visible(one.evidence),
    }
    context = {"ref": ref, "request_url": f"/requests/{ref}/", "attempt": shown}
    return render(request, "approvals/attempt.html", context)


def described(item: ApprovalRequest, one: Attempt) -> dict:
    """An attempt as the table of attempts shows it."""
    took = one.finished_at - one.started_at if one.finished_at else None
    return {
        "number": one.number,
        "url": f"/requests/{item.ref}/attempts/{one.number}/",
        "purpose": "Question, changes nothing" if one.purpose == Purpose.LOOK_UP else "",
        "started_at": one.started_at,
        "took": f"{took.total_seconds():.1f} s" if took else "running",
        "result": RESULTS.get(one.outcome, one.outcome),
        "cause": _plain(one.cause),
        "reference": one.provider_reference,
    }


def _plain(code: str) -> str:
    if not code:
        return ""
    plain = CAUSES[code].plain if code in CAUSES else code
    return plain[0].upper() + plain[1:]
