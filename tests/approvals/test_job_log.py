"""Each job is an interaction of its own, says how it ended, and fails when its task fails."""

import asyncio
import json
import logging
from types import SimpleNamespace

import pytest

from approvals.job_log import joined
from audit import correlation
from audit.correlation import interaction

with interaction("r-1") as TRACEPARENT:
    CARRIED = correlation.carried()


def run(task, *, queue="effects", **arguments):
    job = SimpleNamespace(id=17, task_name="tests.task", queue=queue, task_kwargs=arguments)
    return asyncio.run(joined(task, SimpleNamespace(job=job), None))


async def ids() -> dict[str, str]:
    return correlation.current()


def test_a_job_has_its_own_id_and_its_cause_s_trace():
    """T6.1"""
    found = run(ids, trace=CARRIED)
    assert (found["request_id"], found["correlation_id"]) == ("job-17", "r-1")
    assert found["job_id"] == "17"
    assert found["trace_id"] == TRACEPARENT.split("-")[1]
    assert found["traceparent"] != TRACEPARENT


@pytest.mark.parametrize("arguments", [{}, {"trace": "spoiled"}, {"trace": None}])
def test_a_job_without_a_cause_is_its_own(arguments):
    found = run(ids, **arguments)
    assert (found["request_id"], found["correlation_id"]) == ("job-17", "job-17")
    assert len(found["trace_id"]) == 32


def test_what_a_task_raises_passes_through(caplog):
    """Swallowed, a job that failed would count as done."""

    async def fails() -> None:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        run(fails)
    assert [record.outcome for record in caplog.records] == ["RuntimeError"]


def test_the_line_names_ids_and_no_other_argument(caplog):
    """T3.12, T6.6"""
    caplog.set_level(logging.INFO, "approvals.jobs")
    run(ids, item_id=3, trace=CARRIED, other="4242 4242 4242 4242")
    [record] = caplog.records
    assert (record.task, record.queue, record.item_id) == ("tests.task", "effects", 3)
    assert "4242" not in json.dumps(record.__dict__, default=str)


def test_the_sweepers_every_few_seconds_are_quiet(caplog):
    caplog.set_level(logging.INFO, "approvals.jobs")
    run(ids, queue="upkeep")
    assert caplog.records == []
