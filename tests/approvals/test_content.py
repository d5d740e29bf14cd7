"""One hash for what is approved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.content import content_hash, hash_of, normalised
from approvals.models import ApprovalRequest

CONTENT = {
    "kind": "refund",
    "queue_id": 1,
    "payload": {"order": "O-1", "amount": 8800},
    "amount": 8800,
    "currency": "EUR",
    "customer": "A. Silva",
    "reason": "Lost.",
}


def test_the_hash_has_64_hexadecimal_digits():
    assert len(bytes.fromhex(content_hash(**CONTENT))) == 32


def test_the_hash_never_changes_between_versions_of_the_product():
    """Stored decisions carry it: another way of hashing would void every approval."""
    assert content_hash(**CONTENT) == content_hash(**CONTENT)
    canonical = (
        b'{"amount":8800,"currency":"EUR","customer":"A. Silva","kind":"refund",'
        b'"payload":{"amount":8800,"order":"O-1"},"queue":1,"reason":"Lost."}'
    )
    import hashlib

    assert content_hash(**CONTENT) == hashlib.sha256(canonical).hexdigest()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "manual"),
        ("queue_id", 2),
        ("payload", {"order": "O-1", "amount": 8801}),
        ("payload", {"order": "O-1", "amount": 8800, "to": ""}),
        ("amount", 8801),
        ("amount", None),
        ("currency", "USD"),
        ("customer", "A. Silva "),
        ("reason", "Lost"),
    ],
)
def test_any_other_content_has_another_hash(field, value):
    assert content_hash(**{**CONTENT, field: value}) != content_hash(**CONTENT)


def test_the_order_of_fields_does_not_matter():
    turned = {**CONTENT, "payload": dict(reversed(CONTENT["payload"].items()))}
    assert content_hash(**turned) == content_hash(**CONTENT)


@given(payload=st.dictionaries(st.text(), st.text() | st.integers(-(2**53) + 1, 2**53 - 1)))
def test_any_payload_can_be_hashed(payload):
    assert content_hash(**{**CONTENT, "payload": payload})


def test_what_stands_in_the_row_has_the_hash_that_was_stored(cast):
    item = cast.ask()
    assert hash_of(ApprovalRequest.objects.get(pk=item.pk)) == item.content_hash


def test_text_is_normalised_deep_inside():
    assert normalised({"a": {"b": "e\u0301"}, "n": 1}) == {"a": {"b": "\u00e9"}, "n": 1}


@given(text=st.text())
def test_normalised_text_stays_as_it_is(text):
    assert normalised(normalised(text)) == normalised(text)
