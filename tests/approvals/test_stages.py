"""Steps that are open together, several teams, people who count once, and what the clock does."""

from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from accounts import access, grants, hours
from accounts.models import Membership, Team, User
from approvals import doctor, proof, queries, sweeping
from approvals.commands import decide
from approvals.commands.policies import load_policy
from approvals.models import ApprovalRequest, Decision, Effect, Queue, State, Step
from approvals.refusals import NotAllowed, StepClosed, TooEarly
from approvals.rules import covered_by, may, step_for
from audit.models import Event
from notifications import telling
from tests.approvals.common import events_of

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def risk(cast) -> Team:
    """A second team of approvers, with one member."""
    team = Team.objects.create(name="Risk")
    grants.give("decide_request", to=team, on=Queue.objects.get(kinds__contains=["refund"]))
    grants.give("view_queue", to=team, on=Queue.objects.get(kinds__contains=["refund"]))
    Membership.objects.create(user=cast.stranger, group=team, is_lead=True)
    return team


@pytest.fixture
def policy(cast, risk):
    def load(*steps: dict, **rule: object) -> None:
        table = [{"name": "All", "steps": list(steps), **rule}]
        load_policy(slug="refunds", name="Refunds", table=table, at=cast.now)

    return load


FINANCE, RISK = {"team": "Finance"}, {"team": "Risk"}
TOGETHER = {"with_previous": True}


def approve(cast, item, by: User, step: int | None = None, *, at: datetime | None = None):
    item = cast.get(item.ref)
    return decide.approve(
        ref=item.ref,
        by=by,
        at=at or cast.now,
        key=cast.key(),
        revision=item.revision,
        step=step or item.step,
    )


# --- Together -------------------------------------------------------------------------------------


def test_steps_that_open_together_can_be_decided_in_any_order(cast, policy):
    policy(FINANCE, RISK | TOGETHER)
    item = cast.ask()
    assert [step.number for step in item.open_steps] == [1, 2]
    approve(cast, item, cast.stranger, 2)
    item = cast.get(item.ref)
    assert (item.state, item.step, item.is_parallel) == (State.PENDING, 1, False)
    approve(cast, item, cast.approver, 1)
    assert cast.get(item.ref).state == State.APPROVED


def test_the_first_of_them_may_close_first(cast, policy):
    policy(FINANCE, RISK | TOGETHER)
    item = cast.ask()
    approve(cast, item, cast.approver, 1)
    item = cast.get(item.ref)
    assert (item.step, item.waiting_team.name, item.also_waiting_ids) == (2, "Risk", [])
    approve(cast, item, cast.stranger, 2)
    assert cast.get(item.ref).state == State.APPROVED


def test_what_follows_waits_for_all_of_them(cast, policy):
    policy(FINANCE, RISK | TOGETHER, FINANCE)
    item = cast.ask()
    with pytest.raises(TooEarly):
        approve(cast, item, cast.second_approver, 3)
    approve(cast, item, cast.approver, 1)
    with pytest.raises(TooEarly):
        approve(cast, item, cast.second_approver, 3)
    approve(cast, item, cast.stranger, 2)
    item = cast.get(item.ref)
    assert (item.step, item.waiting_team.name) == (3, "Finance")
    approve(cast, item, cast.second_approver, 3)
    assert cast.get(item.ref).state == State.APPROVED


def test_a_member_of_one_team_decides_only_its_step(cast, policy):
    policy(FINANCE, RISK | TOGETHER)
    item = cast.ask()
    assert step_for(item, cast.access(cast.stranger)).number == 2
    with pytest.raises(NotAllowed):
        approve(cast, item, cast.stranger, 1)
    assert not Decision.objects.exists()


def test_whoever_decided_one_can_decide_the_other_only_from_its_team(cast, policy, risk):
    policy(FINANCE, RISK | TOGETHER)
    Membership.objects.create(user=cast.approver, group=risk)
    item = cast.ask()
    approve(cast, item, cast.approver, 1)
    with pytest.raises(StepClosed):
        approve(cast, item, cast.approver, 1)
    approve(cast, item, cast.approver, 2)
    assert cast.get(item.ref).state == State.APPROVED


def test_taken_back_it_waits_for_that_step_alone(cast, policy):
    policy(FINANCE, RISK | TOGETHER, start_delay="1 h")
    item = cast.ask()
    approve(cast, item, cast.approver, 1)
    approve(cast, item, cast.stranger, 2)
    decide.take_back(ref=item.ref, by=cast.stranger, at=cast.now, key=cast.key())
    item = cast.get(item.ref)
    assert ([step.number for step in item.open_steps], item.is_parallel) == ([2], False)


