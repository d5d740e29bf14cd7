"""Sending to one endpoint: claim → call → settle, one delivery after the other.

The endpoint's lease is held by one sender at a time, so a dead or slow receiver takes one slot and
others go on. No transaction is open during a call. A sender that died is noticed when its lease has
run out: what it was sending is tried again later, under the same id.
"""

import logging
import random
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from approvals import quarantine
from approvals.clock import database_time
from approvals.execution import worker_name
from approvals.kinds.calling import Answer, CallFailed, call
from approvals.kinds.evidence import masked
from approvals.sweeping import CLOCK
from audit.recorder import Actor
from webhooks import addresses, causes, schedule, sealing, signing
from webhooks.changes import commit
from webhooks.models import Delivery, DeliveryAttempt, DeliveryState, Endpoint

TIMEOUT_S = 15
LARGEST_ANSWER = 64 * 1024
SLICE = timedelta(seconds=5)  # after that, others get the slot
THROTTLING = (429, 502, 503, 504)
LONGEST_EVIDENCE = 500

Clock = Callable[[], datetime]
Wake = Callable[[int], None]
log = logging.getLogger("webhooks.sending")


@dataclass(frozen=True)
class Call:
    """One try that is about to be made."""

    endpoint_id: int
    delivery_id: int
    attempt_id: int
    epoch: int
    url: str
    message_id: str
    body: bytes
    context: dict[str, Any]
    sealed_secrets: Iterable[str] = field(repr=False)
    began_at: datetime


@dataclass(frozen=True)
class Seen:
    """What came of it. `cause` is "" when it was delivered."""

    cause: str
    status: int | None = None
    evidence: str = ""
    retry_after_s: float | None = None


def endpoints_with_something_due(at: datetime) -> list[int]:
    """Whose next try has come and who is free: lost jobs, dead senders and waits that are over."""
    if quarantine.is_on():
        return []
    due = Delivery.objects.filter(
        endpoint=OuterRef("pk"), state=DeliveryState.WAITING, next_at__lte=at
    )
    free = Q(lease_until=None) | Q(lease_until__lte=at)
    awake = Q(quiet_until=None) | Q(quiet_until__lte=at)
    found = Endpoint.objects.filter(free, awake, Exists(due), disabled_at=None)
    return list(found.values_list("pk", flat=True))


def run(endpoint_id: int, *, wake: Wake, clock: Clock = database_time) -> int:
    """Send what is due until nothing is, one fails, or the time slice is over; how many calls."""
    worker, calls, started_at = worker_name(), 0, clock()
    while (made := _claim(endpoint_id, worker=worker, at=clock())) is not None:
        seen = _perform(made)
        calls += 1
        at = clock()
        _settle(made, seen, at=at)
        if seen.cause:
            break
        if at - started_at >= SLICE:
            wake(endpoint_id)
            break
    return calls


# --- Claim ---------------------------------------------------------------------------------------


def _claim(endpoint_id: int, *, worker: str, at: datetime) -> Call | None:
    """Nothing after a restore: a receiver would take a reference that is given again for the old one."""
    if quarantine.is_on():
        return None
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().filter(pk=endpoint_id).first()
        if endpoint is None or not endpoint.is_free_at(at):
            return None
        _close_abandoned(endpoint, at)
        waiting = endpoint.deliveries.filter(state=DeliveryState.WAITING, next_at__lte=at)
        delivery = waiting.select_related("event").order_by("next_at", "pk").first()
        if delivery is None:
            return None
        return _begin(endpoint, delivery, worker=worker, at=at)


def _begin(endpoint: Endpoint, delivery: Delivery, *, worker: str, at: datetime) -> Call:
    endpoint.epoch += 1
    endpoint.lease_until, endpoint.leased_by = at + schedule.LEASE, worker
    endpoint.save()
    attempt = DeliveryAttempt.objects.create(
        delivery=delivery,
        number=delivery.attempts.count() + 1,
        epoch=endpoint.epoch,
        worker=worker,
        started_at=at,
    )
    return Call(
        endpoint_id=endpoint.pk,
        delivery_id=delivery.pk,
        attempt_id=attempt.pk,
        epoch=endpoint.epoch,
        url=endpoint.url,
        message_id=delivery.message_id,
        body=delivery.body.encode(),
        context=delivery.event.context,
        sealed_secrets=endpoint.sealed_secrets_at(at),
        began_at=at,
    )


def _close_abandoned(endpoint: Endpoint, at: datetime) -> None:
    """The sender before this one has not been heard of within its lease: it may have sent."""
    if endpoint.lease_until is None:
        return
    endpoint.lease_until = None
    endpoint.epoch += 1
    endpoint.save()
    open_attempts = DeliveryAttempt.objects.filter(delivery__endpoint=endpoint, finished_at=None)
    for attempt in open_attempts.select_related("delivery"):
        _finish(attempt, attempt.delivery, Seen("worker-died"), at)


# --- Call ----------------------------------------------------------------------------------------


