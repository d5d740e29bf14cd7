"""Rules that look at sums, counts and values; and requests that nobody could ever approve."""

import threading
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from accounts import grants
from accounts.models import Cover, Membership, Team, User
from approvals import asked, doctor, rates, reach, sweeping
from approvals.commands import decide, submit
from approvals.commands.policies import load_policy
from approvals.commands.rates import MalformedRates, load_rates
from approvals.models import ApprovalRequest, ExchangeRate, PolicyVersion, Queue, State
from approvals.policy_table import parse
from approvals.refusals import NoPolicy
from approvals.routing import Facts, Sums, route
from tests.approvals.common import denied, events_of

FINANCE, NOBODY = [{"team": "Finance"}], []


@pytest.fixture
def policy(cast):
    def load(*rules: dict) -> None:
        load_policy(slug="refunds", name="Refunds", table=list(rules), at=cast.now)

    return load


def rule(name: str, steps: list, **more: object) -> dict:
    when = more.pop("when", {})
    return {"name": name, "when": when, "steps": steps, **more}


def often(of: str, **limit: int) -> dict:
    return {"recent": {"of": of, "within": "7 d", **limit}}


# --- Counts and sums --------------------------------------------------------------------------------


@pytest.mark.parametrize("customer", ["A. Silva", "a.silva", " A.  SILVA ", "A\u00a0Silva"])
def test_many_small_ones_of_a_customer_raise_the_tier(db, cast, policy, customer):
    policy(
        rule("Often", FINANCE, when=often("customer", count_from=3)),
        rule("Small", NOBODY),
    )
    assert cast.ask().state == State.APPROVED
    assert cast.ask(by=cast.other_requester).state == State.APPROVED
    item = cast.ask(customer=customer)
    assert (item.state, item.policy_rule) == (State.PENDING, "Often")
    assert cast.ask(customer="B. Costa").state == State.APPROVED


def test_sums_are_of_one_currency_and_of_the_window(db, cast, policy):
    when = often("customer", total_from=20_000) | {"currency": "EUR"}
    policy(rule("Much", FINANCE, when=when), rule("Small", NOBODY))
    old = cast.now - timedelta(days=7)
    cast.ask(payload={"amount": 15_000}, at=old)
    assert cast.ask(payload={"amount": 15_000}).policy_rule == "Small"  # the old one is out
    dollars = {"amount": 15_000, "currency": "USD", "payment": "pi_usd_1000000_usd"}
    assert cast.ask(payload=dollars).policy_rule == "Small"
    assert cast.ask(payload={"amount": 5_000}).policy_rule == "Much"


def test_what_was_turned_down_does_not_count(db, cast, policy):
    policy(
        rule("Often", FINANCE, when=often("requester", count_from=2)),
        rule("First", FINANCE, start_delay="1 h"),
    )
    first = cast.ask()
    assert first.policy_rule == "First"
    submit.withdraw(ref=first.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="No.")
    assert cast.ask().policy_rule == "First"
    assert cast.ask(by=cast.other_requester).policy_rule == "First"
    assert cast.ask().policy_rule == "Often"


def test_a_second_account_is_the_same_requester(db, cast, policy):
    policy(rule("Often", FINANCE, when=often("requester", count_from=2)), rule("First", NOBODY))
    second = User.objects.create(
        email="again@x.test", name="Again", person_key=cast.requester.person_key
    )
    Membership.objects.create(user=second, group=Team.objects.get(name="Support"))
    cast.ask()
    assert cast.ask(by=second).policy_rule == "Often"


def test_members_of_a_team_count_together(db, cast, policy):
    policy(rule("Often", FINANCE, when=often("requester_team", count_from=3)), rule("F", NOBODY))
    cast.ask()
    cast.ask(by=cast.other_requester)
    assert cast.ask(by=cast.other_requester).policy_rule == "Often"


def test_a_changed_request_does_not_count_itself_twice(db, cast, policy):
    policy(
        rule("Often", FINANCE, when=often("customer", count_from=2)),
        rule("First", FINANCE),
    )
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
    assert cast.get(item.ref).policy_rule == "First"