def test_one_no_ends_all_of_them(cast, policy):
    policy(FINANCE, RISK | TOGETHER)
    item = cast.ask()
    seen = {"revision": 1, "step": 2, "reason": "No."}
    decide.reject(ref=item.ref, by=cast.stranger, at=cast.now, key=cast.key(), **seen)
    item = cast.get(item.ref)
    assert (item.state, item.open_steps, item.also_waiting_ids) == (State.REJECTED, [], [])


def test_it_is_carried_out_with_both_and_not_with_one(cast, policy):
    policy(FINANCE, RISK | TOGETHER)
    item = cast.ask()
    approve(cast, item, cast.approver, 1)
    approve(cast, item, cast.stranger, 2)
    item = cast.get(item.ref)
    effect = Effect.objects.get(item=item)
    assert proof.is_approved(item, effect)
    Membership.objects.filter(user=cast.stranger).delete()
    assert proof.is_approved(cast.get(item.ref), effect).code == proof.NOT_PROVEN


def test_the_sentence_names_both_teams(cast, policy):
    policy(FINANCE | {"quorum": 2}, RISK | TOGETHER)
    item = cast.ask()
    waiting = queries.explained([cast.get(item.ref)], cast.now)[item.pk]
    assert waiting.sentence.startswith("Needs 2 more Finance and 1 more Risk approvals since")
    assert waiting.label == "Waiting for Finance and Risk"
    assert len(waiting.sentence) <= 140


def test_everybody_is_told_of_their_own_step_once(cast, policy):
    policy(FINANCE, RISK | TOGETHER)
    item = cast.ask()
    told = telling.about_decision(item, cast.now)
    assert {(one.user_id == cast.stranger.pk, one.step) for one in told} == {(True, 2), (False, 1)}
    approve(cast, item, cast.approver, 1)
    again = telling.about_decision(cast.get(item.ref), cast.now)
    assert {one.mark for one in again} < {one.mark for one in told}


# --- Several teams ----------------------------------------------------------------------------------


def test_members_of_any_of_its_teams_decide(cast, policy):
    policy(FINANCE | {"also": ["Risk"], "quorum": 2})
    item = cast.ask()
    approve(cast, item, cast.stranger)
    approve(cast, item, cast.approver)
    item = cast.get(item.ref)
    assert item.state == State.APPROVED
    assert proof.is_approved(item, Effect.objects.get(item=item))


def test_a_team_that_was_smuggled_in_proves_nothing(cast, policy, risk):
    policy(FINANCE)
    item = cast.ask()
    Step.objects.filter(item=item).update(also_ids=[risk.pk])
    approve(cast, item, cast.stranger)
    item = cast.get(item.ref)
    assert proof.is_approved(item, Effect.objects.get(item=item)).code == proof.NOT_OF_POLICY


# --- People who count once ----------------------------------------------------------------------------


def test_the_same_person_in_two_steps_where_the_policy_allows_it(cast, policy):
    policy(FINANCE, FINANCE)
    item = cast.ask()
    approve(cast, item, cast.approver)
    approve(cast, item, cast.approver)
    assert cast.get(item.ref).state == State.APPROVED


def test_not_the_same_person_in_two_steps(cast, policy):
    policy(FINANCE, FINANCE, distinct_people=True)
    item = cast.ask()
    approve(cast, item, cast.approver)
    with pytest.raises(NotAllowed, match="You have decided another step"):
        approve(cast, item, cast.approver)
    second = User.objects.create(email="two@x.test", name="T", person_key=cast.approver.person_key)
    Membership.objects.create(user=second, group=Team.objects.get(name="Finance"))
    with pytest.raises(NotAllowed, match="You have decided another step"):
        approve(cast, item, second)
    approve(cast, item, cast.second_approver)
    item = cast.get(item.ref)
    assert item.state == State.APPROVED
    assert proof.is_approved(item, Effect.objects.get(item=item))


def test_one_voice_in_two_steps_is_no_proof(cast, policy):
    """Somebody with the database's owner's login makes one decision into two."""
    policy(FINANCE, FINANCE, distinct_people=True)
    item = cast.ask()
    approve(cast, item, cast.approver)
    approve(cast, item, cast.second_approver)
    item = cast.get(item.ref)
    effect = Effect.objects.get(item=item)
    for decision in item.every_decision:
        decision.person_key, decision.decided_by = cast.approver.person_key, cast.approver
    verdict = proof.is_approved(item, effect)
    assert verdict.code == proof.NOT_PROVEN


# --- What the lists say is what may() says ------------------------------------------------------------

