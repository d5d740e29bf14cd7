"""Written by the json module or by the package: the same bytes, and the same refusals."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import canonical
from audit.models import Outcome

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inside: st.lists(inside) | st.dictionaries(texts, inside),
)


@given(value=values)
def test_the_two_write_the_same(value):
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "text",
    ["\x00\x08\t\n\x0b\x0c\r\x1f", '"\\/', "\x7f\x80\u2028\u2029\ufeff", "é e\u0301 🎉 \U0010ffff"],
)
def test_hard_characters(text):
    assert canonical({"a": text, text: 1}) == rfc8785.dumps({"a": text, text: 1})


def test_a_choice_is_its_text():
    """The state of a request is one, until it is read anew."""
    value = {"outcome": Outcome.IN_DOUBT, "all": [*Outcome]}
    assert (
        canonical(value)
        == rfc8785.dumps(value)
        == canonical({"outcome": "in_doubt", "all": Outcome.values})
    )


def test_names_are_sorted_as_utf_16():
    """Beyond the first plane the order is another than by code points."""
    value = {"\U0001f600": 1, "\ufb33": 2, "a": 3, "é": 4}
    assert canonical(value) == rfc8785.dumps(value)
    assert canonical(value).index("😀".encode()) < canonical(value).index("\ufb33".encode())


@pytest.mark.parametrize(
    "value",
    [2**53, -(2**53), float("nan"), float("inf"), "\ud800", {1: 2}, {"a": {1, 2}}, object(), b"x"],
)
def test_what_cannot_be_written_exactly_is_refused(value):
    with pytest.raises((rfc8785.CanonicalizationError, TypeError, UnicodeError)):
        canonical([value])
