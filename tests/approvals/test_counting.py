"""What tabs and bar count: each request once, and what fails by its cause."""

from dataclasses import replace

import pytest

from accounts import grants
from approvals import counting, queries
from approvals.commands import decide, operate
from approvals.commands.watch import watch_cause
from approvals.counting import Tally
from approvals.kinds.base import Refused, Unknown
from approvals.models import Queue


def counted(cast, person, *, by_token: bool = False) -> counting.Counted:
    """Compared with the lists of the same person."""
    by = cast.access(person)
    by = replace(by, auth_method="token") if by_token else by
    found = counting.count(by, cast.now)
    lists = {
        view: queries.open_requests(by).filter(queries.in_view(view, by, cast.now)).count()
        for view in queries.VIEWS
    }
    assert found.views == lists
    return found


@pytest.fixture
def deciding_operator(cast):
    """Who decides and can own requests, too."""
    grants.give("operate_request", to=cast.approver, on=Queue.objects.get(slug="refunds"))
    return cast.approver


def own(cast, item, person) -> None:
    operate.claim(ref=item.ref, by=person, at=cast.now, key=cast.key())


def test_what_one_owns_and_can_decide_counts_once(cast, deciding_operator):
    own(cast, cast.ask(), deciding_operator)
    cast.ask()
    found = counted(cast, deciding_operator)
    assert (found.views["me"], found.decide) == (2, 2)


def test_what_one_owns_and_cannot_decide_counts_under_needs_me_only(cast, deciding_operator):
    item = cast.ask(payload={"amount": 200_000})
    own(cast, item, deciding_operator)
    cast.approve(item, deciding_operator)
    found = counted(cast, deciding_operator)
    assert (found.views["me"], found.decide) == (1, 0)


def test_a_question_waits_for_who_asked_for_it(cast):
    item = cast.ask()
    decide.send_back(
        ref=item.ref,
        by=cast.approver,
        at=cast.now,
        key=cast.key(),
        revision=1,
        step=1,
        reason="Why?",
    )
    assert counted(cast, cast.requester).views["me"] == 1
    assert counted(cast, cast.other_requester).views["me"] == 0


def test_a_token_counts_what_it_can_decide(cast):
    cast.ask()
    assert counted(cast, cast.approver, by_token=True).decide == 1


def test_who_has_no_queue_counts_nothing(cast):
    cast.ask()
    found = counted(cast, cast.stranger)
    assert {*found.views.values(), found.decide} == {0}


def test_who_has_left_counts_nothing(cast):
    cast.ask()
    cast.requester.is_active = False
    cast.requester.save()
    assert {*counted(cast, cast.requester).views.values()} == {0}


def failing(cast, provider, result) -> None:
    provider.sends = provider.finds = result
    item = cast.approve(cast.ask())
    cast.run(item, at=item.starts_at)


def test_what_retries_and_what_needs_a_person_are_told_apart_by_cause(cast, provider):
    for _ in range(2):
        failing(cast, provider, Refused("provider-busy", permanent=False, evidence="busy"))
    failing(cast, provider, Unknown("no-answer"))
    assert counted(cast, cast.operator).tallies == {
        "provider-busy": Tally(retrying=2, needing=0, is_quiet=True),
        "no-answer": Tally(retrying=0, needing=1, is_quiet=False),
    }


def test_what_the_provider_has_accepted_needs_nobody(cast, provider):
    failing(cast, provider, Unknown("provider-pending"))
    assert counted(cast, cast.operator).tallies == {"provider-pending": Tally(0, 0, True)}


def test_a_cause_that_is_watched_is_news_with_more_than_that(cast, provider):
    failing(cast, provider, Unknown("no-answer"))
    watch_cause(code="no-answer", above=1, by=cast.operator, at=cast.now)
    found = counted(cast, cast.operator)
    assert found.watched == {"no-answer": 1}
    assert found.tallies["no-answer"].is_quiet
    assert not counted(cast, cast.second_operator).tallies["no-answer"].is_quiet
    failing(cast, provider, Unknown("no-answer"))
    assert not counted(cast, cast.operator).tallies["no-answer"].is_quiet
