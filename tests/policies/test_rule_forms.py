"""The form of a rule, there and back: nothing is lost; and what is done to a table."""

import copy

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals import policy_table
from approvals.models import Policy
from approvals.policy_table import parse
from approvals.refusals import Invalid
from policies import typed
from policies.edits import Add, Change, Move, Remove, merged
from policies.rule_forms.fields import names
from policies.rule_forms.rule import NOBODY_CAN, WHOSE
from policies.rule_forms.steps import DO
from policies.rule_forms.whole import WholeForm, for_rule
from tests.policies.sent import sent

TEAMS = ["Finance", "Risk", "Support"]
FULL = {
    "name": "Everything",
    "when": {
        "kind": "refund",
        "currency": "EUR",
        "amount_from": 0,
        "amount_to": 2**53 - 1,
        "value_currency": "JPY",
        "value_from": 5,
        "value_to": 12_345_678,
        "requester_team": "Support",
        "origin": "api",
        "recent": {"of": "customer", "within": "7 d", "total_from": 100_000},
    },
    "steps": [
        {"team": "Finance"},
        {
            "team": "Risk",
            "also": ["Support", "Finance"],
            "quorum": 2,
            "due_after": "4 h",
            "warn_after": "180 min",
            "hours_of": "Risk",
            "person_present": True,
            "with_previous": True,
            "escalate": [
                {"after": "1 h", "do": "remind"},
                {"after": "2 h", "do": "tell_lead"},
                {"after": "3 h", "do": "widen", "to": "Support"},
            ],
        },
    ],
    "start_delay": "30 s",
    "max_attempts": 50,
    "expires_after": "0 s",
    "distinct_people": True,
    "if_nobody_can": "refuse",
}


def posted(form: WholeForm) -> QueryDict:
    """What a browser would send of a form, without a page around it."""
    page = "".join(
        [str(form.rule), str(form.steps.management_form)]
        + [f"{step}{step.escalations}" for step in form.steps]
    )
    data = QueryDict(mutable=True)
    for name, values in sent(f"<main>{page}").items():
        data.setlist(name, values)
    return data


def round_trip(rule: dict) -> dict:
    chosen = names(TEAMS, rule)
    shown = for_rule(names=chosen, was=rule, purpose="")
    form = WholeForm(names=chosen, was=rule, data=posted(shown))
    assert form.is_valid(), [text for one in form for text in one.errors] + form.non_field_errors
    return merged(rule, form.typed())


# --- Nothing is lost --------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["refunds", "account-changes"])
def test_every_rule_of_the_demo_goes_there_and_back(db, cast, slug):
    for rule in Policy.objects.get(slug=slug).live.table:
        assert round_trip(rule) == rule


def test_a_rule_that_says_everything_goes_there_and_back():
    assert parse([FULL])
    assert round_trip(FULL) == FULL


def test_the_forms_know_every_word_of_the_grammar():
    """A word that is new there needs a field here."""
    chosen = names(TEAMS, FULL)
    shown = for_rule(names=chosen, was=FULL, purpose="")
    filled = WholeForm(names=chosen, was=FULL, data=posted(shown)).typed()
    assert set(filled) == policy_table.RULE_WORDS
    assert set(filled["when"]) == policy_table.CONDITIONS
    assert set(filled["steps"][0]) - {"was"} == policy_table.STEP_WORDS
    assert tuple(WHOSE) == policy_table.OF
    assert tuple(NOBODY_CAN) == policy_table.IF_NOBODY_CAN
    assert tuple(DO) == policy_table.ESCALATIONS
    assert set(FULL) == policy_table.RULE_WORDS
    assert set(FULL["when"]) == policy_table.CONDITIONS
    assert set(FULL["steps"][1]) == policy_table.STEP_WORDS


