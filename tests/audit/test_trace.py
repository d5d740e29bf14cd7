"""Trace context as the W3C writes it: what is read, and what is refused (T6.2)."""

import pytest

from audit import trace

ID, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{ID}-{SPAN}-01"


def test_what_is_valid_is_read_and_written_alike():
    found = trace.read(VALID)
    assert (found.trace_id, found.span_id, found.is_sampled) == (ID, SPAN, True)
    assert found.header == VALID


@pytest.mark.parametrize(
    "header",
    [
        "",
        VALID.upper(),
        VALID[:-1],
        f"{VALID}-more",
        f"{VALID} ",
        f"{VALID}\n",
        f"{VALID}, {VALID}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID}-{SPAN}-0g",
        f"ff-{ID}-{SPAN}-01",
        f"01-{ID}-{SPAN}-01more",
        "٠٠" + VALID[2:],
    ],
)
def test_what_is_invalid_is_no_trace(header):
    """T6.2"""
    assert trace.read(header) is None


@pytest.mark.parametrize("header", [f"01-{ID}-{SPAN}-01", f"cc-{ID}-{SPAN}-01-and-more"])
def test_a_later_version_is_read_and_goes_on_as_ours(header):
    assert trace.read(header).header == VALID


def test_flags_that_version_00_does_not_know_are_not_passed_on():
    assert trace.read(f"00-{ID}-{SPAN}-fe").header == f"00-{ID}-{SPAN}-00"


def test_the_next_span_is_in_the_same_trace():
    found = trace.read(VALID)
    after = found.next_span()
    assert (after.trace_id, after.is_sampled) == (found.trace_id, True)
    assert after.span_id != found.span_id


def test_two_that_begin_differ():
    assert trace.begin().trace_id != trace.begin().trace_id
