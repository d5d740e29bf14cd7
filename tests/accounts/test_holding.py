"""For a day after how somebody signs in was renewed for them they decide nothing, and are told so."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import holding
from accounts.models import User
from approvals import queries
from approvals.clock import database_time
from approvals.commands import decide
from approvals.commands.cover import set_cover
from approvals.deciders import lacks_deciders
from approvals.models import ApprovalRequest
from approvals.refusals import NotAllowed
from approvals.rules import may
from audit.models import Event, Outcome
from tests.accounts.test_second_factor import signed_in

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def sends_mail(settings):
    settings.SENDS_MAIL = True


SENTENCE = "Your password or second factor was reset within the last 24 hours."


def approve(cast, item: ApprovalRequest, by: User) -> None:
    decide.approve(
        ref=item.ref, by=by, at=cast.now, key=cast.key(), revision=item.revision, step=item.step
    )


def until(user: User, **back: float) -> None:
    User.objects.filter(pk=user.pk).update(held_until=database_time() - timedelta(**back))


def reset_by_mail(user: User, mailoutbox) -> None:
    client = Client()
    client.post("/accounts/password/reset/", {"email": user.email})
    url = re.search(r"https?://[^/]+(/\S+)", mailoutbox[-1].body)[1]
    form = client.get(url, follow=True).redirect_chain[-1][0]
    new = "another long enough secret"
    assert client.post(form, {"password1": new, "password2": new}).status_code == 302


def test_whoever_renewed_their_password_by_mail_decides_nothing_for_a_day(cast, mailoutbox):
    User.objects.filter(pk=cast.approver.pk).update(last_login=timezone.now())
    item = cast.ask()
    assert may("approve", item, cast.access(cast.approver))
    before = database_time()
    reset_by_mail(cast.approver, mailoutbox)
    held = User.objects.get(pk=cast.approver.pk).held_until
    assert before + holding.LENGTH <= held <= database_time() + holding.LENGTH
    with pytest.raises(NotAllowed, match=SENTENCE):
        approve(cast, item, cast.approver)
    event = Event.objects.filter(target_id=item.ref).latest("id")
    assert (event.outcome, event.reason_code) == (Outcome.DENIED, "sign-in-renewed")
    until(cast.approver, seconds=1)
    approve(cast, item, cast.approver)


def test_the_first_password_of_an_account_holds_nobody(cast, mailoutbox):
    User.objects.filter(pk=cast.approver.pk).update(last_login=None)
    reset_by_mail(cast.approver, mailoutbox)
    assert User.objects.get(pk=cast.approver.pk).held_until is None


def test_a_day_ends_by_the_clock_of_the_database(cast):
    """Not by `at`, which a process hands in, and whose clock may be wrong."""
    item = cast.ask()
    until(cast.approver, hours=-1)
    with pytest.raises(NotAllowed, match=SENTENCE):
        decide.approve(
            ref=item.ref,
            by=cast.approver,
            at=cast.now + timedelta(days=400),
            key=cast.key(),
            revision=item.revision,
            step=item.step,
        )


@pytest.mark.parametrize("verb", ["approve", "reject", "send_back"])
def test_it_is_so_for_each_decision(cast, verb):
    item = cast.ask()
    until(cast.approver, hours=-1)
    verdict = may(verb, item, cast.access(cast.approver))
    assert (bool(verdict), verdict.code) == (False, "sign-in-renewed")


def test_who_opened_the_page_before_is_refused_under_the_lock(cast):
    """They read the page, then it happens, then they press the button."""
    item = cast.ask()
    client = signed_in(cast.approver)
    assert "Approve" in client.get(f"/requests/{item.ref}/").content.decode()
    holding.begin(cast.approver)
    said = {"revision": 1, "step": 1, "idempotency_key": cast.key()}
    answer = client.post(f"/requests/{item.ref}/approve/", said)
    assert answer.status_code == 403
    assert SENTENCE in answer.content.decode()
    assert cast.get(item.ref).state == "pending"


def test_the_page_says_it_before_they_try(cast):
    item = cast.ask()
    client = signed_in(cast.approver)
    holding.begin(cast.approver)
    page = client.get(f"/requests/{item.ref}/").content.decode()
    assert SENTENCE in page
    assert re.search(r"You can decide again from \w{3} \d+ \w{3} \d\d:\d\d UTC", page)


def test_rule_and_query_say_the_same_and_others_are_named(cast):
    item = cast.ask()
    before = queries.deciders_of([item], cast.now)[item.pk].names
    holding.begin(cast.approver)
    person = cast.access(cast.approver)
    held = queries.requests().filter(queries.can_decide(person), pk=item.pk)
    assert not held.exists()
    assert len(queries.deciders_of([item], cast.now)[item.pk].names) == len(before) - 1
    other = cast.access(cast.second_approver)
    assert queries.requests().filter(queries.can_decide(other), pk=item.pk).exists()


def test_nobody_left_who_can_decide_is_seen_as_that(cast):
    item = cast.ask()
    User.objects.filter(email__startswith="finance").update(
        held_until=database_time() + holding.LENGTH
    )
    assert ApprovalRequest.objects.filter(lacks_deciders(), pk=item.pk).exists()
    User.objects.filter(email__startswith="finance").update(held_until=database_time())
    assert not ApprovalRequest.objects.filter(lacks_deciders(), pk=item.pk).exists()


def test_they_lend_their_seat_to_nobody(cast):
    item = cast.ask()
    holding.begin(cast.approver)
    with pytest.raises(NotAllowed, match=SENTENCE):
        set_cover(
            person=cast.approver.pk,
            deputy=cast.second_approver.pk,
            queues=[item.queue_id],
            starts_at=cast.now,
            ends_at=cast.now + timedelta(days=1),
            by=cast.approver,
            at=cast.now,
            key=cast.key(),
        )


def test_what_they_approved_before_stands(cast):
    item = cast.approve(cast.ask())
    holding.begin(cast.approver)
    cast.run(item)
    assert cast.get(item.ref).cause != "approval-not-proven"


def test_asking_and_looking_go_on(cast):
    holding.begin(cast.requester)
    item = cast.ask()
    assert may("view", item, cast.access(cast.requester))


def test_one_question_more_is_none(cast, django_assert_num_queries):
    with django_assert_num_queries(1):
        cast.access(cast.approver)
