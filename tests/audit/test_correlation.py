"""What is bound around an interaction, and what of it goes along to jobs and calls."""

import pytest

from audit import correlation, trace
from audit.correlation import correlated, interaction

CALLER = trace.begin()


def test_an_interaction_is_its_own_cause_and_goes_on_with_its_caller_s_trace():
    with interaction("r-1", within=CALLER, source_ip="10.0.0.1") as traceparent:
        assert correlation.current() == {
            "request_id": "r-1",
            "correlation_id": "r-1",
            "trace_id": CALLER.trace_id,
            "traceparent": traceparent,
            "source_ip": "10.0.0.1",
        }
    assert trace.read(traceparent).span_id != CALLER.span_id
    assert correlation.current() == {}


def test_facts_from_around_do_not_count_inside():
    with correlated(source_ip="10.0.0.1"), interaction("job-1"):
        assert "source_ip" not in correlation.current()


def test_the_cause_goes_along_from_job_to_job_in_one_short_string():
    with interaction("r-1", within=CALLER):
        first = correlation.carried()
    within, caused_by = correlation.read_carried(first)
    with interaction("job-1", within=within, caused_by=caused_by):
        second = correlation.carried()
    within, caused_by = correlation.read_carried(second)
    assert (within.trace_id, caused_by) == (CALLER.trace_id, "r-1")
    assert len(second) <= 55 + 1 + 64


@pytest.mark.parametrize(
    "text",
    [None, 7, "", "r-1", f"{CALLER.header} ", f"{CALLER.header} a b", f"{'x' * 55} r-1"],
    ids=["none", "a number", "empty", "no trace", "no cause", "two causes", "not a trace"],
)
def test_a_spoiled_string_carries_nothing(text):
    assert correlation.read_carried(text) == (None, "")


def test_outside_of_any_interaction_nothing_goes_along():
    assert correlation.carried() == ""
    assert correlation.headers_of_a_call() == {}


def test_each_call_has_a_span_of_its_own_and_the_id_of_its_cause():
    with interaction("job-1", within=CALLER, caused_by="r-1") as traceparent:
        calls = [correlation.headers_of_a_call() for _ in range(2)]
    spans = {trace.read(call["traceparent"]).span_id for call in calls}
    assert len(spans | {trace.read(traceparent).span_id}) == 3
    assert {trace.read(call["traceparent"]).trace_id for call in calls} == {CALLER.trace_id}
    assert {call["X-Request-ID"] for call in calls} == {"r-1"}