def test_at_the_same_moment_nobody_slips_under_the_limit(committed_db, cast, policy):
    """Ten at once: nine fewer would be seen by each, if they did not wait for each other."""
    policy(rule("Often", FINANCE, when=often("customer", count_from=3)), rule("Small", NOBODY))
    ready = threading.Barrier(10)

    def ask() -> None:
        ready.wait()
        cast.ask()
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chosen = list(ApprovalRequest.objects.values_list("policy_rule", flat=True))
    assert sorted(chosen) == ["Often"] * 8 + ["Small"] * 2


def test_what_is_not_known_is_taken_for_often():
    rules = parse([rule("Often", FINANCE, when=often("customer", count_from=3)), rule("S", NOBODY)])
    facts = Facts("refund", 100, "EUR", frozenset(), "page")
    assert route(rules, facts).name == "Often"


# --- Values -------------------------------------------------------------------------------------------

VALUE = {"value_currency": "EUR", "value_from": 10_000}
HIGH, LOW = rule("High", FINANCE, when=VALUE), rule("Low", NOBODY, when=VALUE | {"value_to": 9_999})
del LOW["when"]["value_from"]


def rate(currency: str, value: str, as_of: datetime) -> None:
    ExchangeRate.objects.create(currency=currency, base="EUR", rate=Decimal(value), as_of=as_of)


@pytest.mark.parametrize(
    ("currency", "amount", "value", "age", "expected"),
    [
        ("EUR", 9_999, None, 0, "Low"),
        ("EUR", 10_000, None, 0, "High"),
        ("USD", 10_000, "0.9", 0, "Low"),
        ("USD", 11_111, "0.9", 0, "High"),  # EUR 99.999, rounded up
        ("USD", 11_110, "0.9", 0, "Low"),
        ("JPY", 16_000, "0.00625", 1, "High"),  # no minor unit
        ("JPY", 15_998, "0.00625", 4, "Low"),
        ("KWD", 30_000, "3.0", 0, "Low"),  # three digits
        ("USD", 1, "0.9", 6, "High"),  # stale
        ("USD", 1, "0.9", -1, "High"),  # of tomorrow
        ("USD", 1, None, 0, "High"),  # none at all
    ],
)
def test_an_amount_in_another_currency(db, cast, currency, amount, value, age, expected):
    if value:
        rate(currency, value, cast.now - timedelta(days=age))
    values = rates.values_of(amount, currency, wanted={"EUR"}, at=cast.now)
    facts = Facts("refund", amount, currency, frozenset(), "page", values=values)
    assert route(parse([HIGH, LOW]), facts).name == expected


def test_the_newest_rate_counts(db, cast):
    rate("USD", "2", cast.now - timedelta(days=3))
    rate("USD", "0.5", cast.now - timedelta(days=1))
    assert rates.values_of(100, "USD", wanted={"EUR"}, at=cast.now) == {"EUR": 50}


def test_what_a_rule_was_chosen_by_is_kept(db, cast, policy):
    policy(
        rule("Often", FINANCE, when=often("customer", count_from=2)),
        rule("High", FINANCE, when=VALUE),
        rule("Low", NOBODY),
    )
    cast.ask()
    item = cast.ask(payload={"amount": 20_000})
    facts = asked.facts_of(item)
    assert facts.values == {"EUR": 20_000}
    assert facts.recent == {("customer", 7 * 86_400): Sums(2, 28_800)}
    assert facts.requester_teams == {"Support"}
    assert route(item.policy_version.rules, facts).name == item.policy_rule


RATES = "currency,base,rate,as_of\nUSD,EUR,0.91,2026-11-24\nGBP,EUR,1.19,2026-11-23\n"


