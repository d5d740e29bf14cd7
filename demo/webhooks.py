"""Two receivers of webhooks: one that hears all, and one whose first URL was wrong.

The simulator is both of them. Where it listens is new at each start of the demo, so their URLs
follow it.
"""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings

from accounts.models import User
from demo.acting import let_it_settle
from webhooks import commands, fan_out, sending
from webhooks.models import DeliveryState, Endpoint

NOWHERE = "127.0.0.1:9"  # nobody listens there
REPORTS = {
    "name": "Monthly reports",
    "actions": [
        "request.expire",
        "request.report_late_failure",
        "request.send_back",
        "system.hold",
        "system.resume",
    ],
}


def url_of(receiver: str) -> str:
    return f"http://{settings.WEBHOOK_TEST_ADDRESSES[0]}/receivers/{receiver}"


def make_reports(*, by: User, at: datetime, key: str) -> Endpoint:
    """Made with a URL at which nobody listens."""
    url = f"http://{NOWHERE}/receivers/reports"
    made = commands.create_endpoint(**REPORTS, url=url, by=by, at=at, key=key)
    return Endpoint.objects.get(pk=made.answer.ref)


def correct_reports(endpoint: Endpoint, *, by: User, at: datetime, key: Callable[[], str]) -> None:
    commands.change_endpoint(
        endpoint_id=endpoint.pk, **REPORTS, url=url_of("reports"), by=by, at=at, key=key()
    )
    commands.send_test(endpoint_id=endpoint.pk, by=by, at=at, key=key())
    send(endpoint, until=at + timedelta(minutes=1))


def make_warehouse(*, by: User, at: datetime, key: str) -> None:
    commands.create_endpoint(
        name="Warehouse", url=url_of("warehouse"), queues=["refunds"], by=by, at=at, key=key
    )


def tell(endpoint: Endpoint, *, at: datetime, until: datetime) -> None:
    """What the worker did about what had happened by `at`, up to the moment `until`."""
    let_it_settle()
    fan_out.run(at=at, wake=_nobody_is_woken)
    send(endpoint, until=until)


def send(endpoint: Endpoint, *, until: datetime) -> None:
    while (due := _due(endpoint)) is not None and due < until:
        moment = itertools.chain([due], itertools.repeat(due + timedelta(seconds=0.3)))
        sending.run(endpoint.pk, wake=_nobody_is_woken, clock=lambda moment=moment: next(moment))


def follow_the_simulator(*, by: User, at: datetime) -> None:
    """At a later start it listens elsewhere."""
    for endpoint in Endpoint.objects.all():
        parts = urlsplit(endpoint.url)
        if parts.netloc in settings.WEBHOOK_TEST_ADDRESSES:
            continue
        commands.change_endpoint(
            endpoint_id=endpoint.pk,
            name=endpoint.name,
            url=url_of(parts.path.rsplit("/", 1)[-1]),
            actions=endpoint.actions,
            queues=list(endpoint.queues.values_list("slug", flat=True)),
            by=by,
            at=at,
            key=f"demo-{endpoint.pk}-{endpoint.version}",
        )


def _due(endpoint: Endpoint) -> datetime | None:
    endpoint.refresh_from_db()
    waiting = endpoint.deliveries.filter(state=DeliveryState.WAITING).order_by("next_at").first()
    if waiting is None:
        return None
    return max(waiting.next_at, endpoint.quiet_until or waiting.next_at)


def _nobody_is_woken(endpoint_id: int) -> None:
    """It is done at once."""
