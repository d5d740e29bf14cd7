"""Open requests keep their policy's version; who manages it can move chosen ones, and they are asked anew."""

import pytest

from accounts import grants
from accounts.models import User
from approvals import doctor, proof
from approvals.commands import decide, moving
from approvals.commands.policies import load_policy
from approvals.models import Decision, Effect, Queue, State
from approvals.refusals import Invalid, NoPolicy, NotAllowed, NotFound, TransitionNotAllowed
from tests.approvals.common import denied, events_of

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def policy(cast):
    def load(*rules: dict) -> int:
        table = list(rules)
        return load_policy(slug="refunds", name="Refunds", table=table, at=cast.now).number

    return load


def finance(quorum: int, name: str = "All", **more: object) -> dict:
    return {"name": name, "steps": [{"team": "Finance", "quorum": quorum}], **more}


def move(cast, item, to: int, *, by: User | None = None, reason: str = "Two are enough now."):
    said = {"to": to, "reason": reason}
    return moving.move_policy(
        ref=item.ref, by=by or cast.admin, at=cast.now, key=cast.key(), **said
    )


def test_an_open_request_keeps_its_version_until_it_is_moved(cast, policy):
    policy(finance(3))
    item = cast.ask()
    cast.approve(item)
    new = policy(finance(2))
    assert cast.get(item.ref).open_step.quorum == 3
    move(cast, item, new)
    item = cast.get(item.ref)
    assert (item.policy_version.number, item.open_step.quorum, item.revision) == (new, 2, 2)
    assert item.decisions_now == []
    event = events_of(item)[-1]
    assert (event.facts["from"], event.facts["to"]) == (new - 1, new)
    assert event.reason == "Two are enough now."


def test_it_is_approved_and_proven_under_the_new_version(cast, policy):
    policy(finance(1))
    item = cast.ask()
    move(cast, item, policy(finance(2)))
    cast.approve(item)
    assert cast.get(item.ref).state == State.PENDING
    cast.approve(item, cast.second_approver)
    item = cast.get(item.ref)
    assert item.state == State.APPROVED
    assert proof.is_approved(item, Effect.objects.get(item=item))
    assert doctor.examine() == []


def test_a_vote_that_saw_the_old_rules_counts_for_nothing(cast, policy):
    policy(finance(1))
    item = cast.ask()
    move(cast, item, policy(finance(1, "Other")))
    seen = {"revision": 1, "step": 1}
    with pytest.raises(Exception, match="changed while you were reading"):
        decide.approve(ref=item.ref, by=cast.approver, at=cast.now, key=cast.key(), **seen)
    assert not Decision.objects.exists()


def test_whoever_moves_it_may_not_decide_it(cast, policy):
    policy(finance(2))
    item = cast.ask()
    queue = Queue.objects.get(slug="refunds")
    grants.give("manage_policy", to=cast.approver, on=queue)
    move(cast, item, policy(finance(1)), by=cast.approver)
    with pytest.raises(NotAllowed, match="You changed"):
        cast.approve(item)


def test_nobody_moves_their_own(cast, policy):
    policy(finance(2))
    item = cast.ask()
    queue = Queue.objects.get(slug="refunds")
    grants.give("manage_policy", to=cast.requester, on=queue)
    with pytest.raises(NotAllowed, match="had a hand"):
        move(cast, item, policy(finance(1)), by=cast.requester)
    assert len(denied(cast.requester)) == 1


def test_who_does_not_manage_it_moves_nothing(cast, policy):
    policy(finance(2))
    item = cast.ask()
    new = policy(finance(1))
    with pytest.raises(NotAllowed):
        move(cast, item, new, by=cast.operator)
    with pytest.raises(NotFound):
        move(cast, item, new, by=cast.stranger)
    cast.admin.auth_method = "token"
    with pytest.raises(NotAllowed, match="in the browser"):
        move(cast, item, new)


@pytest.mark.parametrize("to", [0, -1, 99, 1])
def test_only_to_the_version_that_is_live(cast, policy, to):
    policy(finance(2))
    item = cast.ask()
    policy(finance(1))
    with pytest.raises(Invalid):
        move(cast, item, to)


def test_not_to_where_it_is(cast, policy):
    live = policy(finance(2))
    item = cast.ask()
    with pytest.raises(Invalid, match="already"):
        move(cast, item, live)


def test_moving_approves_nothing(cast, policy):
    policy(finance(2))
    item = cast.ask()
    new = policy({"name": "Nobody", "steps": []})
    live = Queue.objects.get(slug="refunds").policy.live
    assert "approves nothing" in moving.preview(item, live).refusal
    with pytest.raises(NoPolicy, match="Nobody would have to approve it"):
        move(cast, item, new)
    assert cast.get(item.ref).state == State.PENDING


def test_nor_to_rules_that_do_not_cover_it(cast, policy):
    policy(finance(2))
    item = cast.ask()
    new = policy(finance(1, when={"kind": "manual"}))
    with pytest.raises(NoPolicy, match="No rule"):
        move(cast, item, new)


def test_only_what_waits_for_an_approval(cast, policy):
    policy(finance(1))
    item = cast.ask()
    cast.approve(item)
    with pytest.raises(TransitionNotAllowed):
        move(cast, item, policy(finance(2)))


def test_the_preview_says_what_would_be_and_changes_nothing(cast, policy):
    policy(finance(2))
    item = cast.ask()
    policy(finance(2, "Renamed"))
    same = moving.preview(item, Queue.objects.get(slug="refunds").policy.live)
    assert (same.was.name, same.rule.name, same.changes) == ("All", "Renamed", False)
    policy(finance(1))
    other = moving.preview(item, Queue.objects.get(slug="refunds").policy.live)
    assert (other.changes, other.refusal) == (True, "")
    assert cast.get(item.ref).version == item.version


def test_the_teams_of_then_count_and_not_those_of_now(cast, policy):
    policy(finance(2))
    item = cast.ask()
    cast.requester.memberships.all().delete()
    new = policy(finance(1, "Support", when={"requester_team": "Support"}), finance(3, "Others"))
    move(cast, item, new)
    assert cast.get(item.ref).policy_rule == "Support"
