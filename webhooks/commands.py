"""What administrators do with webhooks. Each is one transaction with its event and its answer.

Commands are keyword-only and raise a `Refusal`. A secret is in no answer that is kept and in no
event; who makes or rotates an endpoint gets it once, from the call itself.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from accounts.access import Access
from accounts.models import User
from approvals.commands.frame import Answer, required
from approvals.commands.managed import Changed, managed
from approvals.models import Queue
from approvals.refusals import Invalid, NotFound, TransitionNotAllowed
from approvals.wording import visible
from audit import feed
from audit.recorder import Actor
from webhooks import addresses, jobs, payload, schedule, sealing, signing
from webhooks.changes import commit, tell
from webhooks.fan_out import begun
from webhooks.models import Delivery, DeliveryState, Endpoint
from webhooks.rules import may_manage

LONGEST_NAME = 60
MOST_ENDPOINTS = 50
MOST_REPLAYED = 1000


@dataclass(frozen=True)
class WithSecret:
    """`secret` is "" for a repeated command: it was shown the first time."""

    answer: Answer
    secret: str = ""


@dataclass
class Running:
    """One command under way: who asks, and when."""

    actor: Actor
    at: datetime
    key: str

    def locked(self, endpoint_id: int) -> Endpoint:
        endpoint = Endpoint.objects.select_for_update().filter(pk=endpoint_id).first()
        if endpoint is None:
            raise NotFound(str(endpoint_id))
        return endpoint

    def commit(self, endpoint: Endpoint, action: str, **said: Any) -> Any:
        return commit(endpoint, action, actor=self.actor, at=self.at, key=self.key, **said)


def create_endpoint(
    *,
    by: User,
    at: datetime,
    key: str,
    name: str,
    url: str,
    actions: Sequence[str] = (),
    queues: Sequence[str] = (),
) -> WithSecret:
    """A receiver of what happens from now on. `actions` and `queues` (slugs): none means all."""
    secret = signing.new_secret()

    def act(running: Running) -> tuple[Endpoint, str]:
        if Endpoint.objects.count() >= MOST_ENDPOINTS:
            raise Invalid({"name": f"There can be at most {MOST_ENDPOINTS} endpoints."})
        endpoint = Endpoint(secret=sealing.seal(secret), created_at=at, place=feed.newest())
        chosen = _fill(endpoint, name=name, url=url, actions=actions, queues=queues)
        endpoint.save()
        endpoint.queues.set(chosen)
        facts = {"name": endpoint.name, **_subscription(endpoint)}
        tell(endpoint, "webhook.create", actor=running.actor, at=at, facts=facts, key=running.key)
        return endpoint, f"{endpoint.name} is told of what happens from now on."

    arguments = {"name": name, "url": url, "actions": list(actions), "queues": list(queues)}
    answer = _managed("create", "new", act, by=by, at=at, key=key, arguments=arguments)
    return WithSecret(answer, "" if answer.is_replay else secret)


def change_endpoint(
    *,
    endpoint_id: int,
    by: User,
    at: datetime,
    key: str,
    name: str,
    url: str,
    actions: Sequence[str] = (),
    queues: Sequence[str] = (),
) -> Answer:
    """Where it is, and what it is told. What waits for it goes to the new URL, which begins without
    the failures of the old one."""

    def act(running: Running) -> tuple[Endpoint, str]:
        endpoint = running.locked(endpoint_id)
        before = {"name": endpoint.name, **_subscription(endpoint)}
        chosen = _fill(endpoint, name=name, url=url, actions=actions, queues=queues)
        endpoint.queues.set(chosen)
        after = {"name": endpoint.name, **_subscription(endpoint)}
        changes = [
            {"field": field, "before": before[field], "after": after[field]}
            for field in before
            if before[field] != after[field]
        ]
        if not changes:
            return endpoint, f"{endpoint.name} is as it was."
        if before["url"] != after["url"]:
            endpoint.forget_failures()
        running.commit(endpoint, "webhook.change", changes=changes)
        return endpoint, f"{endpoint.name} is changed."

    arguments = {"name": name, "url": url, "actions": list(actions), "queues": list(queues)}
    return _managed("change", endpoint_id, act, by=by, at=at, key=key, arguments=arguments)


def rotate_secret(*, endpoint_id: int, by: User, at: datetime, key: str) -> WithSecret:
    """A new secret; for 24 hours what is sent carries signatures of both."""
    secret = signing.new_secret()

    def act(running: Running) -> tuple[Endpoint, str]:
        endpoint = running.locked(endpoint_id)
        endpoint.old_secret = endpoint.secret
        endpoint.old_secret_until = schedule.old_secret_until(at)
        endpoint.secret = sealing.seal(secret)
        running.commit(endpoint, "webhook.rotate")
        return endpoint, f"{endpoint.name} has a new secret. The old one signs for 24 hours more."

    answer = _managed("rotate", endpoint_id, act, by=by, at=at, key=key)
    return WithSecret(answer, "" if answer.is_replay else secret)


def disable_endpoint(*, endpoint_id: int, by: User, at: datetime, key: str, reason: str) -> Answer:
    """Send nothing more to it. Its place is kept."""

    def act(running: Running) -> tuple[Endpoint, str]:
        endpoint = running.locked(endpoint_id)
        if endpoint.disabled_at is not None:
            raise TransitionNotAllowed(f"{endpoint.name} is disabled already.")
        why = required("reason", reason, "Say why you disable it.", longest=300)
        endpoint.disabled_at, endpoint.disabled_reason = at, why
        running.commit(endpoint, "webhook.disable", reason=why)
        return endpoint, f"{endpoint.name} is disabled. Nothing is sent to it."

    return _managed(
        "disable", endpoint_id, act, by=by, at=at, key=key, arguments={"reason": reason}
    )


def enable_endpoint(*, endpoint_id: int, by: User, at: datetime, key: str) -> Answer:
    """Send to it again, from the place where it was disabled: nothing is left out."""

    def act(running: Running) -> tuple[Endpoint, str]:
        endpoint = running.locked(endpoint_id)
        if endpoint.disabled_at is None:
            raise TransitionNotAllowed(f"{endpoint.name} is enabled already.")
        endpoint.disabled_at, endpoint.disabled_reason = None, ""
        endpoint.forget_failures()
        running.commit(endpoint, "webhook.enable")
        jobs.wake(endpoint.pk)
        return endpoint, f"{endpoint.name} is enabled. What it missed is sent now."

    return _managed("enable", endpoint_id, act, by=by, at=at, key=key)


def send_test(*, endpoint_id: int, by: User, at: datetime, key: str) -> Answer:
    """One event that says nothing, to see whether it arrives."""

    def act(running: Running) -> tuple[Endpoint, str]:
        endpoint = running.locked(endpoint_id)
        _check_enabled(endpoint)
        event = running.commit(endpoint, payload.TEST)
        begun(endpoint, event, None, at).save()
        jobs.wake(endpoint.pk)
        return endpoint, "A test event is on its way. It is the newest delivery below."

    return _managed("test", endpoint_id, act, by=by, at=at, key=key)


def replay_delivery(
    *, endpoint_id: int, delivery_id: int, by: User, at: datetime, key: str
) -> Answer:
    """Begin one delivery anew, under its own id."""

    def act(running: Running) -> tuple[Endpoint, str]:
        endpoint = running.locked(endpoint_id)
        _check_enabled(endpoint)
        mine = endpoint.deliveries.filter(pk=delivery_id)
        if not mine.exists():
            raise NotFound(str(delivery_id))
        if mine.filter(state=DeliveryState.WAITING).exists():
            raise TransitionNotAllowed("This delivery is being tried already.")
        return endpoint, _replay(running, endpoint, [delivery_id])

    arguments = {"delivery": delivery_id}
    return _managed("replay", endpoint_id, act, by=by, at=at, key=key, arguments=arguments)


def replay_failed(*, endpoint_id: int, by: User, at: datetime, key: str) -> Answer:
    """Begin anew all that failed, oldest first, at most 1,000 at a time."""

    def act(running: Running) -> tuple[Endpoint, str]:
        endpoint = running.locked(endpoint_id)
        _check_enabled(endpoint)
        failed = endpoint.deliveries.filter(state=DeliveryState.FAILED).order_by("pk")
        some = list(failed.values_list("pk", flat=True)[:MOST_REPLAYED])
        if not some:
            raise TransitionNotAllowed("No delivery has failed.")
        return endpoint, _replay(running, endpoint, some)

    return _managed("replay", endpoint_id, act, by=by, at=at, key=key, arguments={"all": True})


# --- Shared --------------------------------------------------------------------------------------


def _managed(
    verb: str,
    target: int | str,
    act: Callable[[Running], tuple[Endpoint, str]],
    *,
    by: User,
    at: datetime,
    key: str,
    arguments: dict[str, Any] | None = None,
) -> Answer:
    """For administrators; for everybody else there is no endpoint."""

    def check(person: Access) -> None:
        if not may_manage(by):
            raise NotFound(str(target))

    def change(person: Access) -> Changed:
        endpoint, sentence = act(Running(person.actor, at, key))
        return Changed(endpoint.pk, endpoint.version, sentence)

    return managed(
        verb,
        target,
        change,
        about="webhook",
        by=by,
        at=at,
        key=key,
        arguments=arguments,
        check=check,
    )


def _fill(
    endpoint: Endpoint, *, name: str, url: str, actions: Sequence[str], queues: Sequence[str]
) -> list[Queue]:
    """Put in what was typed; the queues that were chosen. Raises `Invalid`."""
    name = required("name", name, "Enter a name.", longest=LONGEST_NAME)
    if visible(name) != name:
        raise Invalid({"name": "The name holds invisible characters."})
    try:
        endpoint.url = addresses.checked_url(url.strip())
    except addresses.NotAllowed as refusal:
        raise Invalid({"url": str(refusal)}) from refusal
    if unknown := set(actions) - set(payload.ACTIONS):
        raise Invalid({"actions": f"There is no type {sorted(unknown)[0][:60]}."})
    chosen = list(Queue.objects.filter(slug__in=queues))
    if len(chosen) != len(set(queues)):
        raise Invalid({"queues": "One of these queues does not exist."})
    endpoint.name, endpoint.actions = name, sorted(set(actions))
    return chosen


def _subscription(endpoint: Endpoint) -> dict[str, str]:
    """For events. A URL may carry a password in its path: told are its host and a mark of it."""
    mark = hashlib.sha256(endpoint.url.encode()).hexdigest()[:12]
    queues = endpoint.queues.order_by("slug").values_list("slug", flat=True)
    return {
        "url": f"{urlsplit(endpoint.url).hostname} ({mark})",
        "actions": ", ".join(endpoint.actions) or "all",
        "queues": ", ".join(queues) or "all",
    }


def _check_enabled(endpoint: Endpoint) -> None:
    if endpoint.disabled_at is not None:
        raise TransitionNotAllowed(f"{endpoint.name} is disabled. Enable it first.")


def _replay(running: Running, endpoint: Endpoint, delivery_ids: list[int]) -> str:
    Delivery.objects.filter(pk__in=delivery_ids).update(
        state=DeliveryState.WAITING, tries=0, next_at=running.at, delivered_at=None
    )
    running.commit(endpoint, "webhook.replay", facts={"deliveries": len(delivery_ids)})
    jobs.wake(endpoint.pk)
    many = len(delivery_ids) != 1
    return f"{len(delivery_ids)} deliver{'ies are' if many else 'y is'} tried again now."
