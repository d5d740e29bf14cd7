"""The Stripe-shaped part: refunds and the payments that they belong to."""

import re
import secrets
import time
from typing import Any

from . import webhooks
from .answers import Answer, Refused, error
from .call import Call, fingerprint
from .ledger import Effect
from .provider import Provider, Service, Write
from .webhooks import Courier

PAYMENT = re.compile(r"(pi|ch|py)_[A-Za-z0-9_]{1,80}", re.ASCII)
SIZE_IN_ID = re.compile(r"_([1-9][0-9]{0,11})_([a-z]{3})$", re.ASCII)
DEFAULT_SIZE = (1_000_000, "eur")
PAYMENTS_CREATED = 1_735_689_600  # payments are not stored, so all of them are of one moment

PARAMETERS = {"payment_intent", "charge", "amount", "currency", "reason"}
LIST_PARAMETERS = {"payment_intent", "charge", "limit", "starting_after"}
METADATA = re.compile(r"metadata\[([^\[\]]{1,40})\]")
EXPAND = re.compile(r"expand\[[0-9]*\]")
REASONS = ("duplicate", "fraudulent", "requested_by_customer")

STRIPE = Service(
    name="stripe",
    rejected=error(
        400, "charge_disputed", "The charge has been charged back; it cannot be refunded."
    ),
    in_progress=error(
        409,
        "idempotency_key_in_use",
        "There is currently another in-progress request using this Idempotent Key.",
    ),
    key_reused=error(
        400,
        None,
        "Keys for idempotent requests can only be used with the same parameters they were"
        " first used with.",
        type="idempotency_error",
    ),
    stores_errors=True,
    of_another={
        "id": "re_of_another",
        "metadata": {"approval_queue_effect_id": "another"},
    },
)


def create_refund(provider: Provider, call: Call) -> Answer | None:
    _authenticate(call)
    parameters = call.form()
    asked = _checked(parameters)
    key = call.checked_key()

    def book(drawn: frozenset[str]) -> Answer:
        return _book(provider, asked, key=key, drawn=drawn)

    write = Write(
        service=STRIPE,
        target=_target(asked),
        slot=key,
        fingerprint=fingerprint(call, parameters),
        book=book,
        tell=lambda answer: tell(provider, answer.body["id"]),
    )
    return provider.write(call, write)


def tell(provider: Provider, reference: str) -> None:
    """Webhooks of a new refund: of what it is now, and of what becomes of it."""
    effect = provider.ledger.effect_by_reference(reference)
    if provider.courier is None or effect is None:
        return
    _tell(provider.courier, effect, effect.created_at, "refund.created", "refund.updated")
    _tell_what_is_to_come(provider.courier, effect)


def tell_what_is_to_come(provider: Provider) -> None:
    """After a restart: of what earlier refunds will become."""
    if provider.courier is not None:
        for effect in provider.ledger.effects(kind="refund"):
            _tell_what_is_to_come(provider.courier, effect)


def _tell_what_is_to_come(courier: Courier, effect: Effect) -> None:
    now = time.time()
    if effect.succeeds_at is not None and effect.succeeds_at > now:
        _tell(courier, effect, effect.succeeds_at, "refund.updated")
    if effect.fails_at is not None and effect.fails_at > now:
        _tell(courier, effect, effect.fails_at, "refund.updated", "refund.failed")


def _tell(courier: Courier, effect: Effect, at: float, *kinds: str) -> None:
    refund = refund_object(effect, at=at)
    events = [webhooks.event(kind, refund, key=effect.key, at=at) for kind in kinds]
    courier.tell(events, at=at, again="duplicate_webhook" in effect.faults)


def list_refunds(provider: Provider, call: Call) -> Answer | None:
    """Newest first, in pages, as Stripe does."""
    _authenticate(call)
    query = call.query_parameters()
    _refuse_unknown(query, LIST_PARAMETERS)
    limit = _integer(query.get("limit", "10"), "limit", largest=100)
    target = query.get("payment_intent") or query.get("charge")

    def find() -> Answer:
        newest_first = provider.ledger.effects(kind="refund", target=target)[::-1]
        page = _after(newest_first, query.get("starting_after"))
        refunds = [refund_object(effect) for effect in page[:limit]]
        body = {"object": "list", "url": "/v1/refunds", "has_more": len(page) > limit}
        return Answer(status=200, body={**body, "data": refunds})

    return provider.look_up(call, target=target, find=find)


def get_refund(provider: Provider, call: Call, refund: str) -> Answer | None:
    _authenticate(call)
    effect = provider.ledger.effect_by_reference(refund)
    is_refund = effect is not None and effect.kind == "refund"

    def find() -> Answer:
        if not is_refund:
            return error(404, "resource_missing", f"No such refund: '{refund}'", param="id")
        return Answer(status=200, body=refund_object(effect))

    return provider.look_up(call, target=effect.target if is_refund else None, find=find)


def get_payment_intent(provider: Provider, call: Call, payment: str) -> Answer | None:
    _authenticate(call)

    def find() -> Answer:
        if not (PAYMENT.fullmatch(payment) and payment.startswith("pi_")):
            message = f"No such payment_intent: '{payment}'"
            return error(404, "resource_missing", message, param="intent")
        return Answer(status=200, body=_payment_intent(payment))

    return provider.look_up(call, target=payment, find=find)


