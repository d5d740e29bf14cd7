"""Several web processes tell one truth: what they count together, and how the work stands."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from approvals.kinds import base
from tests.approvals.conftest import Provider
from tests.demo.conftest import until

pytestmark = [pytest.mark.usefixtures("committed_db"), pytest.mark.worker]
COUNTED = "approvals_http_requests_total"


def ask(address: str, times: int) -> None:
    """On fresh connections, so that every process gets its share."""
    for _ in range(times):
        httpx.get(f"{address}/accounts/password/none/", trust_env=False, timeout=30)


def ask_often(address: str, times: int, *, at_once: int = 8) -> None:
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda _: ask(address, times // at_once), range(at_once)))


def test_four_processes_count_a_thousand_also_after_one_was_replaced(serve, environ):
    """T6.4"""
    web = serve(environ, "--workers=4", "--threads=2")
    until(lambda: len(web.workers()) == 4)
    ask_often(web.address, 504)
    assert web.metrics()[COUNTED] == 504
    gone = web.workers()[0]
    os.kill(gone, signal.SIGTERM)
    until(lambda: gone not in web.workers() and len(web.workers()) == 4)
    ask_often(web.address, 496)
    found = web.metrics()
    assert found[COUNTED] == 1000
    assert found["approvals_http_request_seconds_count"] == 1000


def test_a_new_start_counts_from_nothing(serve, environ, tmp_path):
    stale = tmp_path / "metrics"
    stale.mkdir()
    (stale / "counter_1.db").write_bytes(b"of an earlier start")
    web = serve({**environ, "PROMETHEUS_MULTIPROC_DIR": str(stale)})
    assert COUNTED not in web.metrics()


def test_what_is_in_doubt_is_one_on_every_process(serve, environ, cast, monkeypatch):
    """T6.5"""
    fake = Provider()
    fake.sends = base.Unknown("no-answer")
    monkeypatch.setattr("approvals.kinds.refund.Refund.send", fake.send)
    cast.run(cast.approve(cast.ask()))
    web = serve(environ, "--workers=3", "--threads=1")
    until(lambda: len(web.workers()) == 3)
    assert {web.metrics()["approvals_in_doubt"] for _ in range(12)} == {1.0}


def test_lines_of_gunicorn_are_ours(serve, environ):
    """T6.6, T6.2"""
    web = serve(environ)
    with pytest.raises(httpx.HTTPError):
        web.get("/livez?q=canary", headers={"Host": "canary\x01"}).raise_for_status()
    web.get("/?q=canary", headers={"Host": "canary.example"})
    web.process.terminate()
    web.process.wait(timeout=30)
    lines = web.lines()
    assert {"gunicorn.error", "django.security.DisallowedHost"} <= {x["logger"] for x in lines}
    assert all(line["request_id"] for line in lines)
    assert "canary" not in web.log.read_text()
