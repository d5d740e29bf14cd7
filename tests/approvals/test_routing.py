"""Decision tables: what they say, and everything that is wrong with one."""

import copy
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.commands.policies import load_policy, read_policy_file
from approvals.models import PolicyVersion
from approvals.policy_table import CONDITIONS, MalformedPolicy, parse
from approvals.routing import Facts, route
from audit.models import Event

POLICIES = Path(__file__).parents[2] / "demo" / "policies"
REFUNDS = parse(read_policy_file(POLICIES / "refunds.toml")["table"])


def facts(**changes):
    return Facts(
        **{
            "kind": "refund",
            "amount": 8800,
            "currency": "EUR",
            "requester_teams": frozenset({"Support"}),
            "origin": "page",
            **changes,
        }
    )


def rule(**changes):
    return {"name": "One", "when": {"kind": "refund"}, "steps": [{"team": "Finance"}], **changes}


def problems(table) -> list[str]:
    with pytest.raises(MalformedPolicy) as caught:
        parse(table)
    return caught.value.problems


@pytest.mark.parametrize(
    ("amount", "name"),
    [
        (1, "Small refunds asked for by Support"),
        (5000, "Small refunds asked for by Support"),
        (5001, "Refunds over EUR 50"),
        (100_000, "Refunds over EUR 50"),
        (100_001, "Refunds over EUR 1,000"),
        (10**12, "Refunds over EUR 1,000"),
    ],
)
def test_the_amount_chooses_the_rule(amount, name):
    assert route(REFUNDS, facts(amount=amount)).name == name


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "USD"},
        {"amount": None, "currency": ""},
        {"kind": "account_change"},
        {"amount": 100, "requester_teams": frozenset({"Operations"})},
        {"amount": 100, "requester_teams": frozenset()},
    ],
    ids=str,
)
def test_what_no_rule_speaks_of_has_no_rule(changes):
    assert route(REFUNDS, facts(**changes)) is None


def test_the_first_rule_that_matches_counts():
    rules = parse([rule(name="First"), rule(name="Second")])
    assert route(rules, facts()).name == "First"


def test_a_rule_without_conditions_matches_everything():
    assert route(parse([rule(when={})]), facts(kind="whatever")) is not None


@pytest.mark.parametrize(
    ("when", "fitting", "unfitting"),
    [
        ({"kind": "refund"}, {}, {"kind": "manual"}),
        ({"currency": "EUR"}, {}, {"currency": "USD"}),
        ({"currency": "EUR", "amount_from": 10}, {"amount": 10}, {"amount": 9}),
        ({"currency": "EUR", "amount_to": 10}, {"amount": 10}, {"amount": 11}),
        ({"currency": "EUR", "amount_from": 0}, {"amount": 1}, {"amount": None}),
        ({"requester_team": "Support"}, {}, {"requester_teams": frozenset({"Finance"})}),
        ({"origin": "api"}, {"origin": "api"}, {"origin": "page"}),
    ],
    ids=str,
)
def test_each_condition_tells_fitting_from_unfitting(when, fitting, unfitting):
    rules = parse([rule(when=when)])
    assert (route(rules, facts(**fitting)) is None, route(rules, facts(**unfitting)) is None) == (
        False,
        True,
    )


def test_every_condition_can_be_checked():
    from approvals.routing import _CHECKS

    assert set(_CHECKS) == CONDITIONS


def test_times_are_read_as_seconds():
    (parsed,) = parse(
        [
            rule(
                steps=[{"team": "Finance", "due_after": "4 h", "warn_after": "20 min"}],
                start_delay="30 s",
                expires_after="2 d",
            )
        ]
    )
    step = parsed.steps[0]
    assert (step.due_after_s, step.warn_after_s, parsed.start_delay_s, parsed.expires_after_s) == (
        14_400,
        1_200,
        30,
        172_800,
    )


def test_what_is_not_said_has_a_default():
    (parsed,) = parse([rule()])
    assert (parsed.start_delay_s, parsed.max_attempts, parsed.expires_after_s) == (
        0,
        8,
        30 * 86_400,
    )