def refund_object(effect: Effect, *, at: float | None = None) -> dict[str, Any]:
    """As it is at that moment; now unless told."""
    status = effect.status_at(time.time() if at is None else at)
    refund = {
        "id": effect.reference,
        "object": "refund",
        "amount": effect.amount,
        "balance_transaction": None,
        "charge": effect.body.get("charge"),
        "created": int(effect.created_at),
        "currency": effect.currency,
        "metadata": effect.body["metadata"],
        "payment_intent": effect.body.get("payment_intent"),
        "reason": effect.body.get("reason"),
        "receipt_number": None,
        "status": status,
    }
    if status == "failed":
        refund["failure_reason"] = "expired_or_canceled_card"
    return refund


def payment_size(payment: str) -> tuple[int, str]:
    """Amount in minor units and currency: `pi_88120_131000_eur` says its own."""
    match = SIZE_IN_ID.search(payment)
    return (int(match[1]), match[2]) if match else DEFAULT_SIZE


def _payment_intent(payment: str) -> dict[str, Any]:
    amount, currency = payment_size(payment)
    return {
        "id": payment,
        "object": "payment_intent",
        "amount": amount,
        "amount_received": amount,
        "created": PAYMENTS_CREATED,
        "currency": currency,
        "metadata": {},
        "status": "succeeded",
    }


def _book(
    provider: Provider, asked: dict[str, Any], *, key: str | None, drawn: frozenset[str]
) -> Answer:
    payment = _target(asked)
    size, currency = payment_size(payment)
    earlier = provider.ledger.effects(kind="refund", target=payment)
    left = size - sum(effect.amount for effect in earlier if effect.status_now != "failed")
    amount = asked.get("amount", left)
    if left <= 0:
        return error(400, "charge_already_refunded", f"Payment {payment} has been refunded.")
    if amount > left:
        message = f"Refund amount ({amount}) is greater than what is left ({left})."
        return error(400, "amount_too_large", message, param="amount")
    now = time.time()
    waits = [name for name in ("requires_action", "pending") if name in drawn]
    status = waits[0] if waits else "succeeded"
    effect = Effect(
        kind="refund",
        target=payment,
        key=key,
        effect_id=asked["metadata"].get("approval_queue_effect_id"),
        reference=f"re_{secrets.token_hex(12)}",
        amount=amount,
        currency=currency,
        status=status,
        fails_at=now + provider.durations.fail_later_seconds if "fail_later" in drawn else None,
        succeeds_at=None if status == "succeeded" else now + provider.durations.pending_seconds,
        faults=sorted(drawn),
        body=asked,
        created_at=now,
    )
    provider.ledger.book(effect)
    # The answer is the one of its first moment, whatever becomes of it at once.
    return Answer(status=200, body={**refund_object(effect), "status": effect.status})


def _authenticate(call: Call) -> None:
    if not call.credential():
        raise Refused(error(401, None, "You did not provide a valid API key."))


def _checked(parameters: dict[str, str]) -> dict[str, Any]:
    """What is asked for, with numbers as numbers; Refused when Stripe would not understand."""
    plain = {name: value for name, value in parameters.items() if not METADATA.fullmatch(name)}
    _refuse_unknown(plain, PARAMETERS)
    asked: dict[str, Any] = {name: plain[name] for name in sorted(PARAMETERS & plain.keys())}
    _check_payment(asked)
    if "amount" in asked:
        asked["amount"] = _integer(asked["amount"], "amount", largest=10**12)
    if asked.get("reason", REASONS[0]) not in REASONS:
        raise Refused(error(400, None, f"Reason is one of {', '.join(REASONS)}.", param="reason"))
    asked["metadata"] = {
        METADATA.fullmatch(name)[1]: value
        for name, value in parameters.items()
        if name not in plain
    }
    return asked


def _check_payment(asked: dict[str, Any]) -> None:
    given = [name for name in ("payment_intent", "charge") if name in asked]
    if len(given) != 1:
        message = "Give either payment_intent or charge."
        raise Refused(error(400, "parameter_missing", message, param="payment_intent"))
    payment = asked[given[0]]
    is_intent = payment.startswith("pi_")
    if not PAYMENT.fullmatch(payment) or is_intent != (given[0] == "payment_intent"):
        message = f"No such {given[0]}: '{payment}'"
        raise Refused(error(400, "resource_missing", message, param=given[0]))
    currency = payment_size(payment)[1]
    if asked.get("currency", currency).lower() != currency:
        message = f"The payment is in {currency}, not in {asked['currency']}."
        raise Refused(error(400, "parameter_invalid", message, param="currency"))


def _refuse_unknown(parameters: dict[str, str], known: set[str]) -> None:
    for name in parameters:
        if name not in known and not EXPAND.fullmatch(name):
            message = f"Received unknown parameter: {name}"
            raise Refused(error(400, "parameter_unknown", message, param=name))


def _integer(text: str, name: str, *, largest: int) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= 13
    if not is_number or not 1 <= int(text) <= largest:
        message = f"{name} must be an integer from 1 to {largest}."
        raise Refused(error(400, "parameter_invalid_integer", message, param=name))
    return int(text)


def _target(asked: dict[str, Any]) -> str:
    return asked.get("payment_intent") or asked["charge"]


def _after(effects: list[Effect], reference: str | None) -> list[Effect]:
    if reference is None:
        return effects
    for position, effect in enumerate(effects):
        if effect.reference == reference:
            return effects[position + 1 :]
    message = f"No such refund: '{reference}'"
    raise Refused(error(400, "resource_missing", message, param="starting_after"))