TABLES = {
    "in order": ([FINANCE, RISK], {}),
    "together": ([FINANCE, RISK | TOGETHER], {}),
    "together, two of one": ([FINANCE | {"quorum": 2}, RISK | TOGETHER], {}),
    "either": ([FINANCE | {"also": ["Risk"]}], {}),
    "distinct": ([FINANCE, FINANCE | {"also": ["Risk"]}], {"distinct_people": True}),
    "distinct, together": (
        [FINANCE, FINANCE | TOGETHER, RISK | TOGETHER],
        {"distinct_people": True},
    ),
    "present": ([FINANCE | {"person_present": True}, RISK | TOGETHER], {}),
    "present alone": ([FINANCE | {"person_present": True}, RISK], {}),
}


@pytest.mark.parametrize("name", TABLES)
def test_lists_and_the_rule_agree_on_every_step_of_the_way(cast, policy, risk, name):
    steps, rule = TABLES[name]
    policy(*steps, **rule)
    Membership.objects.create(user=cast.second_approver, group=risk)
    item = cast.ask()
    for _ in range(5):
        item = cast.get(item.ref)
        assert found_by_lists(item) == allowed_by_rule(item)
        able = [user for user in User.objects.all() if may("approve", item, cast.access(user))]
        if item.state != State.PENDING or not able:
            break
        approve(cast, item, able[0], step_for(item, cast.access(able[0])).number)
    assert item.state == State.APPROVED


def people(item) -> list[access.Access]:
    found = access.of_many(User.objects.all(), Queue, at=item.created_at).values()
    return [replace(one, auth_method=how) for one in found for how in ("session", "token")]


def replace(person: access.Access, **changes: object) -> access.Access:
    return access.Access(**{**vars(person), **changes})


def allowed_by_rule(item) -> set[tuple[str, str]]:
    if item.state != State.PENDING:
        return set()
    return {(p.name, p.auth_method) for p in people(item) if may("approve", item, p)}


def found_by_lists(item) -> set[tuple[str, str]]:
    pending = ApprovalRequest.objects.filter(pk=item.pk, state=State.PENDING)
    return {
        (p.name, p.auth_method)
        for p in people(item)
        if pending.filter(queries.can_decide(p)).exists()
    }


def test_they_agree_under_cover_too(cast, policy, risk):
    from accounts.models import Cover

    policy(FINANCE, RISK | TOGETHER, distinct_people=True)
    item = cast.ask()
    cover = Cover.objects.create(
        person=cast.stranger,
        by=cast.approver,
        starts_at=cast.now - timedelta(days=1),
        ends_at=cast.now + timedelta(days=1),
        set_by=cast.admin,
        set_at=cast.now,
    )
    cover.queues.set(Queue.objects.all())
    item = cast.get(item.ref)
    assert found_by_lists(item) == allowed_by_rule(item)
    person = access.of(cast.approver, Queue, at=cast.now)
    assert covered_by(item, person) is None  # their own step comes first
    approve(cast, item, cast.approver, 1)
    item = cast.get(item.ref)
    assert found_by_lists(item) == allowed_by_rule(item)
    assert not may("approve", item, person)  # heard once, for whomever


# --- Working hours and escalation -----------------------------------------------------------------------


def team_of(zone: str = "Europe/Berlin", days: str = "01234") -> SimpleNamespace:
    return SimpleNamespace(
        zone=ZoneInfo(zone), opens_at=time(9), closes_at=time(17), work_days=days
    )


@pytest.mark.parametrize(
    ("at", "working", "ends"),
    [
        ("2026-11-24T08:00", "1:00", "2026-11-24T09:00"),  # Tuesday, 09:00 in Berlin
        ("2026-11-24T03:00", "1:00", "2026-11-24T09:00"),  # before they open
        ("2026-11-24T15:30", "1:00", "2026-11-25T08:30"),  # over the night
        ("2026-11-27T15:30", "1:00", "2026-11-30T08:30"),  # over the week end
        ("2026-11-24T08:00", "16:00", "2026-11-25T16:00"),  # to the minute they close
        ("2026-10-23T13:00", "3:00", "2026-10-26T09:00"),  # clocks go back meanwhile
        ("2026-03-27T15:00", "2:00", "2026-03-30T08:00"),  # and forward
    ],
)
def test_working_hours_of_a_team(at, working, ends):
    hour, minute = map(int, working.split(":"))
    start = datetime.fromisoformat(at).replace(tzinfo=UTC)
    found = hours.after(team_of(), start, timedelta(hours=hour, minutes=minute))
    assert found == datetime.fromisoformat(ends).replace(tzinfo=UTC)


