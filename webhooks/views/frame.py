"""What every page of webhooks shares: who may see it, one endpoint, and how it is described."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from approvals.refusals import Refusal
from approvals.views import errors
from approvals.wording import visible
from webhooks import causes
from webhooks.models import Delivery, DeliveryState, Endpoint
from webhooks.rules import may_manage

STATE_TAGS: Mapping[str, dict] = {
    DeliveryState.WAITING: {"label": "Waiting", "tone": "waiting"},
    DeliveryState.DELIVERED: {"label": "Delivered", "tone": "done"},
    DeliveryState.FAILED: {"label": "Failed", "tone": "failed"},
}


def check_administrator(request: HttpRequest) -> None:
    """For everybody else these pages do not exist."""
    if not may_manage(request.user):
        raise Http404


def found(request: HttpRequest, pk: int) -> Endpoint:
    """The endpoint, for an administrator. Raises `Http404`."""
    check_administrator(request)
    endpoint = Endpoint.objects.filter(pk=pk).first()
    if endpoint is None:
        raise Http404(str(pk))
    return endpoint


def url_of(endpoint_id: int | str) -> str:
    return f"/webhooks/{endpoint_id}/"


def carried_out(
    request: HttpRequest, endpoint: Endpoint, command: Callable[[], object]
) -> HttpResponse:
    """Run a command that ends on the endpoint's page, or the page that says why it did not."""
    try:
        answer = command()
    except Refusal as refusal:
        return errors.refused(request, refusal, ref=endpoint.name, back=url_of(endpoint.pk))
    messages.success(request, answer.sentence, extra_tags="done")
    return redirect(url_of(endpoint.pk))


# --- How it is described -------------------------------------------------------------------------


def status(endpoint: Endpoint, now: datetime) -> dict:
    if endpoint.disabled_at is not None:
        return {"label": "Disabled", "tone": "neutral"}
    if endpoint.quiet_until is not None and endpoint.quiet_until > now:
        return {"label": "Left alone for a while", "tone": "retrying"}
    if endpoint.failures:
        return {"label": "Failing", "tone": "failed"}
    return {"label": "Active", "tone": "done"}


def sentence(endpoint: Endpoint, now: datetime) -> str:
    if endpoint.disabled_at is not None:
        return (
            f"“{visible(endpoint.disabled_reason)}” Nothing is sent to it. "
            "When it is enabled, it goes on where it stopped."
        )
    if not endpoint.failures:
        return "It is told of new events within seconds."
    times = "once" if endpoint.failures == 1 else f"{endpoint.failures} times in a row"
    why = causes.plain(endpoint.last_cause, endpoint.last_status)
    failed = f"It failed {times}: {why[:1].lower()}{why[1:]}."
    if endpoint.quiet_until is not None and endpoint.quiet_until > now:
        return f"{failed} It is left alone for a while, and no tries are used up."
    return f"{failed} It is tried again by itself."


def described_delivery(delivery: Delivery, endpoint: Endpoint) -> dict:
    return {
        "url": f"{url_of(delivery.endpoint_id)}deliveries/{delivery.pk}/",
        "type": delivery.event.action,
        "about": delivery.event.target_id if delivery.event.target_type != "webhook" else "",
        "message_id": delivery.message_id,
        "status": STATE_TAGS[delivery.state],
        "created_at": delivery.created_at,
        "delivered_at": delivery.delivered_at,
        "tries": delivery.tries,
        "next_at": _next_at(delivery, endpoint),
        "cause": causes.plain(delivery.last_cause, delivery.last_status),
    }


def _next_at(delivery: Delivery, endpoint: Endpoint) -> datetime | None:
    """When it is tried next; None when nothing is sent to the endpoint, or all is over."""
    if delivery.next_at is None or endpoint.disabled_at is not None:
        return None
    return max(delivery.next_at, endpoint.quiet_until or delivery.next_at)
