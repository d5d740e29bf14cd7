"""Two people find out what no program could tell."""

from datetime import timedelta

import pytest

from accounts import grants
from accounts.models import User
from approvals import queries
from approvals.commands import settle, submit
from approvals.kinds.base import Done, Refused, Unknown
from approvals.models import Settlement, State
from approvals.refusals import (
    Invalid,
    NotAllowed,
    NotFound,
    RevisionMismatch,
    TransitionNotAllowed,
)
from tests.approvals.common import events_of, refused, refused_on


@pytest.fixture
def doubtful(cast, provider):
    """A refund whose outcome is unknown."""
    provider.sends = Unknown("no-answer")
    item = cast.approve(cast.ask())
    cast.run(item)
    return cast.get(item.ref)


def tried(cast, by, **body):
    return {"by": by, "at": cast.now + timedelta(minutes=9), "key": cast.key(), **body}


FOUND = {"revision": 1, "happened": True, "reason": "Stripe lists it.", "reference": "re_9"}


def find(cast, item, *, by=None, **changes):
    body = {**FOUND, **changes}
    return settle.settle(ref=item.ref, **tried(cast, by or cast.operator, **body))


def confirm(cast, item, *, by=None, **changes):
    body = {"revision": 1, **changes}
    return settle.confirm_settlement(
        ref=item.ref, **tried(cast, by or cast.second_operator, **body)
    )


def test_a_finding_alone_settles_nothing(cast, doubtful):
    find(cast, doubtful)
    assert cast.get(doubtful.ref).state == State.IN_DOUBT


def test_a_finding_says_that_a_second_person_must_confirm_it(cast, doubtful):
    assert find(cast, doubtful).sentence.endswith("A second person must confirm it.")


def test_a_finding_is_one_event_and_one_version(cast, doubtful):
    find(cast, doubtful)
    item = cast.get(doubtful.ref)
    assert item.version == doubtful.version + 1 == len(events_of(item))


@pytest.mark.parametrize(("happened", "state"), [(True, State.DONE), (False, State.NEEDS_PERSON)])
def test_confirmed_it_is_settled_as_found(cast, doubtful, happened, state):
    find(cast, doubtful, happened=happened)
    confirm(cast, doubtful)
    assert cast.get(doubtful.ref).state == state


def test_confirming_is_one_event_and_one_version(cast, doubtful):
    find(cast, doubtful)
    confirm(cast, doubtful)
    item = cast.get(doubtful.ref)
    assert item.version == doubtful.version + 2 == len(events_of(item))


@pytest.mark.parametrize(("happened", "said"), [(True, "done"), (False, "not done")])
def test_confirming_says_how_it_is_settled(cast, doubtful, happened, said):
    find(cast, doubtful, happened=happened)
    assert confirm(cast, doubtful).sentence == f"{doubtful.ref} is settled as {said}."


def test_a_settled_request_has_the_reference_that_was_found(cast, doubtful):
    find(cast, doubtful)
    confirm(cast, doubtful)
    effect = cast.get(doubtful.ref).effect
    assert (effect.provider_reference, effect.settled_at is not None) == ("re_9", True)


def test_settled_as_not_done_it_can_be_withdrawn(cast, doubtful):
    find(cast, doubtful, happened=False)
    confirm(cast, doubtful)
    submit.withdraw(ref=doubtful.ref, **tried(cast, cast.requester, reason="No."))
    assert cast.get(doubtful.ref).state == State.WITHDRAWN


def test_settled_it_is_not_asked_about_any_more(cast, doubtful, provider):
    provider.finds = Done("re_1")
    find(cast, doubtful, happened=False)
    confirm(cast, doubtful)
    assert cast.run(doubtful, at=cast.now + timedelta(hours=5)) == "nothing"


def test_the_finder_cannot_confirm(cast, doubtful):
    find(cast, doubtful)
    refusal = refused_on(
        NotAllowed, doubtful, settle.confirm_settlement, **tried(cast, cast.operator, revision=1)
    )
    assert refusal.facts["rule"] == "own-finding"


def test_the_finder_cannot_confirm_with_a_second_account(cast, doubtful):
    """I4."""
    find(cast, doubtful)
    other = User.objects.create(
        email="o@demo.test", name="Eleni Two", person_key=cast.operator.person_key
    )
    grants.give("operate_request", to=other, on=doubtful.queue)
    refusal = refused_on(
        NotAllowed, doubtful, settle.confirm_settlement, **tried(cast, other, revision=1)
    )
    assert refusal.facts["rule"] == "own-finding"


def test_the_requester_cannot_confirm(cast, doubtful):
    find(cast, doubtful)
    grants.give("operate_request", to=cast.requester, on=doubtful.queue)
    refusal = refused_on(
        NotAllowed, doubtful, settle.confirm_settlement, **tried(cast, cast.requester, revision=1)
    )
    assert refusal.facts["rule"] == "requester"


def test_an_approver_can_confirm(cast, doubtful):
    find(cast, doubtful)
    confirm(cast, doubtful, by=cast.approver)
    assert cast.get(doubtful.ref).state == State.DONE


@pytest.mark.parametrize("who", ["other_requester", "auditor"])
def test_others_cannot_confirm(cast, doubtful, who):
    find(cast, doubtful)
    refused_on(
        NotAllowed,
        doubtful,
        settle.confirm_settlement,
        **tried(cast, getattr(cast, who), revision=1),
    )


@pytest.mark.parametrize("who", ["requester", "approver", "auditor"])
def test_only_operations_can_find(cast, doubtful, who):
    refused_on(NotAllowed, doubtful, settle.settle, **tried(cast, getattr(cast, who), **FOUND))