def _perform(made: Call) -> Seen:
    """The only line that leaves the house. Nothing that is raised may stop the schedule."""
    try:
        url = addresses.checked_url(made.url)
        headers = _headers(made)
        is_for_trials = addresses.is_for_trials(urlsplit(url))
        answer = call(
            "POST",
            url,
            headers=headers,
            content=made.body,
            seconds=TIMEOUT_S,
            accepts=None if is_for_trials else addresses.is_public,
            largest_answer=LARGEST_ANSWER,
        )
    except addresses.NotAllowed as refusal:
        return Seen("url-not-allowed", evidence=str(refusal))
    except sealing.Unreadable:
        return Seen("secret-unreadable")
    except CallFailed as failure:
        return Seen(_cause_of(failure), evidence=failure.evidence[:LONGEST_EVIDENCE])
    except Exception as error:
        log.exception("A webhook could not be sent")
        return Seen("unrecognised", evidence=masked(type(error).__name__))
    return read_answer(answer)


def _headers(made: Call) -> dict[str, str]:
    signed = signing.headers(
        [sealing.open_sealed(sealed) for sealed in made.sealed_secrets],
        message_id=made.message_id,
        timestamp=int(made.began_at.timestamp()),
        body=made.body,
    )
    told = {
        "traceparent": made.context.get("traceparent"),
        "x-request-id": made.context.get("request_id"),
    }
    carried = {name: value for name, value in told.items() if _fits_a_header(value)}
    return {
        **signed,
        **carried,
        "content-type": "application/json",
        "user-agent": f"ApprovalQueue/{settings.PRODUCT_VERSION}",
    }


def _fits_a_header(value: object) -> bool:
    return (
        isinstance(value, str) and 0 < len(value) < 200 and value.isascii() and value.isprintable()
    )


def _cause_of(failure: CallFailed) -> str:
    first = failure.__cause__ and failure.__cause__.__cause__
    if isinstance(first, ssl.SSLError) and failure.never_sent:
        return "certificate"
    return failure.cause if failure.cause in causes.CAUSES else "unrecognised"


def read_answer(answer: Answer) -> Seen:
    """What a whole answer means: only 2xx is delivered."""
    if 200 <= answer.status < 300:
        return Seen("", answer.status)
    return Seen(
        _cause_of_status(answer.status),
        answer.status,
        answer.said[:LONGEST_EVIDENCE],
        answer.retry_after_s,
    )


def _cause_of_status(status: int) -> str:
    if 300 <= status < 400:
        return "redirected"
    if status == 410:
        return "gone"
    return "throttled" if status in THROTTLING else "refused"


# --- Settle --------------------------------------------------------------------------------------


def _settle(made: Call, seen: Seen, *, at: datetime) -> None:
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().get(pk=made.endpoint_id)
        if endpoint.epoch != made.epoch:
            log.warning("A sender came too late: delivery %s", made.delivery_id)
            return
        attempt = DeliveryAttempt.objects.select_related("delivery").get(pk=made.attempt_id)
        _finish(attempt, attempt.delivery, seen, at)
        endpoint.lease_until = None
        if seen.cause:
            _count_failure(endpoint, seen, at)
        else:
            endpoint.forget_failures()
            endpoint.last_delivered_at = at
        endpoint.save()


def _finish(attempt: DeliveryAttempt, delivery: Delivery, seen: Seen, at: datetime) -> None:
    """Close the attempt, and say when the next is or that there is none."""
    attempt.finished_at, attempt.status = at, seen.status
    attempt.cause, attempt.evidence = seen.cause, seen.evidence
    attempt.save()
    delivery.tries += 1
    delivery.last_cause, delivery.last_status = seen.cause, seen.status
    delivery.next_at = None
    if not seen.cause:
        delivery.state, delivery.delivered_at = DeliveryState.DELIVERED, at
    elif seen.cause != "gone":
        delivery.next_at = schedule.next_try(
            at, tries=delivery.tries, draw=_draw(), speed=settings.WAITING_IS_DIVIDED_BY
        )
    if seen.cause and delivery.next_at is None:
        delivery.state = DeliveryState.FAILED
    delivery.save()


def _count_failure(endpoint: Endpoint, seen: Seen, at: datetime) -> None:
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or at
    endpoint.last_cause, endpoint.last_status = seen.cause, seen.status
    endpoint.quiet_until = schedule.quiet_until(
        at,
        failures=endpoint.failures,
        draw=_draw(),
        speed=settings.WAITING_IS_DIVIDED_BY,
        is_throttled=seen.cause == "throttled",
        asked_s=seen.retry_after_s,
    )
    speed = settings.WAITING_IS_DIVIDED_BY
    if seen.cause == "gone":
        host = urlsplit(endpoint.url).hostname or ""
        receiver = Actor(type="provider", id=endpoint.stream, label=host)
        _disable(endpoint, receiver, "The receiver answered 410: it wants no more webhooks.", at)
    elif schedule.is_given_up(endpoint.failing_since, at, speed=speed):
        _disable(endpoint, CLOCK, "Nothing but failures for 5 days.", at)


def _disable(endpoint: Endpoint, actor: Actor, reason: str, at: datetime) -> None:
    if endpoint.disabled_at is not None:
        return
    endpoint.disabled_at, endpoint.disabled_reason = at, reason
    commit(endpoint, "webhook.disable", actor=actor, at=at, reason=reason)


def _draw() -> float:
    return random.random()  # noqa: S311 - it only spreads tries apart
