"""What other rules would have asked for: counted anew by other means, and found the same."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Membership
from approvals import recent
from approvals.commands import submit
from approvals.commands.policies import load_policy
from approvals.models import ApprovalRequest, Policy
from approvals.policy_table import parse
from approvals.recent import Asked
from approvals.routing import Facts, Sums, route, windows
from approvals.simulation import WAYS, simulate, way_of

pytestmark = pytest.mark.usefixtures("db")
EVERYTHING = {
    "since": datetime(2000, 1, 1, tzinfo=UTC),
    "until": datetime(2100, 1, 1, tzinfo=UTC),
}


def table(*rules: dict) -> list:
    return parse([{"steps": [{"team": "Finance"}], **rule} for rule in rules])


@pytest.fixture
def policy(cast) -> Policy:
    return Policy.objects.get(slug="refunds")


@pytest.fixture
def asked(cast) -> list[ApprovalRequest]:
    """Of two people and four customers, over three weeks; some withdrawn."""
    draw, found = Random(7), []  # noqa: S311 - sample requests
    for number in range(40):
        at = cast.now - timedelta(hours=8 * (40 - number))
        by = draw.choice([cast.requester, cast.other_requester])
        customer = draw.choice(["A. Silva", "a silva", "B. Costa", "C. Dias"])
        amount = draw.choice([900, 4_999, 5_001, 8_000, 120_000])
        item = cast.ask(by=by, at=at, customer=customer, payload={"amount": amount})
        if number % 7 == 0 and item.state == "pending":
            said = {"by": by, "at": at, "key": cast.key(), "reason": "Twice."}
            submit.withdraw(ref=item.ref, **said)
        found.append(item)
    return found


RECENT = [
    {"of": of, "within": within, **limit}
    for of in ("customer", "requester", "requester_team")
    for within in ("2 d", "9 d")
    for limit in ({"count_from": 4}, {"total_from": 100_000})
]


@pytest.mark.parametrize("wanted", RECENT, ids=lambda one: " ".join(map(str, one.values())))
def test_a_recount_agrees(cast, policy, asked, wanted):
    """Request by request with plain routing, and the past asked of the database."""
    rules = table(
        {
            "name": "Often",
            "when": {"currency": "EUR", "recent": wanted},
            "steps": [{"team": "Finance", "quorum": 3}],
        },
        {"name": "Large", "when": {"currency": "EUR", "amount_from": 5_001}},
        {"name": "Rest", "steps": []},
    )
    counted: Counter = Counter()
    for item in ApprovalRequest.objects.order_by("created_at", "id"):
        counted[_recounted(item, rules)] += 1
    told = []
    found = simulate(policy, rules, **EVERYTHING, tell=told.append)
    assert found.requests == 40
    assert {way: found.counts[way] for way in WAYS} == {way: counted[way] for way in WAYS}
    assert Counter(one.way for one in told) == Counter(
        {way: n for way, n in counted.items() if way != "same"}
    )
    assert sum(found.rules.values()) == 40 - counted["same"]


def _recounted(item: ApprovalRequest, rules: list) -> str:
    teams = tuple(
        Membership.objects.filter(user=item.requested_by_id).values_list("group", flat=True)
    )
    wanted = Asked(
        kind=item.kind,
        amount=item.amount,
        currency=item.currency,
        customer=item.customer,
        person_key=item.requester_key,
        team_ids=teams,
        item_id=item.pk,
    )
    sums = {window: _before(window, wanted, item) for window in windows(rules)}
    facts = Facts(
        item.kind, item.amount, item.currency, frozenset(["Support"]), item.origin, recent=sums
    )
    was = next(rule for rule in item.policy_version.rules if rule.name == item.policy_rule)
    return way_of(was, route(rules, facts))


def _before(window: tuple, wanted: Asked, item: ApprovalRequest) -> Sums:
    return recent.sums([window], wanted, at=item.created_at)[window]


def test_the_first_rule_that_matches_counts_as_ever(cast, policy, asked):
    """The rules that are live change nothing."""
    found = simulate(policy, policy.live.rules, **EVERYTHING)
    assert (found.counts["same"], found.differences) == (40, [])


def test_amounts_and_ways(cast, policy, asked):
    rules = table({"name": "All", "when": {"currency": "EUR", "amount_from": 5_001}})
    found = simulate(policy, rules, **EVERYTHING)
    small = [item.amount for item in asked if item.amount < 5_001]
    assert found.counts["uncovered"] == len(small)
    assert found.amounts["uncovered", "EUR"] == sum(small)
    assert found.rules["Small refunds asked for by Support", ""] == len(small)


def test_what_nobody_could_approve(cast, policy, asked):
    rules = table({"name": "All", "steps": [{"team": "Finance", "quorum": 4}]})
    assert simulate(policy, rules, **EVERYTHING).nobody == 40
    few = table({"name": "All", "steps": [{"team": "Finance", "quorum": 3}]})
    large = sum(item.amount > 200_000 for item in asked)
    assert simulate(policy, few, **EVERYTHING).nobody == large
    gone = table({"name": "All", "steps": [{"team": "Nobody"}]})
    assert simulate(policy, gone, **EVERYTHING).nobody == 40


def test_waiting_is_estimated_from_what_steps_took(cast, policy):
    item = cast.ask(at=cast.now - timedelta(hours=3))
    cast.approve(item, at=cast.now)
    step = cast.get(item.ref).steps[0]
    took = (step.closed_at - step.opened_at).total_seconds()
    twice = table({"name": "All", "steps": [{"team": "Finance"}, {"team": "Finance"}]})
    found = simulate(policy, twice, **EVERYTHING)
    assert found.waiting_s == {"Finance": took}
    assert found.added_s == took
    together = [{"team": "Finance"}, {"team": "Finance", "with_previous": True}]
    assert simulate(policy, table({"name": "A", "steps": together}), **EVERYTHING).added_s == 0


def test_only_the_period_and_only_so_many(cast, policy, asked):
    half = {"since": asked[10].created_at, "until": asked[30].created_at}
    assert simulate(policy, policy.live.rules, **half).requests == 20
    cut = simulate(policy, policy.live.rules, **EVERYTHING, most=7)
    assert (cut.requests, cut.is_cut) == (7, True)


def test_teams_of_then_count(cast, policy):
    cast.ask(payload={"amount": 900})
    Membership.objects.filter(user=cast.requester).delete()
    found = simulate(policy, policy.live.rules, **EVERYTHING)
    assert found.counts["same"] == 1


def test_it_changes_nothing(cast, policy, asked):
    before = list(ApprovalRequest.objects.order_by("id").values_list("version", "policy_rule"))
    simulate(policy, table({"name": "All"}), **EVERYTHING)
    assert (
        list(ApprovalRequest.objects.order_by("id").values_list("version", "policy_rule")) == before
    )


# --- The command --------------------------------------------------------------------------------------


def run(*arguments: str, **options: object) -> str:
    out = io.StringIO()
    period = ["--from", "2026-01-01", "--to", "2027-01-01"]
    call_command("simulate_policy", "refunds", *arguments, *period, stdout=out, **options)
    return out.getvalue()


def test_every_number_has_its_list(cast, policy, asked, tmp_path):
    file = tmp_path / "differ.csv"
    load_policy(
        slug="refunds",
        name="Refunds",
        table=[{"name": "All", "steps": [{"team": "Finance"}]}],
        at=cast.now,
    )
    said = json.loads(run("--version-number", "2", "--json", "--csv", str(file)))
    with file.open() as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == said["requests"] - said["same"]
    assert Counter(row["way"] for row in rows)["more_approvals"] == said["more_approvals"]
    assert {row["ref"] for row in rows} <= {item.ref for item in asked}


def test_no_cell_of_its_file_is_a_formula(cast, policy, asked, tmp_path):
    file = tmp_path / "differ.csv"
    table = [{"name": "=1+1", "steps": [{"team": "Finance"}]}]
    load_policy(slug="refunds", name="Refunds", table=table, at=cast.now)
    run("--version-number", "2", "--csv", str(file))
    with file.open() as opened:
        assert {row["would_be"] for row in csv.DictReader(opened)} == {"'=1+1"}


def test_in_words(cast, policy, asked):
    said = run("--version-number", "1")
    assert "40 requests were looked at." in said
    assert "40 the same approvals" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["refunds", "--version-number", "9"],
        ["nothing", "--version-number", "1"],
        ["refunds", "--file", "/nowhere.toml"],
    ],
)
def test_what_there_is_not(arguments):
    with pytest.raises(CommandError):
        call_command("simulate_policy", *arguments, "--from", "2026-01-01", "--to", "2026-02-01")


@pytest.mark.parametrize(("since", "until"), [("x", "2026-02-01"), ("2026-02-01", "2026-02-01")])
def test_a_period_that_is_none(cast, since, until):
    with pytest.raises(CommandError):
        call_command(
            "simulate_policy", "refunds", "--version-number", "1", "--from", since, "--to", until
        )


def test_no_file_is_written_over(cast, policy, tmp_path):
    there = tmp_path / "differ.csv"
    there.write_text("mine")
    with pytest.raises(CommandError, match="exists"):
        run("--version-number", "1", "--csv", str(there))
    assert there.read_text() == "mine"
