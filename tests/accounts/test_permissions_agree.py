"""I7: what the one rule says of a request and what a query finds are the same, for everybody."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from hypothesis import HealthCheck, given, settings

from accounts import grants
from accounts.access import Access
from accounts.models import Membership, User
from approvals import counting, queries
from approvals.commands import decide, operate, submit
from approvals.commands.policies import load_policy
from approvals.explain import Deciders
from approvals.models import ApprovalRequest, Queue, State
from approvals.refusals import NotAllowed, NotFound
from approvals.rules import may, visible_to
from approvals.stuck import is_stuck, why_stuck
from audit.models import Event, Outcome
from tests.accounts.organisations import (
    CODENAMES,
    MOMENTS,
    Organisation,
    built,
    organisations,
)

generated = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

generated_less = settings(generated, max_examples=10)  # follows from the others


@pytest.fixture
def in_organisation(cast) -> Callable:
    """Build a generated organisation, look at it, and undo it all."""

    def run(plan: Organisation, look: Callable[[list[User], list[ApprovalRequest]], None]) -> None:
        with transaction.atomic():
            look(*built(plan, cast))
            transaction.set_rollback(True)

    return run


def found(condition, items: list[ApprovalRequest]) -> set[str]:
    """References of those of `items` that a query with `condition` finds."""
    ids = [item.pk for item in items]
    return set(queries.requests().filter(condition, pk__in=ids).values_list("ref", flat=True))


def allowed(verb: str, items: list[ApprovalRequest], person: Access) -> set[str]:
    return {item.ref for item in items if may(verb, item, person)}


# --- The rule and the queries -------------------------------------------------------------------------


@generated
@given(plan=organisations())
def test_whoever_may_see_a_request_finds_it_and_nobody_else(cast, in_organisation, plan):
    """T7.6"""

    def look(users: list[User], items: list[ApprovalRequest]) -> None:
        for user in users:
            person = cast.access(user)
            assert found(visible_to(person), items) == allowed("view", items, person), user

    in_organisation(plan, look)


@generated
@given(plan=organisations())
def test_whoever_may_decide_a_request_finds_it_and_nobody_else(cast, in_organisation, plan):
    """I4, I7"""

    def look(users: list[User], items: list[ApprovalRequest]) -> None:
        pending = [item for item in items if item.state == State.PENDING]
        for user in users:
            person = cast.access(user)
            assert found(queries.can_decide(person), pending) == allowed(
                "approve", pending, person
            ), user

    in_organisation(plan, look)


@generated
@given(plan=organisations())
def test_whoever_may_decide_is_named_as_a_decider(cast, in_organisation, plan):
    """I8: the people who are named are those whom the rule allows."""

    def look(users: list[User], items: list[ApprovalRequest]) -> None:
        pending = [item for item in items if item.state == State.PENDING]
        named = queries.deciders_of(pending, cast.now)
        for item in pending:
            able = {user.name for user in users if may("approve", item, cast.access(user))}
            assert len(named[item.pk].names) == len(able)

    in_organisation(replace(plan, covers=[]), look)  # who is covered is named by their cover


@generated
@given(plan=organisations())
def test_what_is_stuck_is_found_under_stuck(cast, in_organisation, plan):
    """I8"""

    def look(users: list[User], items: list[ApprovalRequest]) -> None:
        for later in MOMENTS:
            now = cast.now + later
            deciders = queries.deciders_of(items, now)
            stuck = {
                item.ref
                for item in items
                if why_stuck(item, now, has_deciders=bool(deciders.get(item.pk, Deciders()).names))
            }
            assert found(is_stuck(now), items) == stuck, later

    in_organisation(plan, look)


@generated_less
@given(plan=organisations())
def test_whoever_may_decide_may_also_see(cast, in_organisation, plan):
    def look(users: list[User], items: list[ApprovalRequest]) -> None:
        pending = [item for item in items if item.state == State.PENDING]
        for user in users:
            person = cast.access(user)
            assert allowed("approve", pending, person) <= allowed("view", pending, person)

    in_organisation(plan, look)


@generated_less
@given(plan=organisations())
def test_who_asked_or_contributed_may_never_decide(cast, in_organisation, plan):
    """I4, T7.5: through no second account, and as superuser neither."""

    def look(users: list[User], items: list[ApprovalRequest]) -> None:
        for user in users:
            own = [i for i in items if str(user.person_key) in i.contributor_keys]
            assert allowed("approve", own, cast.access(user)) == set()

    in_organisation(plan, look)


@generated_less
@given(plan=organisations())
def test_the_counts_are_those_of_the_lists(cast, in_organisation, plan):
    """T7.6: a count tells nothing that the list hides."""

    def look(users: list[User], items: list[ApprovalRequest]) -> None:
        for user in users:
            person = cast.access(user)
            lists = {
                view: queries.seen_by(person)
                .filter(queries.in_view(view, person, cast.now), state__in=queries.OPEN)
                .count()
                for view in queries.VIEWS
            }
            mine = queries.can_decide(person)
            lists["decide"] = queries.seen_by(person).filter(mine, state=State.PENDING).count()
            counted = counting.count(person, cast.now)
            assert {**counted.views, "decide": counted.decide} == lists
            beside = counting.count(person, cast.now, views=False)
            assert beside == replace(counted, views={})

    in_organisation(plan, look)


@pytest.mark.parametrize("codename", CODENAMES)
def test_one_right_alone_shows_the_same_to_rule_and_query(cast, codename):
    """T7.6: the generated organisations seldom give one person one right."""
    item = cast.ask()
    grants.give(codename, to=cast.stranger, on=item.queue)
    person = cast.access(cast.stranger)
    assert found(visible_to(person), [item]) == allowed("view", [item], person)


@pytest.mark.parametrize("amount", [8799, 8800, 8801, None])
@pytest.mark.parametrize("currency", ["EUR", "USD"])
def test_a_limit_is_the_same_to_rule_and_query(cast, amount, currency):
    """On a request of EUR 88.00."""
    item = cast.ask()
    Membership.objects.filter(user=cast.approver).update(
        limit_amount=amount, limit_currency=currency if amount else ""
    )
    person = cast.access(cast.approver)
    assert found(queries.can_decide(person), [item]) == allowed("approve", [item], person)


def test_a_step_of_a_plain_group_is_decided_by_its_members(cast):
    """A policy may name a Django group that is no `Team`: the rule, the list and the page agree."""
    group = Group.objects.create(name="Board")
    Membership.objects.create(user=cast.stranger, group=group)
    queue = Queue.objects.get(slug="refunds")
    grants.give("decide_request", to=group, on=queue)
    table = [{"name": "Everything", "steps": [{"team": "Board", "quorum": 1}]}]
    load_policy(slug="refunds", name="Refunds", table=table, at=cast.now)
    item = cast.ask()
    assert may("approve", item, cast.access(cast.stranger))
    assert queries.deciders_of([item], cast.now)[item.pk].names


# --- What gives no right --------------------------------------------------------------------------------


@pytest.fixture
def item(cast) -> ApprovalRequest:
    return cast.ask()


def approve(cast, item: ApprovalRequest, by: User) -> None:
    decide.approve(
        ref=item.ref, by=by, at=cast.now, key=cast.key(), revision=item.revision, step=item.step
    )


def test_a_superuser_without_grants_sees_nothing(cast, item):
    assert cast.superuser.is_superuser
    assert not queries.seen_by(cast.access(cast.superuser)).exists()


def test_a_superuser_without_grants_may_not_view(cast, item):
    assert not may("view", item, cast.access(cast.superuser))


def test_a_superuser_without_grants_may_not_decide(cast, item):
    """T7.5"""
    assert not may("approve", item, cast.access(cast.superuser))


def test_a_superuser_is_told_that_there_is_no_such_request(cast, item):
    """T7.6"""
    with pytest.raises(NotFound):
        approve(cast, item, cast.superuser)


def test_a_superuser_may_not_decide_what_they_asked_for(cast):
    """T7.5"""
    User.objects.filter(pk=cast.requester.pk).update(is_superuser=True)
    item = cast.ask()
    with pytest.raises(NotAllowed, match="You created"):
        approve(cast, item, cast.requester)


def test_a_refused_superuser_is_recorded(cast):
    """T7.5, T4.2"""
    User.objects.filter(pk=cast.requester.pk).update(is_superuser=True)
    item = cast.ask()
    with pytest.raises(NotAllowed):
        approve(cast, item, cast.requester)
    event = Event.objects.filter(target_id=item.ref).latest("id")
    assert (event.outcome, event.reason_code) == (Outcome.DENIED, "requester")


@pytest.mark.parametrize("superuser", [False, True])
@pytest.mark.parametrize("through", ["the person", "a team"])
def test_a_grant_on_the_model_means_nothing(cast, item, superuser, through):
    """T7.6, trap 12: every permission on the model `Queue`, none on a queue."""
    stranger = cast.stranger
    User.objects.filter(pk=stranger.pk).update(is_superuser=superuser, is_staff=True)
    rights = Permission.objects.filter(content_type=ContentType.objects.get_for_model(Queue))
    if through == "the person":
        stranger.user_permissions.set(rights)
    else:
        group = Group.objects.create(name="Everything")
        group.permissions.set(rights)
        Membership.objects.create(user=stranger, group=group)
    person = cast.access(stranger)
    assert not queries.seen_by(person).exists()
    assert not any(may(verb, item, person) for verb in ("view", "approve", "withdraw", "claim"))


def test_a_grant_on_the_model_does_not_let_ask(cast):
    """T7.6"""
    rights = Permission.objects.filter(content_type=ContentType.objects.get_for_model(Queue))
    cast.stranger.user_permissions.set(rights)
    with pytest.raises(NotAllowed):
        cast.ask(by=cast.stranger)


def test_a_grant_on_another_queue_means_nothing(cast, item):
    """T7.6"""
    other = Queue.objects.exclude(pk=item.queue_id).get()
    for codename in ("view_queue", "decide_request", "operate_request"):
        grants.give(codename, to=cast.stranger, on=other)
    with pytest.raises(NotFound):
        approve(cast, item, cast.stranger)


def test_a_team_without_a_grant_does_not_decide(cast, item):
    Membership.objects.create(user=cast.stranger, group=item.waiting_team)
    grants.take("decide_request", of=item.waiting_team, on=item.queue)
    assert not may("approve", item, cast.access(cast.stranger))


def test_a_grant_without_the_team_does_not_decide(cast, item):
    grants.give("decide_request", to=cast.stranger, on=item.queue)
    verdict = may("approve", item, cast.access(cast.stranger))
    assert verdict.code == "not-in-team"


def test_a_service_does_not_decide(cast, item):
    User.objects.filter(pk=cast.approver.pk).update(is_service=True)
    with pytest.raises(NotAllowed, match="A program cannot decide"):
        approve(cast, item, cast.approver)


def test_a_second_account_of_who_asked_does_not_decide(cast, item):
    """I4, T7.5"""
    User.objects.filter(pk=cast.approver.pk).update(person_key=cast.requester.person_key)
    with pytest.raises(NotAllowed, match="You created"):
        approve(cast, item, cast.approver)


def test_a_second_account_is_not_a_second_voice(cast):
    """I4, T7.2"""
    item = cast.approve(cast.ask(payload={"amount": 200_000}))
    User.objects.filter(pk=cast.second_approver.pk).update(person_key=cast.approver.person_key)
    with pytest.raises(NotAllowed, match="You have decided"):
        approve(cast, item, cast.second_approver)


@pytest.mark.parametrize(("amount", "may_decide"), [(200_000, True), (200_001, False)])
def test_a_limit_ends_at_its_amount(cast, amount, may_decide):
    item = cast.ask(payload={"amount": amount})
    assert bool(may("approve", item, cast.access(cast.limited_approver))) is may_decide


# --- At once ----------------------------------------------------------------------------------------------


def leave_the_team(user: User) -> None:
    Membership.objects.filter(user=user).delete()


def close_the_account(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def test_whoever_left_the_team_is_refused(cast, item):
    """T7.9: they opened the page as a member."""
    leave_the_team(cast.approver)
    with pytest.raises((NotAllowed, NotFound)):
        approve(cast, item, cast.approver)


def test_whoever_left_the_team_finds_nothing(cast, item):
    """T7.9"""
    leave_the_team(cast.approver)
    assert not queries.seen_by(cast.access(cast.approver)).exists()


def test_whoever_left_is_not_named_as_a_decider(cast, item):
    """T7.9, I8"""
    before = queries.deciders_of([item], cast.now)[item.pk].names
    leave_the_team(cast.approver)
    assert len(queries.deciders_of([item], cast.now)[item.pk].names) == len(before) - 1


def test_a_grant_that_was_taken_is_gone_at_once(cast, item):
    """T7.9: also for the member who is loaded already."""
    user = User.objects.get(pk=cast.approver.pk)
    assert may("approve", item, cast.access(user))
    grants.take("decide_request", of=item.waiting_team, on=item.queue)
    with pytest.raises(NotAllowed):
        approve(cast, item, user)


def test_a_closed_account_is_refused_though_it_is_loaded(cast, item):
    """T7.9"""
    user = User.objects.get(pk=cast.approver.pk)
    close_the_account(user)
    assert user.is_active
    with pytest.raises((NotAllowed, NotFound)):
        approve(cast, item, user)


def test_a_closed_account_cannot_ask(cast):
    """T7.9"""
    close_the_account(cast.requester)
    with pytest.raises(NotAllowed):
        cast.ask()


@pytest.mark.parametrize("lose", [leave_the_team, close_the_account])
def test_an_approval_of_who_lost_the_right_starts_nothing(cast, item, lose):
    """I4: asked again at the moment of sending."""
    cast.approve(item)
    lose(cast.approver)
    cast.run(item)
    item = cast.get(item.ref)
    assert (item.state, item.cause) == (State.NEEDS_PERSON, "approval-not-proven")


def test_when_the_last_decider_leaves_it_is_stuck(cast, item):
    """I8"""
    Membership.objects.filter(group=item.waiting_team).delete()
    assert queries.requests().filter(is_stuck(cast.now), pk=item.pk).exists()


def test_a_requester_who_lost_every_right_still_sees_their_request(cast, item):
    leave_the_team(cast.requester)
    assert queries.find(item.ref, cast.access(cast.requester)) == item


def test_whoever_lost_the_right_to_operate_cannot_claim(cast, item):
    """T7.9"""
    leave_the_team(cast.operator)
    with pytest.raises(NotFound):
        operate.claim(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key())


def test_whoever_lost_the_right_to_operate_cannot_withdraw(cast, item):
    """T7.9: a right to see is no right to withdraw."""
    grants.take("operate_request", of=Group.objects.get(name="Operations"), on=item.queue)
    with pytest.raises(NotAllowed):
        submit.withdraw(
            ref=item.ref,
            by=cast.operator,
            at=cast.now + timedelta(minutes=1),
            key=cast.key(),
            reason="No.",
        )
