"""Enough of a value to tell it apart, and no more."""

import pytest

from approvals.hiding import hidden


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("DE89370400440532013000", "DE89 ..3000"),
        ("DE89 3704 0044 0532 0130 00", "DE89 ..3000"),
        ("ana.silva@example.org", "a…@example.org"),
        ("@example.org", "..eorg"),
        ("4111 1111 1111 1111", "..1111"),
        ("acct_5498123", "..8123"),
        ("2500", "2500"),
        ("EUR 250", "EUR 250"),
        ("", ""),
        ("محمد علي الطويل", "..طويل"),
    ],
)
def test_what_is_shown(value, shown):
    assert hidden(value) == shown


@pytest.mark.parametrize("value", ["DE89370400440532013000", "ana.silva@example.org", "x" * 5000])
def test_what_is_hidden_is_not_in_it(value):
    assert value[4:-5] not in hidden(value)
