"""What no event says: stuck requests, causes that grow, mornings."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from approvals import sweeping
from approvals.commands import operate
from approvals.commands.watch import watch_cause
from approvals.kinds.base import Refused, Unknown
from approvals.models import State
from notifications import digest, rounds
from notifications.models import Letter, Notice
from tests.notifications.common import hear, prefer, told

pytestmark = pytest.mark.django_db

BUSY = Refused("too-many-requests", permanent=False)


@pytest.fixture
def approved(cast):
    return cast.approve(cast.ask())


def stuck(cast, person, **later) -> list[str]:
    rounds.tell_of_stuck(at=cast.now + timedelta(**(later or {"minutes": 5})))
    return told(person)


def test_an_unknown_outcome_is_told_to_who_asked_and_to_the_lead_while_nobody_owns_it(
    cast, approved, provider
):
    provider.sends = Unknown("connection-lost")
    cast.run(approved)
    expected = [f"{approved.ref} is stuck. The outcome is unknown."]
    assert stuck(cast, cast.requester) == expected
    assert told(cast.operator) == expected  # leads Operations
    assert told(cast.second_operator) == told(cast.approver) == []
    assert all(notice.is_urgent for notice in Notice.objects.all())


def test_what_somebody_owns_is_told_to_them_and_not_to_the_lead(cast, approved, provider):
    provider.sends = Unknown("connection-lost")
    cast.run(approved)
    operate.claim(ref=approved.ref, by=cast.second_operator, at=cast.now, key=cast.key())
    assert stuck(cast, cast.second_operator) == [
        f"{approved.ref} is stuck. The outcome is unknown."
    ]
    assert told(cast.operator) == []


def test_the_same_wait_is_told_once(cast, approved, provider):
    provider.sends = Unknown("connection-lost")
    cast.run(approved)
    assert rounds.tell_of_stuck(at=cast.now + timedelta(minutes=5)) == 1
    assert rounds.tell_of_stuck(at=cast.now + timedelta(minutes=6)) == 0
    assert len(told(cast.requester)) == 1


def test_nobody_who_wants_it_does_not_keep_others_from_being_told(cast, approved, provider):
    """A stuck request whose people want nothing is not looked at again and again."""
    prefer(cast.requester, cast, mine=False)
    operate.hold(ref=approved.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Wait.")
    assert rounds.tell_of_stuck(at=cast.now + timedelta(minutes=5)) == 1
    assert rounds.tell_of_stuck(at=cast.now + timedelta(minutes=6)) == 0


def test_retries_are_one_wait_and_news_from_the_third_on(cast, approved, provider):
    provider.sends = BUSY
    for number, expected in enumerate([0, 0, 1, 1, 1], start=1):
        cast.run(approved, at=cast.now + timedelta(hours=number))
        assert len(stuck(cast, cast.requester, hours=number, minutes=1)) == expected
    assert cast.get(approved.ref).state == State.RETRYING


def test_what_is_overdue_is_told_and_what_is_on_time_is_not(cast):
    item = cast.ask()
    assert stuck(cast, cast.requester, minutes=5) == []
    assert stuck(cast, cast.requester, days=3) == [f"{item.ref} is stuck. It is overdue."]


def test_a_request_that_nobody_can_decide_any_more_tells_the_lead(cast):
    item = cast.ask()
    for person in (cast.second_approver, cast.limited_approver):
        person.memberships.all().delete()
    cast.approver.memberships.update(limit_amount=1, limit_currency="EUR")
    sweeping.stranded(cast.now + timedelta(minutes=1))
    hear(cast)
    expected = f"Nobody can decide {item.ref} now. Cover, or another member, would help."
    assert expected in told(cast.approver)
    assert expected in told(cast.requester)


# --- Causes ---------------------------------------------------------------------------------------


def test_a_cause_that_grows_past_the_number_is_told_once(cast, provider):
    provider.sends = BUSY
    watch_cause(code="too-many-requests", above=1, by=cast.operator, at=cast.now)
    for expected in ([], ["grown"], ["grown"]):
        cast.run(cast.approve(cast.ask()))
        rounds.tell_of_grown_causes(at=cast.now)
        assert len(told(cast.operator, "causes")) == len(expected)
    assert "has grown to 2 requests; you wanted to know above 1." in told(cast.operator)[0]
    watch_cause(
        code="too-many-requests", above=2, by=cast.operator, at=cast.now + timedelta(minutes=1)
    )
    rounds.tell_of_grown_causes(at=cast.now)
    assert len(told(cast.operator, "causes")) == 2


def test_a_cause_is_counted_as_its_watcher_sees_it(cast, provider):
    provider.sends = BUSY
    watch_cause(code="too-many-requests", above=1, by=cast.stranger, at=cast.now)
    for _ in range(3):
        cast.run(cast.approve(cast.ask()))
    rounds.tell_of_grown_causes(at=cast.now)
    assert told(cast.stranger) == []


# --- Mornings -------------------------------------------------------------------------------------

MORNING = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)  # 08:00 in Berlin, 09:00 in Athens


def test_the_summary_comes_at_eight_local_time_once_a_day(cast):
    for person in (cast.approver, cast.operator):
        prefer(person, cast, digest=True)
    cast.ask()
    cast.ask()
    for moment in (MORNING - timedelta(minutes=1), MORNING, MORNING + timedelta(minutes=5)):
        digest.write_due(at=moment)
    (letter,) = Letter.objects.filter(user=cast.approver)
    assert letter.subject == "Your morning: 2 requests wait for your decision."
    assert letter.day == MORNING.date()
    digest.write_due(at=MORNING + timedelta(days=1))
    assert Letter.objects.filter(user=cast.approver).count() == 2


def test_a_quiet_morning_has_no_summary(cast):
    prefer(cast.approver, cast, digest=True)
    digest.write_due(at=MORNING)
    assert not Letter.objects.exists()


def test_who_did_not_ask_for_a_summary_gets_none(cast):
    cast.ask()
    digest.write_due(at=MORNING)
    assert not Letter.objects.exists()


@pytest.mark.parametrize("who", ["ops@demo.test", "finance1@demo.test"])
def test_a_summary_counts_what_its_pages_list(cast, client, who):
    """I7: the numbers in the mail are those of the pages that it links."""
    person = cast.people[who]
    cast.ask(at=cast.now - timedelta(days=9))
    for _ in range(3):
        cast.ask_for_account_change()
    lines = digest.summary(cast.access(person), timezone.now())
    client.force_login(person)
    assert len(lines) == 3
    for line in lines:
        page = client.get("/" + line["url"].split("/", 3)[3]).context
        listed = page["cards"] if "cards" in page else page["page"]["rows"]
        assert line["sentence"].split()[0] == str(len(listed))
