"""What nobody woke up joins on to what last happened to its stream."""

from approvals import jobs
from audit import correlation, origins
from audit.correlation import interaction
from tests.approvals.common import job_arguments


def test_the_newest_event_tells_trace_and_cause(cast):
    with interaction("r-1"):
        item = cast.ask()
    with interaction("r-2"):
        cast.approve(item)
        expected = correlation.carried()
    unknown = cast.ask()
    assert origins.of_streams([item.stream, unknown.stream]) == {item.stream: expected}


def test_a_swept_request_goes_on_under_the_id_that_moved_it(cast):
    """T6.1: all that happens to a request can be joined, also when its job was lost."""
    with interaction("r-2"):
        item = cast.approve(cast.ask())
        expected = correlation.carried()
    with interaction("job-9"):
        jobs._wake_all([item.pk])
    assert job_arguments()[-1] == {"item_id": item.pk, "trace": expected}
