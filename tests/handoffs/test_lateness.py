"""Half an hour into the receiver's shift, what is not answered is late: said once, to the minute."""

from datetime import timedelta

import pytest
from procrastinate.contrib.django import app

from audit.models import Event
from handoffs import jobs, lateness
from handoffs.commands.drafting import withdraw_handoff
from handoffs.lateness import mark_late
from tests.handoffs.common import actions, answer, send, start

pytestmark = pytest.mark.usefixtures("db")
HALF_AN_HOUR = timedelta(minutes=30)
SECOND = timedelta(seconds=1)


def test_it_is_late_half_an_hour_after_the_shift_of_the_receiver_began(cast, sent):
    due = sent.shift_to + HALF_AN_HOUR
    assert mark_late(due - SECOND) == []
    assert mark_late(due) == [sent]
    sent.refresh_from_db()
    assert (sent.late_at, sent.state) == (due, "sent")


def test_what_was_sent_after_the_end_of_the_shift_has_half_an_hour_from_then(cast, morning):
    draft = start(cast)
    at = draft.shift_to + timedelta(hours=1)
    sent = send(cast, draft, at=at)
    assert mark_late(at + HALF_AN_HOUR - SECOND) == []
    assert mark_late(at + HALF_AN_HOUR) == [sent]


def test_it_is_said_once_with_one_event_of_the_clock(cast, sent):
    due = sent.shift_to + HALF_AN_HOUR
    mark_late(due)
    assert mark_late(due + timedelta(days=1)) == []
    event = Event.objects.get(action="handoff.late")
    assert (event.stream, event.actor_type, event.facts["unanswered"]) == (sent.stream, "clock", 4)
    assert actions(sent) == ["start", "send", "late"]


def test_one_missing_answer_is_enough(cast, sent, morning):
    for item in (morning.risky, morning.people, morning.retrying):
        answer(cast, sent, item)
    assert mark_late(sent.shift_to + HALF_AN_HOUR) == [sent]
    assert Event.objects.get(action="handoff.late").facts["unanswered"] == 1


def test_a_late_one_can_still_be_answered(cast, sent, morning):
    mark_late(sent.shift_to + HALF_AN_HOUR)
    answer(cast, sent, morning.people)
    assert actions(sent) == ["start", "send", "late", "answer"]


def test_drafts_and_what_is_over_are_never_late(cast, draft, morning):
    done = send(cast, start(cast))
    for item in vars(morning).values():
        answer(cast, done, item)
    taken_back = send(cast, start(cast))
    withdraw_handoff(handoff_id=taken_back.pk, by=cast.operator, at=cast.now, key=cast.key())
    assert mark_late(cast.now + timedelta(days=30)) == []


def test_the_page_says_so_even_before_the_job_has_run(sent):
    due = sent.shift_to + HALF_AN_HOUR
    assert not lateness.is_late(sent, due - SECOND)
    assert lateness.is_late(sent, due)


def test_a_job_looks_every_minute(cast, sent, monkeypatch):
    periodic = {task.task.name: task.cron for task in app.periodic_registry.periodic_tasks.values()}
    assert periodic["handoffs.mark_late"] == "* * * * *"
    monkeypatch.setattr(jobs, "database_time", lambda: sent.shift_to + HALF_AN_HOUR)
    jobs.mark_late(timestamp=0)
    sent.refresh_from_db()
    assert sent.late_at is not None
