"""What the tests of the pages read from an answer, and the forms they send."""

import re

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


def hidden(response, name: str) -> str:
    """The value of a hidden field of the page's form."""
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    assert found, f"The page has no {name}."
    return found[1]


def text(response) -> str:
    return response.content.decode()


def page_bytes(response) -> bytes:
    """What is sent, but for the form's token, drawn anew for each page, and the asked address."""
    own = rb'name="csrfmiddlewaretoken" value="\w+"|' + response.wsgi_request.path.encode()
    return re.sub(own, b"", response.content)


def decision(item, **changes) -> dict:
    return {
        "idempotency_key": "K",
        "revision": item.revision,
        "step": item.step,
        "reason": "",
        **changes,
    }


def queries_of(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


COMMON = {"customer": "A. Silva", "ticket": "ZD-1", "reason": "Lost.", "idempotency_key": "K"}


FORMS = {
    "refund": {
        "order": "O-1",
        "payment": "pi_1",
        "amount": "1,240.00",
        "currency": "EUR",
        "reason_code": "other",
    },
    "account_change": {"account": "acct_1", "change": "email", "to": "new@example.test"},
    "manual": {"title": "Call the bank", "instructions": "Ask for Ann."},
}


def form(kind: str = "refund", **changes: str) -> dict:
    return {**COMMON, **FORMS[kind], **changes}
