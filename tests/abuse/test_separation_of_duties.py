"""Abuse cases A to C of the security requirements: each is refused, decides nothing and is recorded.

Cases that have a file of their own: cover (approvals/test_cover.py), the glass (approvals/test_glass.py),
drafts of policies (policies/test_drafts.py), making oneself an approver (rights/test_proposals.py,
rights/test_administration.py), sums and rates (approvals/test_asked.py), what is sent is what was
approved (crash/ and approvals/test_outcomes.py).
"""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import grants, tokens
from accounts.models import Cover, Membership, Team, User
from approvals import proof
from approvals.commands import bulk, decide, submit
from approvals.commands.bulk import Frozen
from approvals.commands.policies import load_policy
from approvals.events import Action
from approvals.models import Decision, Effect, Queue, State
from approvals.refusals import NotAllowed, Refusal, RevisionMismatch, StepClosed
from approvals.transitions import commit
from tests.approvals.api.conftest import Caller
from tests.approvals.common import denied

pytestmark = pytest.mark.usefixtures("db")


def seen(item, **changes):
    return {"revision": item.revision, "step": item.step, **changes}


def approve(cast, item, by: User, **changes):
    return decide.approve(ref=item.ref, by=by, at=cast.now, key=cast.key(), **seen(item, **changes))


def as_approver(user: User) -> User:
    Membership.objects.create(user=user, group=Team.objects.get(name="Finance"))
    return user


@pytest.fixture
def maker(cast) -> User:
    """Asks for refunds, and is a member of Finance as well."""
    return as_approver(cast.requester)


def refused(cast, item, by: User, attempt) -> None:
    """It is refused, decides nothing, and one attempt is recorded as refused."""
    before = len(denied(by))
    with pytest.raises(Refusal):
        attempt()
    assert not Decision.objects.filter(item=item, voided_at=None).exists()
    assert cast.get(item.ref).state == State.PENDING
    assert len(denied(by)) == before + 1


# --- A: one's own request, in every channel -------------------------------------------------------------


def test_by_command(cast, maker):
    item = cast.ask(by=maker)
    refused(cast, item, maker, lambda: approve(cast, item, maker))


def test_by_page_and_by_the_link_of_a_mail(cast, maker):
    item = cast.ask(by=maker)
    client = Client()
    client.force_login(maker)
    assert client.get(f"/requests/{item.ref}/approve/").status_code == 403
    said = {"revision": "1", "step": "1", "idempotency_key": cast.key()}
    assert client.post(f"/requests/{item.ref}/approve/", said).status_code == 403
    assert not Decision.objects.exists()
    assert len(denied(maker)) == 1  # looking is no attempt


def test_by_token(cast, maker):
    item = cast.ask(by=maker)
    wanted = {"name": "mine", "scopes": ["read", "decide"], "days": 30, "at": timezone.now()}
    caller = Caller(tokens.make(maker, **wanted).secret, Client())
    answer = caller.post(f"/requests/{item.ref}/approve", {"revision": 1, "step": 1})
    assert answer.status_code == 403
    assert not Decision.objects.exists()
    assert len(denied(maker)) == 1


def test_in_bulk_only_that_one_is_left(cast, maker):
    mine, other = cast.ask(by=maker), cast.ask(by=cast.other_requester)
    rows = [Frozen(one.ref, one.version) for one in (mine, other)]
    told = bulk.each(
        decide.approve, rows, by=maker, at=cast.now, key=cast.key(), revision=1, step=1
    )
    assert [one.is_done for one in told] == [False, True]
    assert cast.get(mine.ref).state == State.PENDING
    assert len(denied(maker)) == 1


def test_as_superuser(cast, maker):
    User.objects.filter(pk=maker.pk).update(is_superuser=True, is_staff=True)
    maker.refresh_from_db()
    item = cast.ask(by=maker)
    refused(cast, item, maker, lambda: approve(cast, item, maker))


def test_from_a_second_account(cast, maker):
    second = User.objects.create(email="m2@x.test", name="M", person_key=maker.person_key)
    as_approver(second)
    item = cast.ask(by=maker)
    refused(cast, item, second, lambda: approve(cast, item, second))


