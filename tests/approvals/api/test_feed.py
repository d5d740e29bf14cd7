"""The feed over the API: who is told what, from where, and how far one call looks."""

import pytest
from django.db import transaction

from approvals.api import feed as api_feed
from approvals.commands import decide
from approvals.refusals import NotAllowed
from audit.feed import is_settled
from audit.recorder import Actor, Target, record
from tests.approvals.api.conftest import code
from tests.demo.conftest import until

pytestmark = pytest.mark.usefixtures("committed_db")


def followed(caller, query=""):
    """Everything that one caller is told, page by page, and the last cursor."""
    until(is_settled)
    found, cursor = [], ""
    while True:
        page = caller.get(f"/events?limit=2{query}{cursor and '&after=' + cursor}").json()
        found += page["items"]
        cursor = page["cursor"]
        if not page["has_more"]:
            return found, cursor


def told(caller):
    return [(event["stream"], event["action"]) for event in followed(caller)[0]]


def test_each_is_told_of_the_requests_that_they_may_see(calls, cast):
    refund, change = cast.ask(), cast.ask_for_account_change()
    foreign = cast.ask(by=cast.other_requester)
    everything = [(item.stream, "request.submit") for item in (refund, change, foreign)]
    assert told(calls(cast.operator)) == everything
    assert told(calls(cast.stranger)) == []


def test_refused_attempts_are_told_to_auditors_only(calls, cast, now):
    item = cast.ask()
    with pytest.raises(NotAllowed):
        decide.approve(ref=item.ref, by=cast.operator, at=now, key=cast.key(), revision=1, step=1)
    attempt = (f"person/{cast.operator.person_key}", "request.approve")
    assert told(calls(cast.auditor)) == [(item.stream, "request.submit"), attempt]
    assert told(calls(cast.operator)) == [(item.stream, "request.submit")]
    assert told(calls(cast.approver)) == [(item.stream, "request.submit")]


def test_sign_ins_are_told_to_nobody(calls, cast, client):
    client.force_login(cast.operator, backend="accounts.adapter.PeopleOnly")
    assert told(calls(cast.auditor)) == []


def test_from_a_cursor_only_what_came_later_is_told(calls, cast):
    caller = calls(cast.operator)
    cast.ask()
    _, cursor = followed(caller)
    later = cast.ask()
    found, end = followed(caller, f"&after={cursor}")
    assert [event["stream"] for event in found] == [later.stream]
    assert followed(caller, f"&after={end}")[0] == []


def test_one_call_looks_so_far_and_says_that_there_is_more(calls, cast, monkeypatch, now):
    """However much happens that is not for this reader's eyes, a call stays short."""
    monkeypatch.setattr(api_feed, "LONGEST_LOOK", 3)
    clock = Actor(type="clock", id="clock", label="The clock")
    for number in range(7):
        with transaction.atomic():
            target = Target("test", str(number))
            record(stream=f"t/{number}", action="test", actor=clock, target=target, at=now)
    item = cast.ask()
    caller = calls(cast.operator)
    until(is_settled)
    first = caller.get("/events").json()
    assert (first["items"], first["has_more"]) == ([], True)
    assert told(caller) == [(item.stream, "request.submit")]


@pytest.mark.parametrize("after", ["x", "x" * 201, "", "%00", "WzEsMl0:a:b"])
def test_a_place_that_is_not_ours_is_refused(calls, cast, after):
    if after == "":
        assert calls(cast.operator).get("/events?after=").status_code == 200
        return
    answer = code(calls(cast.operator).get(f"/events?after={after}"))
    assert answer in ("cursor", "validation", "malformed")
