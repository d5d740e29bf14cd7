"""What a draft says about rules that cannot be met as people, limits and absences are now."""

from datetime import timedelta

import pytest

from accounts import grants
from accounts.models import Cover, Membership, Team, User
from approvals.models import Policy, Queue
from approvals.policy_table import parse
from policies import reachable

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def finance(cast) -> Team:
    """Ines Weber and Lars Sand without a limit, Priya Roy up to EUR 2,000.00."""
    return Team.objects.get(name="Finance")


def found(cast, *rules: dict, policy: str = "refunds") -> list[str]:
    table = parse([{"name": "R", "steps": [{"team": "Finance"}], **rule} for rule in rules])
    policy = Policy.objects.get(slug=policy)
    teams = {team.name: team for team in Team.objects.all()}
    return [one.sentence for one in reachable.findings(policy, table, teams, at=cast.now)]


def of(quorum: int, **when: object) -> dict:
    return {"when": when, "steps": [{"team": "Finance", "quorum": quorum}]}


EUR = {"currency": "EUR"}


def test_a_quorum_that_can_be_met_whoever_asks_says_nothing(cast, finance):
    assert found(cast, of(2)) == found(cast, of(1, **EUR, amount_from=1_000_000)) == []


def test_a_quorum_above_the_team(cast, finance):
    [text] = found(cast, of(4))
    assert text.startswith(
        "“R”: step 1 needs 4 approvals of Finance, and only I. Weber, L. Sand and"
    )


def test_an_empty_team(cast):
    team = Team.objects.create(name="Empty")
    grants.give("decide_request", to=team, on=Queue.objects.get(slug="refunds"))
    [text] = found(cast, {"steps": [{"team": "Empty"}]})
    assert text == "“R”: step 1 needs 1 approval of Empty, and nobody could give one."


def test_a_team_without_the_right(cast):
    assert "nobody could give one" in found(cast, {"steps": [{"team": "Support"}]})[0]


def test_limits_count_from_the_amount_on_that_is_above_them(cast, finance):
    [text] = found(cast, of(3, **EUR, amount_from=5000))
    assert text.startswith("“R”: from EUR 2,000.01 on, step 1 needs 3 approvals of Finance")
    assert found(cast, of(3, **EUR, amount_from=5000, amount_to=200_000)) != [text]
    above = found(cast, of(3, **EUR, amount_from=200_001))
    assert above[0].startswith("“R”: step 1 needs 3")


def test_a_member_who_asks_themselves_is_taken_out(cast, finance):
    [text] = found(cast, of(2, **EUR, amount_from=200_001))
    assert text.startswith("“R”: when I. Weber or L. Sand asks, too few are left")


def test_somebody_away_is_taken_out(cast, finance):
    """Their deputy takes their place: one voice, not two."""
    cover = Cover.objects.create(
        person=cast.approver,
        by=cast.second_approver,
        starts_at=cast.now,
        ends_at=cast.now + timedelta(days=1),
        set_by=cast.approver,
        set_at=cast.now,
    )
    cover.queues.add(Queue.objects.get(slug="refunds"))
    assert "only L. Sand could give one" in found(cast, of(2, **EUR, amount_from=200_001))[0]


def test_who_left_closed_their_account_or_is_a_program_is_taken_out(cast, finance):
    Membership.objects.filter(user=cast.approver, group=finance).delete()
    User.objects.filter(pk=cast.second_approver.pk).update(is_active=False)
    User.objects.filter(pk=cast.limited_approver.pk).update(is_service=True)
    assert "nobody could give one" in found(cast, of(1))[0]


def test_two_accounts_of_one_person_are_one(cast, finance):
    User.objects.filter(pk=cast.second_approver.pk).update(person_key=cast.approver.person_key)
    assert "only I. Weber could" in found(cast, of(2, **EUR, amount_from=200_001))[0]


def test_steps_that_need_different_people(cast, finance):
    steps = [{"team": "Finance", "quorum": 2}, {"team": "Finance", "quorum": 2}]
    assert found(cast, {"steps": steps}) == []
    assert found(cast, {"steps": steps, "distinct_people": True})[0].startswith("“R”: step 2 needs")


def test_a_rule_that_names_no_such_team_is_left_to_the_other_check(cast):
    assert found(cast, {"steps": [{"team": "Nobody"}]}) == []
