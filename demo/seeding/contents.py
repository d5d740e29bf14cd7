"""What sample requests ask for. Made from a draw and the number of the reference, so never twice."""

from collections.abc import Callable
from random import Random
from typing import Any

MARK = "SEED-"  # how the ticket of a sample request begins
LARGE_CUSTOMER = "Northwind Trading Ltd."  # the one with many requests
MOST_OF_LARGE = 10_000
_FIRST = (
    "Ana Jonas Chloé Oluwaseun Nikos Marta Yuki Wilhelmina Aïcha Mateo Ingrid Rahul Zofia Dmitri "
    "Fatima Lars Mei Tomás Siobhán Kwame Elif Giulia Hiroshi Noor Pavel Rosa Sven Thandiwe Ümit Vera"
)
_LAST = (
    "Silva Becker Martin Adeyemi Papadopoulos Kowalczyk Tanaka Oosterhout Haddad García Lindqvist "
    "Sharma Nowak Ivanov Rahman Sand Chen Novák O’Connor Mensah Yılmaz Rossi Sato Aziz Horák Santos "
    "Berg Dlamini Öztürk Petrova Weber Okafor Roy Vogel Markou Dubois Jensen Costa Fischer Moreau"
)
FIRST, LAST = _FIRST.split(), _LAST.split()
REFUND_REASONS = [
    ("lost_parcel", "Parcel lost, the carrier confirmed it."),
    ("damaged", "Arrived broken; photos are in the ticket."),
    ("goodwill", "Second delay in a month; agreed with the team lead."),
    ("duplicate", "Charged twice within a minute."),
    ("other", "The customer cancelled before the parcel left."),
]
CHANGES = ["payout_account", "payout_account", "email", "email", "limit", "close"]

Content = dict[str, Any]


def _refund(draw: Random, number: int) -> tuple[Content, str]:
    code, reason = draw.choice(REFUND_REASONS)
    amount = min(2_000_000, max(100, round(draw.lognormvariate(8.6, 1.2))))
    payload = {
        "order": f"S{number}",
        "payment": f"pi_seed{number}",
        "currency": "EUR",
        "reason_code": code,
        "amount": amount,
    }
    return payload, reason


def _account_change(draw: Random, number: int) -> tuple[Content, str]:
    change = draw.choice(CHANGES)
    to = {
        "payout_account": f"DE{draw.randrange(10, 99)} ..{draw.randrange(1000, 9999)}",
        "email": f"customer{number}@example.test",
        "limit": str(draw.randrange(1, 20) * 500),
    }
    payload = {"account": f"acct_seed{number}", "change": change}
    if change in to:
        payload["to"] = to[change]
    return payload, "Asked by phone, identity checked."


def _manual(draw: Random, number: int) -> tuple[Content, str]:
    payload = {
        "title": f"Post the VAT receipt for order S{number}",
        "instructions": "Print the receipt from the archive and post it to the billing address.",
    }
    return payload, "The customer needs it for their audit."


MAKERS: dict[str, Callable[[Random, int], tuple[Content, str]]] = {
    "refund": _refund,
    "account_change": _account_change,
    "manual": _manual,
}
HOW_OFTEN = {"refund": 70, "account_change": 25, "manual": 5}


def content(kind: str, draw: Random, number: int, *, large: float) -> Content:
    """Payload, customer, reason and ticket, as `submit` takes them checked.

    `large`: the share of the one customer with many requests, from 0 to 1.
    """
    payload, reason = MAKERS[kind](draw, number)
    name = f"{draw.choice(FIRST)} {draw.choice(LAST)}"
    return {
        "payload": payload,
        "customer": LARGE_CUSTOMER if draw.random() < large else name,
        "reason": reason,
        "ticket": f"{MARK}{number}",
    }