@pytest.mark.parametrize(
    "table",
    [
        [],
        None,
        {},
        "rules",
        [None],
        [rule(name="")],
        [rule(name=7)],
        [rule(name="x" * 121)],
        [{"name": "No steps", "when": {}}],
        [rule(stepps=[])],
        [rule(when=[])],
        [rule(when={"colour": "red"})],
        [rule(when={"kind": ""})],
        [rule(when={"kind": 7})],
        [rule(when={"amount_from": 5})],
        [rule(when={"currency": "EUR", "amount_from": "5"})],
        [rule(when={"currency": "EUR", "amount_from": True})],
        [rule(when={"currency": "EUR", "amount_from": -1})],
        [rule(when={"currency": "EUR", "amount_to": 2**53})],
        [rule(when={"currency": "EUR", "amount_from": 6, "amount_to": 5})],
        [rule(when={"origin": "mail"})],
        [rule(when={"origin": ["page"]})],
        [rule(steps={})],
        [rule(steps=None)],
        [rule(steps=[{"team": "Finance"}] * 11)],
        [rule(steps=["Finance"])],
        [rule(steps=[{}])],
        [rule(steps=[{"team": ""}])],
        [rule(steps=[{"team": "Finance", "quorum": 0}])],
        [rule(steps=[{"team": "Finance", "quorum": 21}])],
        [rule(steps=[{"team": "Finance", "quorum": "two"}])],
        [rule(steps=[{"team": "Finance", "who": "Ines"}])],
        [rule(steps=[{"team": "Finance", "due_after": "1 h", "warn_after": "2 h"}])],
        [rule(steps=[{"team": "Finance", "due_after": "1h"}])],
        [rule(start_delay=30)],
        [rule(start_delay="-1 s")],
        [rule(start_delay="91 d")],
        [rule(expires_after="soon")],
        [rule(max_attempts=0)],
        [rule(max_attempts=51)],
        [rule(max_attempts=True)],
    ],
    ids=lambda table: str(table)[:60],
)
def test_a_table_that_cannot_be_used_is_refused_with_sentences(table):
    assert all(problem.endswith((".", "”")) for problem in problems(table))


def test_a_problem_names_its_rule():
    assert problems([rule(), rule(name="Two", steps=None)])[0].startswith("Rule 2 (Two)")


def test_every_problem_is_named_at_once():
    assert (
        len(problems([rule(name=""), rule(max_attempts=0), rule(name="Two", start_delay="x")])) == 3
    )


def test_two_rules_of_one_name_are_refused():
    """I2: proof finds the rule of a request by its name, so a second one could never be sent."""
    assert problems([rule(), rule(steps=[{"team": "Finance", "quorum": 2}])])


WORDS = ["name", "when", "steps", "team", "quorum", "due_after", "start_delay", *sorted(CONDITIONS)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(WORDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(table=st.lists(JSON, max_size=3))
def test_any_table_is_parsed_or_refused(table):
    try:
        parse(table)
    except MalformedPolicy as malformed:
        assert malformed.problems


@given(
    table=st.lists(
        st.fixed_dictionaries({"name": st.text(max_size=9), "when": JSON, "steps": JSON})
    )
)
def test_any_rules_are_parsed_or_refused(table):
    try:
        parse(table)
    except MalformedPolicy as malformed:
        assert malformed.problems


@given(amount=st.integers(1, 10**12), teams=st.frozensets(st.sampled_from(["Support", "Finance"])))
def test_money_never_moves_without_approval_above_fifty_euros(amount, teams):
    found = route(REFUNDS, facts(amount=amount, requester_teams=teams))
    assert found is None or found.steps or amount <= 5000


@given(amount=st.integers(1, 10**12))
def test_more_money_never_needs_fewer_people(amount):
    def people(of: int) -> int:
        return sum(step.quorum for step in route(REFUNDS, facts(amount=of)).steps)

    assert people(amount) <= people(amount + 1)


# --- Files and versions ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_policies_of_the_sample_organisation_are_sound(path):
    assert parse(tomllib.loads(path.read_text())["rules"])


@pytest.mark.parametrize(
    "written",
    [
        "slug = ",
        'slug = "a"',
        'slug = "a"\nname = "A"',
        'slug = 7\nname = "A"\nrules = []',
        'slug = "a"\nname = "A"\nowner = "me"\n[[rules]]\nname = "x"\nsteps = []',
        "\xff",
    ],
    ids=repr,
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path, written):
    path = tmp_path / "policy.toml"
    path.write_bytes(written.encode("latin-1"))
    with pytest.raises(MalformedPolicy):
        read_policy_file(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(MalformedPolicy):
        read_policy_file(tmp_path / "none.toml")


def test_the_same_table_again_is_the_same_version(cast):
    policy = read_policy_file(POLICIES / "refunds.toml")
    before = PolicyVersion.objects.count()
    load_policy(**policy, at=cast.now)
    assert PolicyVersion.objects.count() == before


def test_another_table_is_the_next_version_and_live(cast):
    policy = copy.deepcopy(read_policy_file(POLICIES / "refunds.toml"))
    policy["table"][0]["max_attempts"] = 3
    version = load_policy(**policy, at=cast.now, by=cast.admin)
    assert (version.number, version.policy.live) == (2, version)


def test_a_new_version_is_recorded_with_who_loaded_it(cast):
    load_policy(slug="refunds", name="Refunds", table=[rule()], at=cast.now, by=cast.admin)
    event = Event.objects.filter(stream="policy/refunds").latest("seq")
    assert (event.action, event.actor_label, event.version_after) == (
        "policy.load",
        "Ada Lindqvist",
        2,
    )
