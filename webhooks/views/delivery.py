"""One delivery: its body, every attempt with what the receiver said, and the way to replay it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from approvals.views.frame import new_key
from approvals.wording import visible
from webhooks import causes
from webhooks.commands import replay_delivery
from webhooks.models import Delivery, DeliveryAttempt, DeliveryState, Endpoint
from webhooks.schedule import MOST_TRIES
from webhooks.views import frame


@require_GET
def delivery(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    endpoint = frame.found(request, pk)
    shown = _found(endpoint, number)
    may_replay = shown.state != DeliveryState.WAITING and endpoint.disabled_at is None
    context = {
        "endpoint": {"name": visible(endpoint.name), "url": frame.url_of(pk)},
        "delivery": frame.described_delivery(shown, endpoint),
        "next_step": causes.next_step(shown.last_cause),
        "most_tries": MOST_TRIES,
        "attempts": [_described(attempt) for attempt in shown.attempts.all()],
        "body": shown.body,
        "action": {
            "url": f"{request.path}replay/",
            "method": "post",
            "label": "Replay",
            "tone": "primary",
            "key": new_key(),
        }
        if may_replay
        else None,
    }
    return render(request, "webhooks/delivery.html", context)


@require_POST
def replay(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    endpoint = frame.found(request, pk)
    _found(endpoint, number)
    return frame.carried_out(
        request,
        endpoint,
        lambda: replay_delivery(
            endpoint_id=pk,
            delivery_id=number,
            by=request.user,
            at=timezone.now(),
            key=request.POST.get("idempotency_key", ""),
        ),
    )


def _found(endpoint: Endpoint, number: int) -> Delivery:
    found = endpoint.deliveries.select_related("event").filter(pk=number).first()
    if found is None:
        raise Http404(str(number))
    return found


def _described(attempt: DeliveryAttempt) -> dict:
    is_over = attempt.finished_at is not None
    took = (attempt.finished_at - attempt.started_at).total_seconds() if is_over else 0
    return {
        "number": attempt.number,
        "started_at": attempt.started_at,
        "took": f"{took:.2f} s" if is_over else "",
        "result": _result(attempt, is_over=is_over),
        "cause": causes.plain(attempt.cause, attempt.status),
        "evidence": visible(attempt.evidence),
    }


def _result(attempt: DeliveryAttempt, *, is_over: bool) -> str:
    if not is_over:
        return "Under way"
    if attempt.status is None:
        return "No answer"
    return f"HTTP {attempt.status}"