def test_rates_come_from_a_file_once(db, cast):
    assert load_rates(RATES, at=cast.now) == 2
    assert load_rates(RATES, at=cast.now) == 0
    assert rates.values_of(100, "GBP", wanted={"EUR"}, at=cast.now) == {"EUR": 119}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("USD,EUR,0,2026-11-24", "the rate must be"),
        ("USD,EUR,-1,2026-11-24", "the rate must be"),
        ("USD,EUR,nan,2026-11-24", "the rate must be"),
        ("USD,EUR,inf,2026-11-24", "the rate must be"),
        ("USD,EUR,1e400,2026-11-24", "the rate must be"),
        ("USD,EUR,one,2026-11-24", "the rate must be"),
        ("EUR,EUR,1,2026-11-24", "two currencies"),
        ("ABC,EUR,1,2026-11-24", "two currencies"),
        ("USD,EUR,1,2027-01-01", "in the future"),
        ("USD,EUR,1,2026-02-30", "must be a day"),
        ("USD,EUR,1,yesterday", "must be a day"),
        ("USD,EUR,1", "must be a day"),
        ("USD,EUR,1,2026-11-24,more", "too many columns"),
        ('"USD,EUR,1,2026-11-24', "no CSV"),
    ],
)
def test_a_file_with_a_mistake_loads_nothing(db, cast, line, problem):
    with pytest.raises(MalformedRates, match=f"(Line 4: )?.*{problem}"):
        load_rates(f"{RATES}{line}\n", at=cast.now)
    assert not ExchangeRate.objects.exists()


@pytest.mark.parametrize("text", ["", "currency,base\n", "currency,base,rate,as_of\n", "x" * 10**6])
def test_what_is_no_file_of_rates(db, cast, text):
    with pytest.raises(MalformedRates):
        load_rates(text + "\n", at=cast.now)