def test_a_team_that_never_works_is_never_waited_for():
    assert hours.after(team_of(days=""), datetime(2026, 1, 1, tzinfo=UTC), timedelta(1)) is None


def test_due_and_warning_count_working_hours(cast, policy):
    policy(FINANCE | {"hours_of": "Finance", "due_after": "30 h", "warn_after": "1 h"})
    item = cast.ask()
    finance = Team.objects.get(name="Finance")
    assert item.due_at == hours.after(finance, cast.now, timedelta(hours=30))
    assert item.due_at > cast.now + timedelta(days=2)
    assert item.warn_at == hours.after(finance, cast.now, timedelta(hours=1))


LADDER = [
    {"after": "1 h", "do": "remind"},
    {"after": "2 h", "do": "tell_lead"},
    {"after": "3 h", "do": "widen", "to": "Risk"},
]


def later(cast, **of: int) -> datetime:
    return cast.now + timedelta(**of)


def test_the_clock_reminds_tells_and_widens_and_never_decides(cast, policy, risk):
    policy(FINANCE | {"escalate": LADDER})
    item = cast.ask()
    assert sweeping.escalated(later(cast, minutes=59)) == 0
    assert not may("approve", item, cast.access(cast.stranger))
    for hour in (1, 2, 3):
        assert sweeping.escalated(later(cast, hours=hour)) == 1
        assert sweeping.escalated(later(cast, hours=hour)) == 0
    item = cast.get(item.ref)
    assert item.state == State.PENDING
    assert item.also_waiting_ids == [risk.pk]
    assert not Decision.objects.exists()
    assert [event.facts["do"] for event in events_of(item)[1:]] == ["remind", "tell_lead", "widen"]
    approve(cast, item, cast.stranger, at=later(cast, hours=4))
    item = cast.get(item.ref)
    assert item.state == State.APPROVED
    assert proof.is_approved(item, Effect.objects.get(item=item))
    assert sweeping.escalated(later(cast, days=9)) == 0
    assert doctor.examine() == []


def test_what_is_decided_in_time_is_left_alone(cast, policy):
    policy(FINANCE | {"escalate": LADDER}, RISK)
    item = cast.ask()
    approve(cast, item, cast.approver)
    assert sweeping.escalated(later(cast, days=9)) == 0
    seen = {"revision": 1, "step": 2, "reason": "No."}
    other = cast.ask()
    decide.reject(ref=item.ref, by=cast.stranger, at=cast.now, key=cast.key(), **seen)
    assert sweeping.escalated(later(cast, minutes=90)) == 1
    assert cast.get(other.ref).reminded_at is not None


def test_what_was_sent_back_is_not_escalated_any_more(cast, policy):
    policy(FINANCE | {"escalate": LADDER})
    item = cast.ask()
    seen = {"revision": 1, "step": 1, "reason": "Which order?"}
    decide.send_back(ref=item.ref, by=cast.approver, at=cast.now, key=cast.key(), **seen)
    assert sweeping.escalated(later(cast, days=9)) == 0
    assert not Step.objects.filter(escalates_at__isnull=False).exists()


def test_a_team_that_is_gone_widens_nothing(cast, policy, risk):
    policy(FINANCE | {"escalate": [{"after": "1 h", "do": "widen", "to": "Risk"}]})
    item = cast.ask()
    Team.objects.get(name="Risk").delete()
    assert sweeping.escalated(later(cast, hours=1)) == 1
    assert cast.get(item.ref).also_waiting_ids == []


def test_people_are_told_of_each(cast, policy, risk):
    policy(FINANCE | {"escalate": LADDER})
    item = cast.ask()
    told = []
    for hour in (1, 2, 3):
        sweeping.escalated(later(cast, hours=hour))
        event = Event.objects.filter(stream=item.stream).latest("seq")
        told.append({one.user_id for one in telling.of_events([event], later(cast, hours=hour))})
    assert cast.approver.pk in told[0]
    assert cast.stranger.pk not in told[0] | told[1]
    assert cast.stranger.pk in told[2]


def test_what_comes_next_is_said(cast, policy):
    policy(FINANCE | {"escalate": LADDER, "due_after": "90 min"})
    item = cast.ask()
    waiting = queries.explained([item], cast.now)[item.pk]
    assert (waiting.next, waiting.next_at) == ("Finance is reminded", later(cast, hours=1))
    sweeping.escalated(later(cast, hours=1))
    waiting = queries.explained([cast.get(item.ref)], cast.now)[item.pk]
    assert waiting.next_at == later(cast, minutes=90)
