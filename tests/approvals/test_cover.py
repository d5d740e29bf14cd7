"""Cover: one person decides in another's place. What it lends, what it never lends, when it ends."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import grants, holding
from accounts.models import Cover, Membership, User
from approvals import proof, queries
from approvals.commands import decide
from approvals.commands.cover import LONGEST, end_cover, set_cover
from approvals.deciders import somebody_may_decide
from approvals.models import ApprovalRequest, Decision, Queue, State
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed
from approvals.rules import covered_by, may
from approvals.seats import Deciders, everybody
from audit.models import Event
from tests.approvals.common import events_of

LARGE = 500_000  # above the limit of the limited approver


@pytest.fixture
def refunds():
    return Queue.objects.get(slug="refunds")


@pytest.fixture
def cover(cast, refunds):
    """`cover(deputy, person)`: set now, for a day, by the person who is away."""

    def set_it(deputy, person, *, by=None, **changes):
        arguments = {
            "queues": [refunds.pk],
            "starts_at": cast.now,
            "ends_at": cast.now + timedelta(days=1),
            **changes,
        }
        answer = set_cover(
            person=person.pk,
            deputy=deputy.pk,
            by=by or person,
            at=cast.now,
            key=cast.key(),
            **arguments,
        )
        return Cover.objects.get(pk=answer.ref)

    return set_it


def approve(cast, item, by, **seen):
    item = cast.get(item.ref)
    body = {"revision": item.revision, "step": item.step, **seen}
    return decide.approve(ref=item.ref, by=by, at=cast.now, key=cast.key(), **body)


def runs_now() -> None:
    """By the database's clock, too: who may decide at all is asked by that."""
    Cover.objects.update(ends_at=timezone.now() + timedelta(days=1))


def allowed(cast, item, person):
    """What the rule says; the condition of queries must say the same (I7)."""
    by = cast.access(person)
    verdict = bool(may("approve", item, by))
    assert queries.requests().filter(queries.can_decide(by), pk=item.pk).exists() == verdict
    return verdict


@pytest.fixture
def large(cast):
    return cast.ask(payload={"amount": LARGE})


# --- What it lends -----------------------------------------------------------------------------------


def test_who_covers_has_the_seat_and_its_limit(cast, cover, large):
    assert not allowed(cast, large, cast.limited_approver)
    cover(cast.limited_approver, cast.approver)
    assert allowed(cast, large, cast.limited_approver)


def test_a_decision_under_cover_says_for_whom(cast, cover, large):
    cover(cast.limited_approver, cast.approver)
    approve(cast, large, cast.limited_approver)
    [decision] = Decision.objects.all()
    assert (decision.decided_by, decision.covered) == (cast.limited_approver, cast.approver)
    assert decision.voice == cast.approver.person_key
    assert events_of(large)[-1].actor_label == cast.limited_approver.name
    assert events_of(large)[-1].facts["for"] == cast.approver.name


def test_who_can_decide_in_their_own_place_does(cast, cover):
    item = cast.ask()
    cover(cast.second_approver, cast.approver)
    approve(cast, item, cast.second_approver)
    assert Decision.objects.get().covered is None


def test_it_is_found_among_what_waits_for_them(cast, cover, large):
    mine = queries.requests().filter(queries.can_decide(cast.access(cast.limited_approver)))
    assert not mine
    cover(cast.limited_approver, cast.approver)
    mine = queries.requests().filter(queries.can_decide(cast.access(cast.limited_approver)))
    assert list(mine) == [large]


def test_who_is_away_is_named_by_their_cover(cast, cover, large):
    cover(cast.limited_approver, cast.approver)
    names = queries.deciders_of([large], cast.now)[large.pk].names
    assert names == ["L. Sand", "P. Roy for I. Weber"]


# --- What it never lends -----------------------------------------------------------------------------


def test_cover_lends_no_right_to_a_queue(cast, refunds, cover):
    with pytest.raises(Invalid, match="may not decide"):
        cover(cast.operator, cast.approver)


