"""A request as it was: what a page says of a moment, whoever looks."""

from datetime import timedelta

import pytest

from approvals import history
from approvals.commands import operate
from audit.models import Event
from tests.approvals.common import events_of
from tests.approvals.pages.common import text


@pytest.fixture
def noted(cast):
    """Asked for at 09:12:00, noted at 09:13:00, approved at 09:14:00."""
    item = cast.ask()
    at = cast.now + timedelta(minutes=1)
    operate.note(ref=item.ref, by=cast.operator, at=at, key=cast.key(), reason="The first note.")
    cast.now += timedelta(minutes=2)
    return cast.approve(item)


def at(item, moment: str) -> str:
    return f"/requests/{item.ref}/?at={moment}"


@pytest.mark.parametrize(
    ("moment", "state", "events"),
    [
        ("2026-11-24T09:12:00Z", "Waiting for approval", 1),
        ("2026-11-24T09:13:00Z", "Waiting for approval", 2),
        ("2026-11-24T09:13:59.999999Z", "Waiting for approval", 2),
        ("2026-11-24T09:14:00Z", "Approved", 3),
        ("2026-11-24T11:14:00+02:00", "Approved", 3),
        ("2026-11-24T09:14:00", "Approved", 3),
        ("2999-01-01T00:00", "Approved", 3),
    ],
)
def test_it_stands_as_it_stood(noted, as_, moment, state, events):
    shown = text(as_("operator").get(at(noted, moment)))
    assert f"first {events} event" in shown
    assert state in shown
    assert ("The first note." in shown) == (events > 1)


def test_before_it_was_asked_for_there_was_nothing(noted, as_):
    answer = as_("operator").get(at(noted, "2026-11-24T09:11:59Z"))
    assert answer.status_code == 200
    assert "had not been asked for yet" in text(answer)
    assert "The first note." not in text(answer)


@pytest.mark.parametrize(
    "moment",
    ["", "yesterday", "2026-13-45", "2026-02-30T25:00", "0001-01-01T00:00", "9" * 500],
)
def test_what_is_no_time_is_said(noted, as_, moment):
    answer = as_("operator").get(f"/requests/{noted.ref}/", {"at": moment})
    assert answer.status_code == 400
    assert "Write the time like" in text(answer)


def test_who_may_not_see_it_sees_no_past_of_it(noted, as_):
    assert as_("stranger").get(at(noted, "2026-11-24T09:13:00Z")).status_code == 404


def test_nothing_is_done_from_there(noted, as_):
    shown = text(as_("approver").get(at(noted, "2026-11-24T09:13:00Z")))
    assert 'method="post" action="/requests/' not in shown


def test_the_page_of_now_leads_to_it_and_it_leads_on(noted, as_):
    client = as_("operator")
    before = events_of(noted)[1]
    assert before.occurred_at.strftime("at=2026-11-24T09%%3A13") in text(
        client.get(f"/requests/{noted.ref}/")
    )
    shown = text(client.get(at(noted, "2026-11-24T09:13:00Z")))
    assert "Before event 2" in shown
    assert "At event 3" in shown


def test_a_record_from_before_cannot_be_rebuilt(noted):
    first = Event.objects.filter(stream=noted.stream).order_by("seq")
    old = list(first)
    old[0].schema_version = 1
    assert history.rebuilt(old) is None