@pytest.mark.parametrize(
    "rule",
    [
        {
            "name": "Written defaults",
            "when": {},
            "steps": [],
            "start_delay": "0 s",
            "max_attempts": 8,
        }
        | {"expires_after": "30 d", "distinct_people": False, "if_nobody_can": "flag"},
        {
            "name": "Of a step",
            "steps": [
                {"team": "Risk", "quorum": 1, "also": [], "hours_of": "", "escalate": []}
                | {"person_present": False, "with_previous": False, "due_after": "0 s"}
            ],
        },
        {
            "name": "Escalations",
            "steps": [{"team": "Risk", "escalate": [{"after": "1 h", "do": "remind", "to": ""}]}],
        },
        {
            "name": "Times",
            "steps": [{"team": "Risk", "due_after": "004 h", "warn_after": "20 min"}],
        },
        {"name": "Nobody knows", "when": {"kind": "gift", "currency": "EUX", "amount_from": 1}}
        | {"steps": [{"team": "Gone", "also": ["Away"], "hours_of": "Lost"}]},
        {"name": "  Spaces \u202eand\nlines ", "steps": [{"team": "Ri\u202esk"}]},
        {"name": "Ten", "steps": [{"team": "Risk"}] * 10},
        {"name": "R", "when": {"recent": {"of": "requester", "within": "1 d", "count_from": 8}}}
        | {"steps": []},
        {"name": "Yen", "when": {"currency": "JPY", "amount_to": 0}, "steps": []},
        {"name": "Dinar", "when": {"currency": "KWD", "amount_to": 1_234_567}, "steps": []},
    ],
    ids=lambda rule: rule["name"].strip()[:12],
)
def test_what_is_odd_goes_there_and_back(rule):
    assert parse([rule])
    assert round_trip(rule) == rule


def test_words_that_the_forms_do_not_know_are_kept():
    was = {
        "name": "A",
        "later": 1,
        "when": {
            "moon": "full",
            "recent": {"of": "customer", "within": "1 d", "count_from": 2, "x": 1},
        },
        "steps": [
            {"team": "Risk", "veto": True, "escalate": [{"after": "1 h", "do": "remind", "y": 2}]}
        ],
    }
    known = copy.deepcopy(was)
    del known["later"], known["when"]["moon"], known["when"]["recent"]["x"]
    del known["steps"][0]["veto"], known["steps"][0]["escalate"][0]["y"]
    chosen = names(TEAMS, known)
    shown = for_rule(names=chosen, was=known, purpose="")
    form = WholeForm(names=chosen, was=known, data=posted(shown))
    assert form.is_valid()
    assert merged(was, form.typed()) == was


seconds = st.integers(1, 90 * 24 * 3600)
spans = st.one_of(
    seconds.map(lambda number: f"{number} s"),
    st.integers(1, 60).map(lambda number: f"{number} min"),
    st.integers(1, 90).map(lambda number: f"{number} d"),
)
teams = st.sampled_from([*TEAMS, "Gone"])
amounts = st.integers(0, 2**53 - 1)


@st.composite
def conditions(draw) -> dict:
    found = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "kind": st.sampled_from(["refund", "manual", "gift"]),
                "requester_team": teams,
                "origin": st.sampled_from(["page", "api"]),
                "currency": st.sampled_from(["EUR", "JPY", "KWD", "EUX"]),
            },
        )
    )
    if "currency" in found:
        found |= _range(draw, "amount")
    if draw(st.booleans()):
        value = _range(draw, "value") or {"value_from": draw(amounts)}
        found |= {"value_currency": draw(st.sampled_from(["USD", "JPY"])), **value}
    if draw(st.booleans()):
        what = "total_from" if "currency" in found and draw(st.booleans()) else "count_from"
        limit = {what: draw(st.integers(1, 2**53 - 1))}
        found["recent"] = {
            "of": draw(st.sampled_from(policy_table.OF)),
            "within": draw(spans),
        } | limit
    return found


def _range(draw, what: str) -> dict:
    low, high = sorted((draw(amounts), draw(amounts)))
    ends = draw(st.sampled_from([(), ("from",), ("to",), ("from", "to")]))
    return {f"{what}_{end}": low if end == "from" else high for end in ends}


@st.composite
def steps(draw) -> dict:
    team = draw(teams)
    found = draw(
        st.fixed_dictionaries(
            {"team": st.just(team)},
            optional={
                "quorum": st.integers(1, 20),
                "due_after": st.just("90 d"),
                "warn_after": spans,
                "hours_of": st.one_of(st.just(""), teams),
                "person_present": st.booleans(),
                "with_previous": st.booleans(),
                "also": st.lists(teams.filter(lambda other: other != team), unique=True),
            },
        )
    )
    afters = draw(st.lists(seconds, max_size=3, unique=True).map(sorted))
    if afters:
        found["escalate"] = [_escalation(draw, after) for after in afters]
    return found