def test_nobody_is_covered_where_they_do_not_decide(cast, cover):
    other = Queue.objects.get(slug="account-changes")
    with pytest.raises(Invalid, match="does not decide"):
        cover(cast.limited_approver, cast.approver, queues=[other.pk])


def test_cover_of_one_queue_lends_nothing_in_another(cast, cover, large):
    other = Queue.objects.get(slug="account-changes")
    for person in (cast.limited_approver, cast.approver):
        grants.give("decide_request", to=person, on=other)
    cover(cast.limited_approver, cast.approver, queues=[other.pk])
    assert not allowed(cast, large, cast.limited_approver)


def test_a_right_lost_later_ends_the_seat(cast, cover, large, refunds):
    cover(cast.limited_approver, cast.approver)
    Membership.objects.filter(user=cast.approver).delete()
    assert not allowed(cast, large, cast.limited_approver)


def test_a_right_that_the_deputy_lost_ends_it(cast, cover, large, refunds):
    """They decide only where they could themselves, also if that changed after the cover was set."""
    cover(cast.limited_approver, cast.approver)
    Membership.objects.filter(user=cast.limited_approver).delete()
    assert not allowed(cast, large, cast.limited_approver)


def test_who_covers_somebody_whose_sign_in_was_renewed_can_decide(cast, cover, large, refunds):
    """Cover that was set before goes on (decision 0032), also where nobody else is left."""
    cover(cast.limited_approver, cast.approver)
    Membership.objects.filter(user=cast.second_approver).delete()
    runs_now()
    holding.begin(cast.approver)
    assert not allowed(cast, large, cast.approver)
    assert allowed(cast, large, cast.limited_approver)
    assert ApprovalRequest.objects.filter(somebody_may_decide(), pk=large.pk).exists()
    holding.begin(cast.limited_approver)
    assert not allowed(cast, large, cast.limited_approver)
    assert not ApprovalRequest.objects.filter(somebody_may_decide(), pk=large.pk).exists()


def test_one_who_could_speak_from_two_seats_is_one(cast, cover):
    item = cast.ask()
    cover(cast.limited_approver, cast.approver)
    Membership.objects.filter(user=cast.second_approver).delete()
    runs_now()
    holding.begin(cast.approver)
    assert allowed(cast, item, cast.limited_approver)
    [found] = ApprovalRequest.objects.annotate(able=Deciders(everybody())).filter(pk=item.pk)
    assert found.able == 1


def test_a_seat_is_free_whose_person_spoke_for_another(cast, cover, refunds):
    item = cast.ask(payload={"amount": LARGE})
    cover(cast.limited_approver, cast.approver)
    approve(cast, item, cast.limited_approver)
    item = cast.get(item.ref)
    Membership.objects.filter(user=cast.limited_approver).update(limit_amount=None)
    Membership.objects.filter(user=cast.second_approver).delete()
    grants.give("decide_request", to=cast.operator, on=refunds)
    cover(cast.operator, cast.limited_approver)
    runs_now()
    assert not allowed(cast, item, cast.limited_approver)
    assert allowed(cast, item, cast.operator)
    assert ApprovalRequest.objects.filter(somebody_may_decide(), pk=item.pk).exists()


def test_an_account_that_became_a_program_is_covered_by_nobody(cast, cover, large):
    cover(cast.limited_approver, cast.approver)
    User.objects.filter(pk=cast.approver.pk).update(is_service=True)
    assert not allowed(cast, large, cast.limited_approver)


def test_a_closed_account_covers_nothing(cast, cover, large):
    cover(cast.limited_approver, cast.approver)
    User.objects.filter(pk=cast.approver.pk).update(is_active=False)
    assert not allowed(cast, large, cast.limited_approver)


