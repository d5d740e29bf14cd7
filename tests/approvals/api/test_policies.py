"""Trying other rules over past requests: changes nothing, and is for who manages the policy."""

import pytest

from approvals.api import policies
from approvals.models import ApprovalRequest
from audit.models import Event
from tests.approvals.api.conftest import code, problem

PERIOD = {"from": "2026-11-24T00:00:00Z", "to": "2026-11-25T00:00:00Z"}
STRICTER = [{"name": "Two", "steps": [{"team": "Finance", "quorum": 2}]}]


@pytest.fixture
def admin(calls, cast):
    return calls(cast.admin)


def simulated(caller, **changes):
    return caller.post("/policies/refunds/simulations", {**PERIOD, **changes}, key=None)


def test_rules_of_ones_own_are_run_over_the_period(admin, cast):
    small, large = cast.ask(), cast.ask(payload={"amount": 900000})
    before = Event.objects.count()
    found = simulated(admin, rules=STRICTER).json()
    assert (found["requests"], found["same"], found["more_approvals"]) == (2, 1, 1)
    assert [one["ref"] for one in found["differences"]] == [small.ref]
    assert found["differences"][0]["would_be"] == "Two"
    assert ApprovalRequest.objects.get(pk=large.pk).version == 1
    assert Event.objects.count() == before


def test_a_version_of_the_policy_is_run(admin, cast):
    cast.ask()
    assert simulated(admin, version=1).json()["same"] == 1
    assert code(simulated(admin, version=99)) == "validation"
    assert code(simulated(admin, version=10**12)) == "validation"


@pytest.mark.parametrize(
    ("rules", "way"),
    [
        ([{"name": "None", "steps": []}], "fewer_approvals"),
        ([{"name": "Other", "steps": [{"team": "Operations"}]}], "other_teams"),
        ([{"name": "JPY", "when": {"currency": "JPY"}, "steps": []}], "uncovered"),
    ],
)
def test_each_way_of_being_different_is_counted(admin, cast, rules, way):
    cast.ask()
    assert simulated(admin, rules=rules).json()[way] == 1


def test_what_lies_outside_of_the_period_is_left_out(admin, cast):
    cast.ask()
    later = {"from": "2026-11-25T00:00:00Z", "to": "2026-11-26T00:00:00Z"}
    assert simulated(admin, rules=STRICTER, **later).json()["requests"] == 0


def test_too_many_are_cut_and_said_so(admin, cast, monkeypatch):
    monkeypatch.setattr(policies, "MOST", 1)
    cast.ask()
    cast.ask()
    found = simulated(admin, rules=STRICTER).json()
    assert (found["requests"], found["is_cut"]) == (1, True)


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({}, "/rules"),
        ({"rules": STRICTER, "version": 1}, "/rules"),
        ({"rules": []}, "/rules"),
        ({"rules": [{"name": "x", "steps": "all"}]}, "/rules"),
        ({"version": 1, "to": "2026-11-23T00:00:00Z"}, "/to"),
        ({"version": 1, "to": "tomorrow"}, "/to"),
        ({"version": "1"}, "/version"),
    ],
)
def test_what_cannot_be_run_is_said(admin, wrong, pointer):
    body = problem(simulated(admin, **wrong))
    assert (body["status"], body["errors"][0]["pointer"]) == (400, pointer)


def test_others_are_refused_or_see_no_policy(calls, cast):
    assert code(simulated(calls(cast.operator), version=1)) == "not-allowed"
    assert code(simulated(calls(cast.stranger), version=1)) == "not-found"
