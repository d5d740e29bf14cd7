"""What a team, or one member for it, may approve within 24 hours."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Ceiling, Team
from approvals.commands import decide
from approvals.commands.cover import set_cover
from approvals.models import Choice, Decision, ExchangeRate, Queue, State
from approvals.refusals import NotAllowed
from audit.models import Event, Outcome

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def finance(cast) -> Team:
    return Team.objects.get(name="Finance")


def ceiling(finance: Team, amount: int, *, user=None, currency: str = "EUR") -> Ceiling:
    return Ceiling.objects.create(team=finance, user=user, amount=amount, currency=currency)


def asked(cast, amount: int, **more):
    return cast.ask(payload={"amount": amount, **more})


def approve(cast, item, by, *, at=None):
    return decide.approve(
        ref=item.ref,
        by=by,
        at=at or cast.now,
        key=cast.key(),
        revision=item.revision,
        step=item.step,
    )


def test_a_member_stops_at_their_sum_and_others_go_on(cast, finance):
    ceiling(finance, 100_000, user=cast.approver)
    approve(cast, asked(cast, 60_000), cast.approver)
    approve(cast, asked(cast, 40_000), cast.approver)
    item = asked(cast, 20_000)
    with pytest.raises(NotAllowed, match=r"Ines Weber may approve up to EUR 1,000.00 in 24 hours"):
        approve(cast, item, cast.approver)
    assert not Decision.objects.filter(item=item).exists()
    assert Event.objects.filter(outcome=Outcome.DENIED, target_id=item.ref).exists()
    approve(cast, item, cast.second_approver)


def test_a_team_stops_at_its_sum_whoever_approves(cast, finance):
    ceiling(finance, 100_000)
    approve(cast, asked(cast, 60_000), cast.approver)
    approve(cast, asked(cast, 40_000), cast.second_approver)
    for who in (cast.approver, cast.second_approver, cast.limited_approver):
        with pytest.raises(NotAllowed, match=r"EUR 1,000.00 are approved already"):
            approve(cast, asked(cast, 20_000), who)


def test_rejecting_and_sending_back_are_not_stopped(cast, finance):
    ceiling(finance, 0)
    item = asked(cast, 20_000)
    said = {"at": cast.now, "revision": 1, "step": 1, "reason": "No."}
    decide.reject(ref=item.ref, by=cast.approver, key=cast.key(), **said)
    assert cast.get(item.ref).state == State.REJECTED


def test_after_a_day_there_is_room_again(cast, finance):
    ceiling(finance, 100_000)
    approve(cast, asked(cast, 100_000), cast.approver)
    later = cast.now + timedelta(hours=24)
    with pytest.raises(NotAllowed):
        approve(cast, asked(cast, 100_000), cast.approver, at=later - timedelta(seconds=1))
    approve(cast, asked(cast, 100_000), cast.approver, at=later)


def test_two_approvals_of_one_request_count_once(cast, finance):
    """Above EUR 1,000 two of Finance are needed."""
    ceiling(finance, 150_000)
    item = asked(cast, 150_000)
    approve(cast, item, cast.approver)
    approve(cast, item, cast.second_approver)
    assert cast.get(item.ref).state == State.APPROVED


def test_what_was_taken_back_counts_no_longer(cast, finance):
    ceiling(finance, 60_000)
    item = asked(cast, 60_000)
    approve(cast, item, cast.approver)
    decide.take_back(ref=item.ref, by=cast.approver, at=cast.now, key=cast.key())
    approve(cast, asked(cast, 60_000), cast.approver)


def test_a_deputy_uses_the_room_of_whom_they_decide_for(cast, finance):
    queue = Queue.objects.get(slug="refunds")
    said = {"queues": [queue.pk], "starts_at": cast.now, "ends_at": cast.now + timedelta(days=1)}
    set_cover(
        person=cast.approver.pk,
        by=cast.approver,
        deputy=cast.limited_approver.pk,
        at=cast.now,
        key=cast.key(),
        **said,
    )
    ceiling(finance, 300_000, user=cast.approver)
    approve(cast, asked(cast, 250_000), cast.limited_approver)
    [decision] = Decision.objects.filter(choice=Choice.APPROVE)
    assert decision.voice == cast.approver.person_key
    with pytest.raises(NotAllowed, match="Ines Weber may approve"):
        approve(cast, asked(cast, 250_000), cast.limited_approver)
    approve(cast, asked(cast, 60_000), cast.limited_approver)


def test_other_currencies_count_at_fresh_rates_and_without_one_nothing_is_approved(cast, finance):
    ceiling(finance, 110_000, currency="USD")
    item = asked(cast, 50_000)
    with pytest.raises(NotAllowed, match="no fresh exchange rate"):
        approve(cast, item, cast.approver)
    day = cast.now - timedelta(days=1)
    ExchangeRate.objects.create(currency="EUR", base="USD", rate="1.1", as_of=day)
    approve(cast, item, cast.approver)
    approve(cast, asked(cast, 50_000), cast.approver)
    with pytest.raises(NotAllowed, match=r"USD 1,100.00 are approved already"):
        approve(cast, asked(cast, 20_000), cast.approver)


def test_requests_without_money_are_not_stopped(cast, finance):
    """Account changes are decided by Operations and have no amount."""
    operations = Team.objects.get(name="Operations")
    ceiling(operations, 0)
    item = cast.ask_for_account_change(change="payout_account", to="DE02 1")
    approve(cast, item, cast.operator)


def test_it_is_counted_under_a_lock(cast, finance):
    """Two approvals at the same moment do not each see the other's missing."""
    row = ceiling(finance, 100_000)
    item = asked(cast, 20_000)
    with transaction.atomic():
        approve(cast, item, cast.approver)
        with connection.cursor() as cursor:
            cursor.execute("SELECT xmax::text <> '0' FROM accounts_ceiling WHERE id = %s", [row.pk])
            assert cursor.fetchone()[0]


def test_pages_say_it_before_somebody_tries(cast, finance):
    ceiling(finance, 100_000, user=cast.approver)
    now = timezone.now()
    approve(cast, asked(cast, 60_000), cast.approver, at=now)
    item = asked(cast, 60_000)
    client = Client()
    client.force_login(cast.approver)
    page = client.get(f"/requests/{item.ref}/").content.decode()
    assert "You cannot approve it now." in page
    assert "EUR 600.00 are approved already" in page
    who = client.get(f"/requests/{item.ref}/approvers/").content.decode()
    can, _, cannot = who.partition("Cannot:")
    assert "Lars Sand" in can
    assert "Ines Weber" not in can.split("Can:")[1]
    assert "Ines Weber may approve up to EUR 1,000.00" in cannot