def test_who_asked_does_not_decide_in_somebody_s_place(cast, cover, refunds):
    """I4: not through cover."""
    grants.give("submit_request", to=cast.limited_approver, on=refunds)
    mine = cast.ask(by=cast.limited_approver, payload={"amount": LARGE})
    cover(cast.limited_approver, cast.approver)
    assert not allowed(cast, mine, cast.limited_approver)
    assert not queries.requests().filter(queries.can_decide(cast.access(cast.limited_approver)))


def test_nobody_decides_in_the_place_of_who_asked(cast, cover, refunds):
    """I4: the requester's seat is no seat for it, whoever sits there."""
    grants.give("submit_request", to=cast.approver, on=refunds)
    theirs = cast.ask(by=cast.approver, payload={"amount": LARGE})
    cover(cast.limited_approver, cast.approver)
    assert not allowed(cast, theirs, cast.limited_approver)
    assert not queries.requests().filter(queries.can_decide(cast.access(cast.limited_approver)))


def test_cover_is_not_passed_on(cast, cover, large):
    cover(cast.second_approver, cast.approver)
    Membership.objects.filter(user=cast.second_approver).update(
        limit_amount=100, limit_currency="EUR"
    )
    cover(cast.limited_approver, cast.second_approver)
    assert not allowed(cast, large, cast.limited_approver)


def test_one_seat_speaks_once(cast, cover):
    """I4: who was spoken for cannot speak as well, and one person counts once."""
    twice = cast.ask(payload={"amount": LARGE})
    quorum = twice.open_step.quorum
    assert quorum == 2
    cover(cast.limited_approver, cast.approver)
    approve(cast, twice, cast.limited_approver)
    with pytest.raises(NotAllowed) as refused:
        approve(cast, twice, cast.approver)
    assert refused.value.facts["rule"] == "decided-for-you"
    with pytest.raises(NotAllowed):
        approve(cast, twice, cast.limited_approver)
    assert cast.get(twice.ref).state == State.PENDING
    now = cast.get(twice.ref)
    assert not allowed(cast, now, cast.approver)
    assert not allowed(cast, now, cast.limited_approver)
    assert allowed(cast, now, cast.second_approver)
    approve(cast, twice, cast.second_approver)
    assert cast.get(twice.ref).state == State.APPROVED


def test_when_all_seats_have_spoken_nobody_is_left(cast, cover):
    """Not who was spoken for, either: it is stuck (I8)."""
    twice = cast.ask(payload={"amount": LARGE})
    cover(cast.limited_approver, cast.approver)
    approve(cast, twice, cast.limited_approver)
    pending = queries.requests().filter(pk=twice.pk)
    assert pending.filter(somebody_may_decide()).exists()
    Membership.objects.filter(user=cast.second_approver).delete()
    assert not pending.filter(somebody_may_decide()).exists()


def test_nobody_speaks_for_who_has_spoken(cast, cover, large):
    cover(cast.limited_approver, cast.approver)
    approve(cast, large, cast.approver)
    assert not allowed(cast, cast.get(large.ref), cast.limited_approver)


def test_the_database_keeps_one_voice_for_a_seat(cast, cover, large):
    cover(cast.limited_approver, cast.approver)
    approve(cast, large, cast.limited_approver)
    said = Decision.objects.get()
    with pytest.raises(IntegrityError, match="decision_once_per_voice"), transaction.atomic():
        Decision.objects.create(
            item=large,
            revision=said.revision,
            step=said.step,
            choice="approve",
            decided_by=cast.approver,
            person_key=cast.approver.person_key,
            content_hash=said.content_hash,
            decided_at=cast.now,
        )


# --- When it ends --------------------------------------------------------------------------------------


def test_it_ends_by_itself(cast, cover, large):
    cover(cast.limited_approver, cast.approver)
    cast.now += timedelta(days=1)
    assert not allowed(cast, large, cast.limited_approver)


def test_it_begins_when_it_begins(cast, cover, large):
    day = timedelta(days=1)
    cover(
        cast.limited_approver, cast.approver, starts_at=cast.now + day, ends_at=cast.now + 2 * day
    )
    assert not allowed(cast, large, cast.limited_approver)
    cast.now += day
    assert allowed(cast, large, cast.limited_approver)