def _escalation(draw, after: int) -> dict:
    do = draw(st.sampled_from(policy_table.ESCALATIONS))
    return {"after": f"{after} s", "do": do} | ({"to": draw(teams)} if do == "widen" else {})


rules = st.fixed_dictionaries(
    {
        "name": st.text(min_size=1, max_size=120).filter(
            lambda text: "\x00" not in text and text.isprintable()
        ),
        "steps": st.lists(steps(), max_size=3),
    },
    optional={
        "when": conditions(),
        "start_delay": spans,
        "expires_after": spans,
        "max_attempts": st.integers(1, 50),
        "distinct_people": st.booleans(),
        "if_nobody_can": st.sampled_from(["flag", "refuse"]),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rules)
def test_whatever_a_table_may_say_goes_there_and_back(rule):
    assert parse([rule])
    assert round_trip(rule) == rule


# --- What is done to a table ------------------------------------------------------------------------

ABC = [{"name": name, "steps": []} for name in "ABC"]
NEW = {"name": "N", "when": {}, "steps": []}


def order(table: list) -> str:
    return "".join(rule["name"] for rule in table)


@pytest.mark.parametrize(
    ("edit", "after"),
    [
        (Add(1, NEW), "NABC"),
        (Add(4, NEW), "ABCN"),
        (Change(2, NEW), "ANC"),
        (Change(2, {**NEW, "name": "B"}), "ABC"),
        (Remove(1), "BC"),
        (Move(1, to=2), "BAC"),
        (Move(3, to=1), "CAB"),
    ],
)
def test_what_a_table_is_after_it(edit, after):
    before = copy.deepcopy(ABC)
    assert order(edit.applied(ABC)) == after
    assert before == ABC
    assert edit.sentence(ABC)


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (Add(5, NEW), "no place 5"),
        (Add(1, {**NEW, "name": "C"}), "Another rule is called “C”"),
        (Change(1, {**NEW, "name": "C"}), "Another rule is called “C”"),
        (Change(4, NEW), "no rule 4"),
        (Remove(0), "no rule 0"),
        (Move(1, to=0), "stands there already"),
        (Move(3, to=4), "stands there already"),
    ],
)
def test_what_cannot_be_done(edit, sentence):
    with pytest.raises(Invalid, match=sentence):
        edit.applied(ABC)


def test_the_last_rule_stays():
    with pytest.raises(Invalid, match="only rule"):
        Remove(1).applied(ABC[:1])


def test_emptied_fields_take_their_words_out():
    typed_in = {"name": "E", "when": dict.fromkeys(FULL["when"]), "steps": [], "max_attempts": None}
    found = merged(FULL, typed_in)
    assert found["when"] == {}
    assert found["steps"] == []
    assert "max_attempts" not in found


# --- Times and amounts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [("4 h", "4 h"), ("4h", "4 h"), (" 2 Days ", "2 d"), ("90 minutes", "90 min"), ("0 s", "0 s")],
)
def test_times(text, found):
    assert typed.time(text) == found


@pytest.mark.parametrize(
    "text", ["4", "h", "-4 h", "4.5 h", "91 d", "99999999999 s", "4 weeks", "٤ hours", "4 h\x00"]
)
def test_what_is_no_time(text):
    with pytest.raises(typed.Mistyped):
        typed.time(text)


@pytest.mark.parametrize(
    ("text", "currency", "found"),
    [
        *(("1,240.00", "EUR", 124_000), ("EUR 5", "EUR", 500), ("0", "EUR", 0), ("7", "JPY", 7)),
        *(("1.234", "KWD", 1234), ("90,071,992,547,409.91", "EUR", 2**53 - 1)),
    ],
)
def test_amounts(text, currency, found):
    assert typed.minor_units(text, currency) == found
    assert typed.minor_units(typed.shown(found, currency), currency) == found


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        *(("-5", "EUR"), ("1,24", "EUR"), ("1.240,00", "EUR"), ("5.0", "EUR"), ("5.00", "JPY")),
        *(("USD 5", "EUR"), ("1e9", "EUR"), ("90071992547409.92", "EUR"), ("9" * 16, "JPY")),
        *(("", "EUR"), ("٥", "EUR"), ("5\x00", "EUR")),
    ],
)
def test_what_is_no_amount(text, currency):
    with pytest.raises(typed.Mistyped):
        typed.minor_units(text, currency)
