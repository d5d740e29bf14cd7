"""What a provider's webhook causes: nothing but a question to the provider, now or before sending.

There is no person and no key here, so it is not written on the frame of the other commands. What
repeats is recognised by the provider's own id of the event, in the transaction of its consequence.
"""

import logging
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from approvals import jobs
from approvals.kinds.refund import Refund
from approvals.kinds.stripe_webhook import SYSTEM, Hint
from approvals.models import ApprovalRequest, Effect, ProviderEvent, State
from audit.models import Outcome
from audit.recorder import Actor, Target, record

STREAM = f"provider/{SYSTEM}"
ACTION = "provider.event"
STRIPE = Actor(type="provider", id=SYSTEM, label=Refund.system, auth_method="signature")
BEFORE_SENDING = (State.APPROVED, State.EXECUTING, State.RETRYING)
NOW = (State.IN_DOUBT, State.NEEDS_PERSON, State.DONE)
log = logging.getLogger("approvals.hear")


class Heard(StrEnum):
    NOT_OURS = "not about one of our requests"
    REPEATED = "heard before"
    ASKS_FIRST = "the provider is asked before anything is sent"
    KNOWN = "this very refund is known, so nothing is asked"
    ASKS_NOW = "the provider is asked now"
    UNEXPECTED = "nothing can have been sent, so nothing is asked"


def hear(hint: Hint, *, at: datetime) -> Heard:
    """The hint's consequence, its event and its id are written together, once for each id."""
    item_id = _whose(hint)
    if item_id is None:
        return Heard.NOT_OURS
    with transaction.atomic():
        _, is_new = ProviderEvent.objects.get_or_create(
            system=SYSTEM,
            event_id=hint.event_id,
            defaults={"type": hint.type, "item_id": item_id, "received_at": at},
        )
        if not is_new:
            return Heard.REPEATED
        item = ApprovalRequest.objects.select_for_update().get(pk=item_id)
        effect = Effect.objects.select_for_update().get(item_id=item_id)
        heard = _take(hint, item, effect, at=at)
        _record(item, hint, heard, at=at)
    return heard


def _whose(hint: Hint) -> int | None:
    """The request whose effect it is about: by our mark, or without one by Stripe's number."""
    effects = Effect.objects.filter(item__kind=Refund.slug)
    if hint.mark:
        effects = effects.filter(key=hint.mark)
    elif hint.reference:
        effects = effects.filter(provider_reference=hint.reference)
    else:
        return None
    return effects.values_list("item_id", flat=True).first()


def _take(hint: Hint, item: ApprovalRequest, effect: Effect, *, at: datetime) -> Heard:
    if item.state in BEFORE_SENDING:
        effect.ask_first = True
        effect.save(update_fields=["ask_first"])
        return Heard.ASKS_FIRST
    if item.state == State.DONE and _is_known(hint, effect):
        return Heard.KNOWN
    if item.state in NOW:
        effect.next_question_at = at
        effect.save(update_fields=["next_question_at"])
        jobs.wake(item.pk, at, item.kind)
        return Heard.ASKS_NOW
    log.error("Stripe tells of a refund for %s, which is %s", item.ref, item.state)
    return Heard.UNEXPECTED


def _is_known(hint: Hint, effect: Effect) -> bool:
    """Every refund that is done is told as created a moment later; another one would be news."""
    return hint.type == "refund.created" and hint.reference == effect.provider_reference


def _record(item: ApprovalRequest, hint: Hint, heard: Heard, *, at: datetime) -> None:
    """In the provider's own stream: hearing of a request doesn't change its version."""
    is_expected = heard is not Heard.UNEXPECTED
    record(
        stream=STREAM,
        action=ACTION,
        actor=STRIPE,
        target=Target(type="request", id=item.ref),
        at=at,
        outcome=Outcome.SUCCESS if is_expected else Outcome.DENIED,
        reason_code="" if is_expected else "unexpected",
        facts={
            "event": hint.event_id,
            "type": hint.type,
            "state": item.state,
            "consequence": heard.value,
        },
    )