def test_a_stranger_finds_nothing(cast, doubtful):
    refused_on(NotFound, doubtful, settle.settle, **tried(cast, cast.stranger, **FOUND))


@pytest.mark.parametrize("command", [settle.settle, settle.confirm_settlement])
def test_a_program_cannot_settle(cast, doubtful, command):
    find(cast, doubtful)
    robot = User.objects.create(email="r@demo.test", name="Robot", is_service=True)
    grants.give("operate_request", to=robot, on=doubtful.queue)
    body = FOUND if command is settle.settle else {"revision": 1}
    refusal = refused_on(NotAllowed, doubtful, command, **tried(cast, robot, **body))
    assert refusal.facts["rule"] == "not-a-person"


def test_a_newer_finding_replaces_the_open_one(cast, doubtful):
    find(cast, doubtful)
    find(cast, doubtful, by=cast.second_operator, happened=False)
    confirm(cast, doubtful, by=cast.operator)
    assert cast.get(doubtful.ref).state == State.NEEDS_PERSON


def test_only_one_finding_is_open_at_a_time(cast, doubtful):
    find(cast, doubtful)
    find(cast, doubtful, by=cast.second_operator)
    found = Settlement.objects.filter(item=doubtful, is_dropped=False, confirmed_at=None)
    assert found.count() == 1


def test_without_a_finding_there_is_nothing_to_confirm(cast, doubtful):
    refused_on(
        TransitionNotAllowed,
        doubtful,
        settle.confirm_settlement,
        **tried(cast, cast.second_operator, revision=1),
    )


def test_a_confirmed_finding_cannot_be_confirmed_again(cast, doubtful):
    find(cast, doubtful, happened=False)
    confirm(cast, doubtful)
    refused_on(
        TransitionNotAllowed,
        doubtful,
        settle.confirm_settlement,
        **tried(cast, cast.approver, revision=1),
    )


@pytest.mark.parametrize("evidence", ["", "  ", "x" * 2001, "a\x00b"])
def test_a_finding_without_evidence_is_refused(cast, doubtful, evidence):
    refused(
        Invalid,
        settle.settle,
        ref=doubtful.ref,
        **tried(cast, cast.operator, **{**FOUND, "reason": evidence}),
    )


@pytest.mark.parametrize("reference", ["x" * 201, "re\x00"])
def test_a_reference_that_cannot_be_kept_is_refused(cast, doubtful, reference):
    refused(
        Invalid,
        settle.settle,
        ref=doubtful.ref,
        **tried(cast, cast.operator, **{**FOUND, "reference": reference}),
    )


@pytest.mark.parametrize("command", [settle.settle, settle.confirm_settlement])
def test_a_stale_revision_is_refused(cast, provider, command):
    provider.sends = Unknown("no-answer")
    item = cast.ask()
    changed = {**cast.refund_arguments(payload={**item.payload, "amount": 9900}), "revision": 1}
    del changed["kind"]
    submit.resubmit(ref=item.ref, by=cast.requester, at=cast.now, key=cast.key(), **changed)
    cast.run(cast.approve(item))
    find(cast, item, revision=2)
    body = FOUND if command is settle.settle else {"revision": 1}
    refused_on(RevisionMismatch, item, command, **tried(cast, cast.second_operator, **body))


@pytest.mark.parametrize("command", [settle.settle, settle.confirm_settlement])
@pytest.mark.parametrize("revision", [2, 0, -1, 10**30])
def test_a_revision_that_never_was_is_refused(cast, doubtful, command, revision):
    find(cast, doubtful)
    body = {**FOUND, "revision": revision} if command is settle.settle else {"revision": revision}
    before = cast.get(doubtful.ref).version
    arguments = tried(cast, cast.second_operator, **body)
    refused(Invalid, command, ref=doubtful.ref, **arguments)
    assert cast.get(doubtful.ref).version == before


def test_what_waits_for_people_cannot_be_settled(cast):
    item = cast.ask()
    refused_on(TransitionNotAllowed, item, settle.settle, **tried(cast, cast.operator, **FOUND))


def test_what_was_refused_for_good_can_be_settled(cast, provider):
    provider.sends = Refused("payment-not-found", permanent=True)
    item = cast.approve(cast.ask())
    cast.run(item)
    find(cast, item)
    confirm(cast, item)
    assert cast.get(item.ref).state == State.DONE


def test_a_manual_task_ends_by_two_people(cast):
    answer = submit.submit(
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        kind="manual",
        payload={"title": "Call the bank", "instructions": "Ask for Ann."},
        customer="A. Silva",
        reason="Asked by phone.",
    )
    item = cast.approve(cast.get(answer.ref), by=cast.operator)
    cast.run(item)
    find(cast, item, reference="")
    confirm(cast, item)
    assert cast.get(item.ref).state == State.DONE


def test_what_people_settled_is_not_said_to_be_confirmed_by_the_provider(cast, doubtful):
    """I10: the page never claims more than is known."""
    find(cast, doubtful)
    confirm(cast, doubtful)
    item = cast.get(doubtful.ref)
    sentence = queries.explained([item], cast.now)[item.pk].sentence
    assert "Two people found that it happened, reference re_9." in sentence
    assert "confirmed" not in sentence


def test_what_the_provider_confirmed_is_not_said_to_be_found_by_people(cast, provider):
    item = cast.approve(cast.ask())
    cast.run(item)
    item = cast.get(item.ref)
    assert "Stripe confirmed" in queries.explained([item], cast.now)[item.pk].sentence