@pytest.mark.parametrize("who", ["approver", "limited_approver"])
def test_it_can_be_ended_early_by_both(cast, cover, large, who):
    made = cover(cast.limited_approver, cast.approver)
    end_cover(cover=made.pk, by=getattr(cast, who), at=cast.now, key=cast.key())
    assert not allowed(cast, large, cast.limited_approver)
    with pytest.raises(TransitionNotAllowed):
        end_cover(cover=made.pk, by=getattr(cast, who), at=cast.now, key=cast.key())


def test_others_do_not_know_of_it(cast, cover):
    made = cover(cast.limited_approver, cast.second_approver)
    with pytest.raises(NotFound):
        end_cover(cover=made.pk, by=cast.operator, at=cast.now, key=cast.key())


def test_what_was_decided_under_it_counts_after_it_ended(cast, cover, large):
    """I2: at the moment of sending both people must still be people who may."""
    cover(cast.limited_approver, cast.approver)
    approve(cast, large, cast.limited_approver)
    approve(cast, large, cast.second_approver)
    item = cast.get(large.ref)
    cast.now += timedelta(days=2)
    assert proof.is_approved(item, item.effect)
    Membership.objects.filter(user=cast.approver).delete()
    assert not proof.is_approved(cast.get(large.ref), item.effect)


# --- Setting it ----------------------------------------------------------------------------------------


def test_a_lead_sets_it_for_their_team(cast, cover):
    """finance1 leads Finance."""
    made = cover(cast.limited_approver, cast.second_approver, by=cast.approver)
    assert made.set_by == cast.approver


@pytest.mark.parametrize("who", ["limited_approver", "operator", "admin"])
def test_nobody_else_does(cast, cover, who):
    with pytest.raises(NotAllowed):
        cover(cast.limited_approver, cast.second_approver, by=getattr(cast, who))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"queues": []}, "queues"),
        ({"queues": [999_999]}, "queues"),
        ({"ends_at": -timedelta(days=1)}, "ends"),
        ({"starts_at": -timedelta(days=3), "ends_at": -timedelta(days=2)}, "ends"),
        ({"ends_at": LONGEST + timedelta(days=1)}, "ends"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(cast, cover, changes, field):
    moved = {n: cast.now + v if isinstance(v, timedelta) else v for n, v in changes.items()}
    with pytest.raises(Invalid) as invalid:
        cover(cast.limited_approver, cast.approver, **moved)
    assert list(invalid.value.errors) == [field]


def test_nobody_covers_for_themself_not_even_with_a_second_account(cast, cover):
    User.objects.filter(pk=cast.second_approver.pk).update(person_key=cast.approver.person_key)
    for deputy in (cast.approver, cast.second_approver):
        with pytest.raises(Invalid, match="themself"):
            cover(deputy, cast.approver)


def test_setting_and_ending_are_events_and_the_same_form_sets_it_once(cast, refunds):
    body = {
        "person": cast.approver.pk,
        "deputy": cast.limited_approver.pk,
        "queues": [refunds.pk],
        "starts_at": cast.now,
        "ends_at": cast.now + timedelta(days=1),
    }
    first = set_cover(by=cast.approver, at=cast.now, key="one", **body)
    again = set_cover(by=cast.approver, at=cast.now, key="one", **body)
    assert (first.ref, again.is_replay) == (again.ref, True)
    end_cover(cover=int(first.ref), by=cast.approver, at=cast.now, key="two")
    told = Event.objects.filter(stream=f"person/{cast.approver.person_key}").order_by("seq")
    assert [event.action for event in told] == ["cover.set", "cover.end"]
    assert told[0].facts["deputy"] == cast.limited_approver.name


def test_a_token_that_wants_a_person_present_is_still_refused(cast, cover, large):
    cover(cast.limited_approver, cast.approver)
    assert covered_by(large, cast.access(cast.limited_approver)).name == cast.approver.name
