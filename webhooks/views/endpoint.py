"""One endpoint: how it does, what it is told, its secret once, and the log of deliveries."""

from datetime import datetime
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from approvals.paging import BadCursor
from approvals.views.frame import new_key, with_query
from approvals.wording import visible
from audit import timeline
from audit.models import Event
from webhooks import queries, sealing
from webhooks.commands import WithSecret
from webhooks.models import DeliveryState, Endpoint
from webhooks.views import frame

SECRET_IN_SESSION = "webhook_secret"  # noqa: S105 - the name of a place
LONGEST_HISTORY = 20
SENTENCES = {
    "webhook.create": "Created",
    "webhook.change": "Changed",
    "webhook.rotate": "Secret rotated",
    "webhook.disable": "Disabled",
    "webhook.enable": "Enabled",
    "webhook.test": "Test event sent",
    "webhook.replay": "Deliveries replayed: {deliveries}",
}
VIEWS = {"": "All", **{state.value: state.label for state in DeliveryState}}


@require_GET
def endpoint(request: HttpRequest, pk: int) -> HttpResponse:
    shown = frame.found(request, pk)
    state = request.GET.get("state", "")
    state = state if state in VIEWS else ""
    try:
        page = queries.log_page(shown, state=state, cursor=request.GET.get("cursor", ""))
    except BadCursor as error:
        return render(request, "400.html", {"sentence": str(error)}, status=400)
    now, counted = timezone.now(), queries.counts(shown)
    context = {
        "name": visible(shown.name),
        "status": frame.status(shown, now),
        "sentence": frame.sentence(shown, now),
        "since": shown.disabled_at or shown.failing_since,
        "next_at": shown.quiet_until if shown.disabled_at is None and shown.failures else None,
        "old_secret_until": shown.old_secret_until if _signs_twice(shown, now) else None,
        "facts": _facts(shown),
        "actions": _actions(shown),
        "replay": _replay_failed(shown, counted.get(DeliveryState.FAILED, 0)),
        "secret": _secret_to_show(request, shown),
        "tabs": _tabs(shown, counted, state),
        "deliveries": [frame.described_delivery(delivery, shown) for delivery in page.items],
        "history": [_entry(event) for event in timeline.of_stream(shown.stream)[:LONGEST_HISTORY]],
        "empty": {"sentence": _nothing(state)},
        "first_url": with_query(request, cursor=None) if "cursor" in request.GET else "",
        "next_url": with_query(request, cursor=page.next_cursor) if page.next_cursor else "",
    }
    return render(request, "webhooks/endpoint.html", context)


# --- The secret, once ------------------------------------------------------------------------------


def keep_for_the_next_page(request: HttpRequest, made: WithSecret) -> None:
    """Sealed, in the session of who made it, until the page that follows shows it."""
    if made.secret:
        request.session[SECRET_IN_SESSION] = [made.answer.ref, sealing.seal(made.secret)]


def _secret_to_show(request: HttpRequest, endpoint: Endpoint) -> str:
    kept = request.session.get(SECRET_IN_SESSION)
    if not kept or kept[0] != str(endpoint.pk):
        return ""
    del request.session[SECRET_IN_SESSION]
    return sealing.open_sealed(kept[1])


# --- What is shown -----------------------------------------------------------------------------


def host_of(endpoint: Endpoint) -> str:
    return urlsplit(endpoint.url).netloc


def _signs_twice(endpoint: Endpoint, now: datetime) -> bool:
    return endpoint.old_secret_until is not None and endpoint.old_secret_until > now


def _facts(endpoint: Endpoint) -> list[dict]:
    queues = ", ".join(visible(queue.name) for queue in endpoint.queues.all())
    return [
        {"label": "URL", "value": endpoint.url},
        {"label": "Types", "value": ", ".join(endpoint.actions) or "All"},
        {"label": "Queues", "value": queues or "All"},
    ]


def _actions(endpoint: Endpoint) -> list[dict]:
    base = frame.url_of(endpoint.pk)
    if endpoint.disabled_at is not None:
        return [
            _button("Enable", f"{base}enable/", tone="primary", method="post"),
            _button("Change…", f"{base}edit/"),
            _button("Rotate secret…", f"{base}rotate/"),
        ]
    return [
        _button("Send a test event", f"{base}test/", tone="primary", method="post"),
        _button("Change…", f"{base}edit/"),
        _button("Rotate secret…", f"{base}rotate/"),
        _button("Disable…", f"{base}disable/", tone="danger"),
    ]


def _replay_failed(endpoint: Endpoint, failed: int) -> dict | None:
    if not failed or endpoint.disabled_at is not None:
        return None
    label = f"Replay all {failed:,} failed…" if failed > 1 else "Replay failed…"
    return _button(label, f"{frame.url_of(endpoint.pk)}replay/")


def _button(label: str, url: str, *, tone: str = "default", method: str = "get") -> dict:
    key = new_key() if method == "post" else ""
    return {"label": label, "url": url, "tone": tone, "method": method, "key": key}


def _tabs(endpoint: Endpoint, counted: dict[str, int], current: str) -> list[dict]:
    return [
        {
            "label": label,
            "url": f"{frame.url_of(endpoint.pk)}?state={state}" if state else "?",
            "count": counted.get(state, 0) if state else sum(counted.values()),
            "current": state == current,
        }
        for state, label in VIEWS.items()
    ]


def _nothing(state: str) -> str:
    return {
        DeliveryState.WAITING: "No delivery waits.",
        DeliveryState.DELIVERED: "Nothing arrived in the last 30 days.",
        DeliveryState.FAILED: "No delivery has failed.",
    }.get(state, "Nothing was sent yet. It is told of what happens from now on.")


def _entry(event: Event) -> dict:
    return {
        "at": event.occurred_at,
        "sentence": SENTENCES[event.action].format_map(event.facts),
        "actor": visible(event.actor_label),
        "detail": visible(event.reason),
        "changes": [
            {name: visible(str(value)) for name, value in change.items()}
            for change in event.changes
        ],
    }
