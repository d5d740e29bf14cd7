"""One line and one count for each web request, by its route."""

import logging

import pytest
from prometheus_client import REGISTRY


@pytest.fixture
def lines(caplog):
    """Those written so far in this test."""
    caplog.set_level(logging.INFO, "approvals.access")
    return lambda: [line for line in caplog.records if line.name == "approvals.access"]


def counted(**labels: str) -> float:
    return REGISTRY.get_sample_value("approvals_http_requests_total", labels) or 0.0


def test_it_works(client, cast, lines):
    item = cast.ask()
    client.force_login(cast.operator)
    before = counted(route="request", method="GET", status="2xx")
    client.get(f"/requests/{item.ref}/?next=secret", headers={"Cookie-Like": "secret"})
    [line] = lines()
    assert (line.method, line.route, line.status) == ("GET", "request", 200)
    assert line.path == f"/requests/{item.ref}/"
    assert line.user == cast.operator.pk
    assert line.duration_ms >= 0
    assert "secret" not in str(line.__dict__)
    assert counted(route="request", method="GET", status="2xx") == before + 1


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/static/nothing.css"])
def test_what_machines_ask_every_few_seconds_leaves_no_line(client, db, lines, path):
    client.get(path)
    assert lines() == []


def test_a_path_without_a_page_counts_under_one_name(client, cast, lines):
    """Never by what a caller can make up."""
    client.force_login(cast.operator)
    before = counted(route="none", method="GET", status="4xx")
    client.get("/nothing/here-1")
    client.get("/nothing/here-2")
    assert counted(route="none", method="GET", status="4xx") == before + 2


def test_a_method_that_nobody_knows_counts_under_one_name(client, db, lines):
    """It is refused before anybody asks which page was meant, so that there is no route either."""
    before = counted(route="none", method="other", status="4xx")
    client.generic("BREW", "/accounts/login/")
    assert counted(route="none", method="other", status="4xx") == before + 1
    assert lines()[-1].method == "other"


def test_an_unforeseen_error_is_counted_and_told(client, cast, lines, monkeypatch):
    client.force_login(cast.operator)
    client.raise_request_exception = False

    def broken(*_args, **_kw):
        raise RuntimeError("boom")

    monkeypatch.setattr("approvals.views.queue.counted", broken)
    before = counted(route="queue", method="GET", status="5xx")
    client.get("/queue/")
    assert [line.status for line in lines()] == [500]
    assert counted(route="queue", method="GET", status="5xx") == before + 1


def test_writing_the_line_asks_the_database_nothing(client, db, django_assert_num_queries, lines):
    with django_assert_num_queries(0):
        client.get("/accounts/login/")
    assert lines()[-1].user is None
