"""The simulator's own pages, for demo and tests: health, ledger, faults."""

from typing import Any

from .answers import Answer, Refused, error, utc
from .call import Call
from .faults import BadFault
from .ledger import Effect
from .provider import Provider


def get_health(provider: Provider, call: Call) -> Answer:
    return Answer(status=200, body={"status": "ok"})


def get_ledger(provider: Provider, call: Call) -> Answer:
    body: dict[str, Any] = {
        "effects": [_effect_row(effect) for effect in provider.ledger.effects()],
        "calls_count": provider.ledger.calls_count(),
    }
    if call.query_parameters().get("calls") == "1":
        body["calls"] = [_call_row(row) for row in provider.ledger.calls()]
    return Answer(status=200, body=body)


def get_faults(provider: Provider, call: Call) -> Answer:
    return Answer(status=200, body=provider.faults.table())


def set_faults(provider: Provider, call: Call) -> Answer:
    """Changes the faults that are named and leaves the others."""
    try:
        provider.faults.set(call.json_object())
    except BadFault as refusal:
        raise Refused(error(400, "bad_fault", str(refusal))) from None
    return get_faults(provider, call)


def clear_faults(provider: Provider, call: Call) -> Answer:
    provider.faults.clear()
    return get_faults(provider, call)


def _effect_row(effect: Effect) -> dict[str, Any]:
    return {
        "id": effect.id,
        "kind": effect.kind,
        "target": effect.target,
        "key": effect.key,
        "effect_id": effect.effect_id,
        "reference": effect.reference,
        "amount": effect.amount,
        "currency": effect.currency,
        "status": effect.status_now,
        "faults": effect.faults,
        "body": effect.body,
        "created_at": utc(effect.created_at),
    }


def _call_row(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "received_at": utc(row["received_at"])}