def test_the_command_says_what_is_wrong(db, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_rates", tmp_path / "none.csv")
    (tmp_path / "r.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_rates", tmp_path / "r.csv")


# --- Blocked, never approved --------------------------------------------------------------------------


def test_a_policy_that_cannot_be_read_approves_nothing(db, cast, monkeypatch):
    from approvals.models import policy as model
    from approvals.policy_table import MalformedPolicy

    def broken(table: list) -> list:
        raise MalformedPolicy(["Rule 1 is not a table."])

    monkeypatch.setattr(model, "parse", broken)
    with pytest.raises(NoPolicy, match="cannot be read"):
        cast.ask()
    assert denied(cast.requester)[-1].outcome == "denied"
    assert not ApprovalRequest.objects.exists()


def test_no_rule_approves_nothing(db, cast, policy):
    policy(rule("Others", FINANCE, when={"kind": "manual"}))
    with pytest.raises(NoPolicy, match="No rule"):
        cast.ask()
    assert not ApprovalRequest.objects.exists()


def test_a_weakened_policy_does_not_weaken_what_is_pending(db, cast, policy):
    policy(rule("All", [{"team": "Finance", "quorum": 2}]))
    item = cast.ask()
    policy(rule("All", NOBODY))
    cast.approve(item)
    item = cast.get(item.ref)
    assert (item.state, item.open_step.quorum) == (State.PENDING, 2)
    assert PolicyVersion.objects.filter(policy__slug="refunds").count() >= 2


# --- Nobody could ever approve it ---------------------------------------------------------------------


def members(*people: User) -> Team:
    """A team of just these, who may decide refunds."""
    team = Team.objects.create(name="Board")
    grants.give("decide_request", to=team, on=Queue.objects.get(slug="refunds"))
    for person in people:
        Membership.objects.create(user=person, group=team)
    return team


BOARD = {"team": "Board"}


def test_it_is_said_at_once_and_who_can_cure_it(db, cast, policy):
    members(cast.approver)
    policy(rule("All", [BOARD | {"quorum": 2}]))
    item = cast.ask()
    assert item.stranded_at == cast.now
    first = events_of(item)[0]
    assert first.facts["lacks"] == [
        "Step 1 needs 2 approvals of Board, and only I. Weber could give one.",
        reach.CURE,
    ]


def test_a_policy_can_refuse_such_requests(db, cast, policy):
    members(cast.requester)
    policy(rule("All", [BOARD], if_nobody_can="refuse"))
    with pytest.raises(NoPolicy, match="Step 1 needs 1 approval of Board, and nobody could"):
        cast.ask()
    assert not ApprovalRequest.objects.exists()
    assert len(denied(cast.requester)) == 1


def away(cast, person: User, by: User) -> None:
    cover = Cover.objects.create(
        person=person,
        by=by,
        starts_at=cast.now - timedelta(days=1),
        ends_at=cast.now + timedelta(days=9),
        set_by=person,
        set_at=cast.now,
    )
    cover.queues.set(Queue.objects.all())


OUT = {
    "the requester": lambda cast: members(cast.requester, cast.approver),
    "the inactive": lambda cast: _inactive(cast),
    "above their limit": lambda cast: _limited(cast),
    "a program": lambda cast: _program(cast),
    "a second account": lambda cast: _second_account(cast),
    "the absent": lambda cast: _absent(cast),
}


def _inactive(cast) -> None:
    User.objects.filter(pk=cast.second_approver.pk).update(is_active=False)
    members(cast.second_approver, cast.approver)


def _limited(cast) -> None:
    low = {"limit_amount": 899_999, "limit_currency": "EUR"}
    Membership.objects.create(user=cast.limited_approver, group=members(cast.approver), **low)


def _program(cast) -> None:
    robot = User.objects.create(email="robot@x.test", name="Robot", is_service=True)
    members(robot, cast.approver)


def _second_account(cast) -> None:
    second = User.objects.create(
        email="w2@x.test", name="W. Two", person_key=cast.approver.person_key
    )
    members(second, cast.approver)


def _absent(cast) -> None:
    members(cast.second_approver, cast.approver)
    away(cast, cast.second_approver, by=cast.approver)


@pytest.mark.parametrize("who", OUT)
def test_who_does_not_count_towards_a_quorum_of_two(db, cast, policy, who):
    OUT[who](cast)
    policy(rule("All", [BOARD | {"quorum": 2}], if_nobody_can="refuse"))
    with pytest.raises(NoPolicy, match="only I. Weber could give one"):
        cast.ask(payload={"amount": 900_000})


def test_a_deputy_takes_the_seat_of_the_absent(db, cast, policy):
    members(cast.second_approver, cast.approver)
    grants.give("decide_request", to=cast.stranger, on=Queue.objects.get(slug="refunds"))
    away(cast, cast.second_approver, by=cast.stranger)
    policy(rule("All", [BOARD | {"quorum": 2}], if_nobody_can="refuse"))
    item = cast.ask()
    cast.approve(item)
    cast.approve(item, cast.stranger)
    assert cast.get(item.ref).state == State.APPROVED


def test_different_people_for_each_step(db, cast, policy):
    members(cast.approver)
    steps = [BOARD, {"team": "Finance", "quorum": 3}]
    policy(rule("All", steps, if_nobody_can="refuse", distinct_people=True))
    with pytest.raises(NoPolicy, match="Step 2 needs 3 approvals of Finance"):
        cast.ask()
    policy(rule("All", [BOARD, {"team": "Finance", "quorum": 2}], distinct_people=True))
    assert cast.ask().stranded_at is None


def test_two_people_two_places_each_finds_one():
    assert reach.matched({1: {"a"}, 2: {"a", "b"}, 3: {"b"}}) == 2
    assert reach.matched({1: {"a", "b"}, 2: {"a"}}) == 2
    assert reach.matched({}) == 0


def test_it_is_told_again_when_it_changes(db, cast, policy):
    team = members(cast.approver)
    policy(rule("All", [BOARD | {"quorum": 2}]))
    item = cast.ask()
    assert sweeping.stranded(cast.now) == 0  # it is said already
    Membership.objects.create(user=cast.second_approver, group=team)
    assert sweeping.stranded(cast.now) == 1
    assert cast.get(item.ref).stranded_at is None
    cast.approve(item)
    Membership.objects.filter(group=team, user=cast.second_approver).delete()
    assert sweeping.stranded(cast.now) == 1
    assert cast.get(item.ref).stranded_at is not None
    assert doctor.examine() == []


def test_rejecting_is_still_possible(db, cast, policy):
    members(cast.approver)
    policy(rule("All", [BOARD | {"quorum": 2}]))
    item = cast.ask()
    seen = {"revision": 1, "step": 1, "reason": "No."}
    decide.reject(ref=item.ref, by=cast.approver, at=cast.now, key=cast.key(), **seen)
    assert cast.get(item.ref).state == State.REJECTED
