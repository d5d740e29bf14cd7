"""The page of the checks: the last result, the one under way, and what to do when it is broken."""

from datetime import timedelta

import pytest

from audit.models import Event
from auditing.models import VerificationRun
from tests.approvals.pages.common import hidden, text

pytestmark = pytest.mark.usefixtures("db")
BROKEN = {
    "streams": 3,
    "events": 12,
    "breaks_found": 2,
    "breaks": [
        {
            "stream": "request/RF-1",
            "seq": 873,
            "sentence": "Event 873 does not match event 872.",
            "kind": "changed",
        },
        {"stream": "<b>\u202e", "seq": 1, "sentence": "Every event of this stream is missing."},
    ],
}
INTACT = {"streams": 3, "events": 1204, "breaks_found": 0, "breaks": []}


@pytest.fixture
def auditor(as_):
    return as_("auditor")


def run_of(cast, **fields) -> VerificationRun:
    return VerificationRun.objects.create(
        asked_by=cast.auditor, asked_at=cast.now - timedelta(minutes=12), **fields
    )


def finished(cast, **fields) -> VerificationRun:
    begun = cast.now - timedelta(minutes=12)
    return run_of(cast, started_at=begun, finished_at=begun + timedelta(seconds=2), **fields)


def test_before_the_first_check_it_says_so(auditor):
    assert "The record has not been checked yet." in text(auditor.get("/audit/verify/"))
    assert "The record has not been checked yet." in text(auditor.get("/audit/"))


def test_an_intact_record(cast, auditor):
    finished(cast, result=INTACT)
    page = text(auditor.get("/audit/verify/"))
    for words in ("The record is intact", "1,204 events", "3 streams", "2.0 s", cast.auditor.name):
        assert words in page
    assert "unbroken" in text(auditor.get("/audit/"))


def test_what_is_sealed_and_what_could_not_be_compared_is_said(cast, auditor):
    sealed = {"checkpoints": 412, "sealed": 1200, "remarks": ["Not compared: /mnt/kept: gone."]}
    finished(cast, result={**INTACT, **sealed})
    shown = text(auditor.get("/audit/verify/"))
    assert "1,200 events are under 412 signed checkpoints" in shown
    assert "Not compared: /mnt/kept: gone." in shown


def test_a_broken_record_says_where_how_far_it_holds_and_what_not_to_do(cast, auditor):
    finished(cast, result=BROKEN)
    page = text(auditor.get("/audit/verify/"))
    assert "Event 873 does not match event 872. Events 1-872 of it are intact." in page
    assert "Do not edit anything; follow the runbook" in page
    assert 'href="/runbooks/audit-break/"' in page
    assert "changed" in page
    assert "&lt;b&gt;" in page
    assert "\u202e" not in page


def test_of_a_broken_checkpoint_no_events_are_called_intact(cast, auditor):
    broken = {"stream": "checkpoints", "seq": 9, "sentence": "Checkpoint 9 was changed."}
    finished(cast, result={**BROKEN, "breaks": [broken]})
    page = text(auditor.get("/audit/verify/"))
    assert "Checkpoint 9 was changed." in page
    assert "of it are intact" not in page


@pytest.mark.parametrize("who", ["auditor", "operator", "admin"])
def test_a_broken_record_is_a_red_notice_on_the_list(cast, as_, who):
    finished(cast, result=BROKEN)
    page = text(as_(who).get("/audit/"))
    assert 'class="notice" data-tone="failed"' in page
    assert ("/audit/verify/" in page) == (who != "operator")
    assert "request/RF-1" not in page


def test_a_later_check_without_a_result_does_not_hide_that_it_is_broken(cast, auditor):
    finished(cast, result=BROKEN)
    finished(cast, failure="The worker ended before the check did.")
    assert "The record is broken" in text(auditor.get("/audit/verify/"))
    assert 'data-tone="failed"' in text(auditor.get("/audit/"))


def test_check_now_leads_to_the_page_that_shows_it(cast, auditor):
    key = hidden(auditor.get("/audit/verify/"), "idempotency_key")
    page = auditor.post("/audit/verify/check/", {"idempotency_key": key}, follow=True)
    assert page.redirect_chain == [("/audit/verify/", 302)]
    assert "The check is asked for. It reads every event." in text(page)
    assert "A check waits for a worker" in text(page)
    assert "Check now" not in text(page)
    assert VerificationRun.objects.get().asked_by == cast.auditor


def test_a_second_click_is_told_that_one_is_under_way(cast, auditor, as_):
    auditor.post("/audit/verify/check/", {"idempotency_key": "K"})
    page = as_("admin").post("/audit/verify/check/", {"idempotency_key": "L"}, follow=True)
    assert "A check is under way already." in text(page)
    assert VerificationRun.objects.count() == 1


def test_without_a_key_nothing_begins(auditor):
    assert auditor.post("/audit/verify/check/").status_code == 400
    assert not VerificationRun.objects.exists()


def test_how_far_it_is_and_the_page_asks_again(cast, auditor):
    run = run_of(cast, started_at=cast.now, events_seen=1200, events_expected=4800)
    page = text(auditor.get("/audit/verify/"))
    assert "1,200 of about 4,800 events" in page
    assert 'hx-trigger="every 2s"' in page
    assert '<progress aria-labelledby="under-way" max="4800" value="1200">' in page
    run.finished_at, run.result = cast.now, INTACT
    run.save()
    part = text(auditor.get("/audit/verify/", headers={"HX-Request": "true"}))
    assert part.lstrip().startswith('<div id="region">')
    assert "The check is done. The record is intact." in part


def test_an_estimate_that_was_too_low_is_not_more_than_all(cast, auditor):
    run_of(cast, started_at=cast.now, events_seen=1200, events_expected=5)
    assert "1,200 of about 1,200 events" in text(auditor.get("/audit/verify/"))


def test_looking_at_it_writes_nothing(cast, auditor):
    finished(cast, result=INTACT)
    before = Event.objects.count()
    auditor.get("/audit/verify/")
    assert Event.objects.count() == before