def test_through_cover(cast, maker):
    item = cast.ask(by=maker)
    cover = Cover.objects.create(
        person=cast.approver,
        by=maker,
        starts_at=cast.now - timedelta(hours=1),
        ends_at=cast.now + timedelta(hours=1),
        set_by=cast.approver,
        set_at=cast.now,
    )
    cover.queues.set(Queue.objects.all())
    refused(cast, item, maker, lambda: approve(cast, item, maker))


def test_who_wrote_a_revision_of_somebody_else(cast):
    """A contributor is barred like the requester."""
    item = cast.ask()
    writer = as_approver(cast.operator)
    item.contributor_keys = [*item.contributor_keys, str(writer.person_key)]
    commit(item, Action.NOTE, actor=writer.actor, at=cast.now)
    item = cast.get(item.ref)
    refused(cast, item, writer, lambda: approve(cast, item, writer))


def test_a_program(cast):
    robot = User.objects.create(email="robot@x.test", name="Robot", is_service=True)
    as_approver(robot)
    item = cast.ask()
    refused(cast, item, robot, lambda: approve(cast, item, robot))


# --- B: what was seen is what counts ---------------------------------------------------------------------


def test_content_that_changed_between_view_and_vote(cast):
    item = cast.ask()
    content = cast.refund_arguments(payload={**item.payload, "amount": 9_000})
    submit.resubmit(
        ref=item.ref,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        revision=1,
        **{name: content[name] for name in ("payload", "customer", "reason", "ticket")},
    )
    with pytest.raises(RevisionMismatch):
        approve(cast, item, cast.approver)
    assert not Decision.objects.exists()


def test_a_vote_that_is_sent_twice_counts_once(cast):
    item = cast.ask(payload={"amount": 150_000})
    key = cast.key()
    said = {"by": cast.approver, "at": cast.now, "key": key, **seen(item)}
    first = decide.approve(ref=item.ref, **said)
    again = decide.approve(ref=item.ref, **said)
    assert (first.version, again.version, again.is_replay) == (2, 2, True)
    assert Decision.objects.count() == 1


# --- C: quorum and policy ----------------------------------------------------------------------------------


def test_one_person_twice_is_no_quorum(cast):
    item = cast.ask(payload={"amount": 150_000})
    second = as_approver(
        User.objects.create(email="w@x.test", name="W", person_key=cast.approver.person_key)
    )
    approve(cast, item, cast.approver)
    for by in (cast.approver, second):
        with pytest.raises(NotAllowed):
            approve(cast, cast.get(item.ref), by)
    assert cast.get(item.ref).state == State.PENDING
    assert Decision.objects.count() == 1


def test_a_policy_that_is_weakened_meanwhile(cast):
    item = cast.ask(payload={"amount": 150_000})
    table = [{"name": "Refunds over EUR 1,000", "steps": [{"team": "Finance"}]}]
    load_policy(slug="refunds", name="Refunds", table=table, at=cast.now)
    approve(cast, item, cast.approver)
    assert cast.get(item.ref).state == State.PENDING


def test_somebody_who_left_the_team_after_voting(cast):
    item = cast.ask()
    approve(cast, item, cast.approver)
    item = cast.get(item.ref)
    effect = Effect.objects.get(item=item)
    assert proof.is_approved(item, effect)
    Membership.objects.filter(user=cast.approver).delete()
    assert not proof.is_approved(cast.get(item.ref), effect)


def test_somebody_who_joined_the_team_to_vote_is_seen_in_the_record(cast):
    """They may decide from then on; the access is not hidden: it is a right on the queue and a seat."""
    item = cast.ask()
    with pytest.raises(NotAllowed):
        approve(cast, item, cast.operator)
    as_approver(cast.operator)
    with pytest.raises(NotAllowed):  # a seat alone is not enough: the right comes with the team
        grants.take("decide_request", of=Team.objects.get(name="Finance"), on=item.queue)
        approve(cast, cast.get(item.ref), cast.operator)


def test_after_a_veto_nobody_approves(cast):
    item = cast.ask(payload={"amount": 150_000})
    said = {"by": cast.approver, "at": cast.now, "key": cast.key(), **seen(item)}
    decide.reject(ref=item.ref, reason="No.", **said)
    with pytest.raises((StepClosed, Refusal)):
        approve(cast, item, cast.second_approver)
    assert cast.get(item.ref).state == State.REJECTED
