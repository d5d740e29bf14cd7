"""The account service: a change has an address of its own, which makes a repeat harmless."""

import secrets
import time
from typing import Any

from .answers import Answer, Refused, error, utc
from .call import Call, fingerprint
from .ledger import Effect
from .provider import Provider, Service, Write

CHANGES = ("payout_account", "email", "close", "limit")

ACCOUNTS = Service(
    name="accounts",
    rejected=error(422, "account_number_rejected", "The bank does not know this account number."),
    in_progress=error(409, "in_progress", "This change is being applied.").with_header(
        "Retry-After", "1"
    ),
    key_reused=error(409, "conflict", "Another change was applied at this address."),
    stores_errors=False,
    of_another={"id": "another", "reference": "ch_of_another"},
)


def put_change(provider: Provider, call: Call, account: str, effect_id: str) -> Answer | None:
    _authenticate(call)
    asked = call.json_object()
    if asked.get("change") not in CHANGES:
        raise Refused(error(400, "unknown_change", f"change is one of {', '.join(CHANGES)}."))
    key = call.checked_key()

    def book(drawn: frozenset[str]) -> Answer:
        effect = Effect(
            kind="account_change",
            target=account,
            key=key,
            effect_id=effect_id,
            reference=f"ch_{secrets.token_hex(12)}",
            status="applied",
            faults=sorted(drawn),
            body=asked,
            created_at=time.time(),
        )
        provider.ledger.book(effect)
        return Answer(status=200, body=change_object(effect))

    write = Write(
        service=ACCOUNTS,
        target=account,
        slot=call.path,
        fingerprint=fingerprint(call, asked),
        book=book,
    )
    return provider.write(call, write)


def get_change(provider: Provider, call: Call, account: str, effect_id: str) -> Answer | None:
    _authenticate(call)

    def find() -> Answer:
        for effect in provider.ledger.effects(kind="account_change", target=account):
            if effect.effect_id == effect_id:
                return Answer(status=200, body=change_object(effect))
        return error(404, "not_found", "No change was applied at this address.")

    return provider.look_up(call, target=account, find=find)


def change_object(effect: Effect) -> dict[str, Any]:
    return {
        "id": effect.effect_id,
        "account": effect.target,
        "change": effect.body["change"],
        "status": effect.status,
        "reference": effect.reference,
        "applied_at": utc(effect.created_at),
    }


def _authenticate(call: Call) -> None:
    if not call.headers.get("Authorization", "").startswith("Bearer ") or not call.credential():
        raise Refused(error(401, "unauthenticated", "Send Authorization: Bearer SECRET."))
