"""Claiming, releasing and noting: facts beside the state."""

import pytest

from accounts.models import User
from approvals.commands import decide, glass, moving, operate, settle, submit
from approvals.kinds.base import Done, Refused, Unknown
from approvals.models import Note, State
from approvals.refusals import (
    Invalid,
    NotAllowed,
    NotFound,
    TooEarly,
    TransitionNotAllowed,
    VersionMismatch,
)
from tests.approvals.common import denied, events_of, refused, refused_on


def act(cast, command, item, by=None, **body):
    return command(ref=item.ref, by=by or cast.operator, at=cast.now, key=cast.key(), **body)


def tried(cast, by, **body):
    return {"by": by, "at": cast.now, "key": cast.key(), **body}


def test_a_claimed_request_has_an_owner(cast):
    item = cast.ask()
    act(cast, operate.claim, item)
    assert cast.get(item.ref).owner == cast.operator


def test_claiming_says_whose_it_is(cast):
    item = cast.ask()
    assert act(cast, operate.claim, item).sentence == f"{item.ref} is yours."


@pytest.mark.parametrize("command", [operate.claim, operate.note])
def test_each_is_one_event_and_one_version(cast, command):
    item = cast.ask()
    body = {"reason": "Look."} if command is operate.note else {}
    act(cast, command, item, **body)
    assert cast.get(item.ref).version == len(events_of(item)) == 2


def test_claiming_leaves_the_state(cast):
    item = cast.ask()
    act(cast, operate.claim, item)
    assert cast.get(item.ref).state == State.PENDING


def test_another_operator_may_take_a_claim_over(cast):
    item = cast.ask()
    act(cast, operate.claim, item)
    act(cast, operate.claim, item, by=cast.second_operator)
    assert cast.get(item.ref).owner == cast.second_operator


def test_claiming_twice_is_refused(cast):
    item = cast.ask()
    act(cast, operate.claim, item)
    refusal = refused_on(NotAllowed, item, operate.claim, **tried(cast, cast.operator))
    assert refusal.facts["rule"] == "already-yours"


@pytest.mark.parametrize("who", ["requester", "approver", "auditor"])
def test_only_operations_can_claim(cast, who):
    item = cast.ask()
    refused_on(NotAllowed, item, operate.claim, **tried(cast, getattr(cast, who)))


def test_a_stranger_claims_nothing(cast):
    item = cast.ask()
    refused_on(NotFound, item, operate.claim, **tried(cast, cast.stranger))


def test_a_claim_with_a_stale_version_is_refused(cast):
    item = cast.ask()
    act(cast, operate.note, item, reason="Look.")
    refused_on(VersionMismatch, item, operate.claim, **tried(cast, cast.operator, version=1))


TOO_LATE = [
    (operate.claim, {}, "claim it"),
    (operate.release, {}, "release it"),
    (operate.assign, {"to": 0}, "assign it"),
    (operate.remind, {}, "remind anybody of it"),
    (operate.hold, {"reason": "Wait."}, "hold its retries"),
    (operate.resume, {}, "resume it"),
    (operate.try_again, {}, "try it again"),
    (operate.ask_provider, {}, "ask the provider about it"),
    (decide.take_back, {}, "take it back"),
    (submit.resubmit, {"payload": {}, "answer": ""}, "send it again"),
    (submit.withdraw, {"reason": "No."}, "withdraw it"),
    (settle.settle, {"found": "done", "evidence": "x"}, "settle it"),
    (settle.confirm_settlement, {"agree": True, "reason": ""}, "confirm how it was settled"),
    (glass.break_glass, {"reason": "Now.", "minutes": 15}, "break the glass for it"),
    (moving.move_policy, {"to": 2, "reason": "New."}, "move it to another version of the policy"),
]


@pytest.mark.parametrize(("command", "body", "phrase"), TOO_LATE, ids=lambda one: str(one)[:20])
def test_what_comes_after_the_end_says_so_in_english(cast, command, body, phrase):
    item = cast.ask()
    submit.withdraw(ref=item.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="No.")
    refusal = refused_on(TransitionNotAllowed, item, command, **tried(cast, cast.operator, **body))
    assert refusal.sentence == (
        f"{item.ref} is withdrawn now; you cannot {phrase}. Nothing was recorded."
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Refused("refused-by-provider", permanent=True), "needs a person now"),
        (Unknown("no-answer"), "has an unknown outcome now"),
        (Refused("too-many-requests", permanent=False), "is retrying now"),
        (Done("re_1"), "is done now"),
    ],
)
def test_the_state_that_forbids_it_reads_as_english(cast, provider, answer, words):
    item = cast.approve(cast.ask())
    provider.sends = answer
    cast.run(item)
    refusal = refused_on(TransitionNotAllowed, item, decide.take_back, **tried(cast, cast.approver))
    assert refusal.sentence.startswith(f"{item.ref} {words}; you cannot take it back.")


def test_a_released_request_is_nobodys(cast):
    item = cast.ask()
    act(cast, operate.claim, item)
    act(cast, operate.release, item)
    assert cast.get(item.ref).owner is None


def test_releasing_is_one_event_and_one_version(cast):
    item = cast.ask()
    act(cast, operate.claim, item)
    act(cast, operate.release, item)
    assert cast.get(item.ref).version == len(events_of(item)) == 3


def test_releasing_says_that_it_is_free(cast):
    item = cast.ask()
    act(cast, operate.claim, item)
    assert act(cast, operate.release, item).sentence == f"{item.ref} is free for others."


def test_what_nobody_claimed_cannot_be_released(cast):
    item = cast.ask()
    refusal = refused_on(NotAllowed, item, operate.release, **tried(cast, cast.operator))
    assert refusal.facts["rule"] == "nobodys"


def test_operations_can_release_what_a_colleague_claimed(cast):
    item = cast.ask()
    act(cast, operate.claim, item)
    act(cast, operate.release, item, by=cast.second_operator)
    assert cast.get(item.ref).owner is None


def test_others_cannot_release_what_operations_claimed(cast):
    item = cast.ask()
    act(cast, operate.claim, item)
    refusal = refused_on(NotAllowed, item, operate.release, **tried(cast, cast.requester))
    assert refusal.facts["rule"] == "not-owner"


@pytest.mark.parametrize("who", ["requester", "approver", "operator", "auditor"])
def test_everybody_who_sees_it_can_leave_a_note(cast, who):
    item = cast.ask()
    act(cast, operate.note, item, by=getattr(cast, who), reason="  Carrier called. ")
    assert [note.text for note in Note.objects.filter(item=item)] == ["Carrier called."]


def test_a_note_is_possible_after_the_end(cast):
    item = cast.ask()
    submit.withdraw(ref=item.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="No.")
    assert act(cast, operate.note, item, reason="Late.").sentence == "Your note is added."


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001, "a\x00b", "x" * 1_000_000])
def test_a_note_that_cannot_be_kept_is_refused(cast, text):
    item = cast.ask()
    refused(Invalid, operate.note, ref=item.ref, **tried(cast, cast.operator, reason=text))


def test_an_invalid_note_leaves_no_trace(cast):
    item = cast.ask()
    refused(Invalid, operate.note, ref=item.ref, **tried(cast, cast.operator, reason=""))
    assert (cast.get(item.ref).version, denied(cast.operator)) == (1, [])


def test_a_stranger_leaves_no_note(cast):
    item = cast.ask()
    refused_on(NotFound, item, operate.note, **tried(cast, cast.stranger, reason="Hello."))


def test_a_reference_that_no_database_can_hold_is_not_found(cast):
    refused(NotFound, operate.claim, ref="RF-1\x00", **tried(cast, cast.operator))


# --- Giving it to somebody, and reminding -----------------------------------------------------------


def test_a_request_can_be_given_to_a_colleague(cast):
    item = cast.ask()
    answer = act(cast, operate.assign, item, to=cast.second_operator.email.upper())
    assert answer.sentence == f"{item.ref} is now M. Okafor’s."
    assert cast.get(item.ref).owner == cast.second_operator
    given = events_of(item)[-1]
    assert (given.action, given.facts["owner"]) == (
        "request.assign",
        str(cast.second_operator.pk),
    )


@pytest.mark.parametrize("who", ["requester", "approver", "auditor", "admin", "stranger"])
def test_nothing_is_given_to_who_does_not_operate_its_queue(cast, who):
    item = cast.ask()
    with pytest.raises(Invalid):
        act(cast, operate.assign, item, to=getattr(cast, who).email)
    assert cast.get(item.ref).owner is None


@pytest.mark.parametrize("to", ["", "nobody@demo.test", "x" * 300, "a@b\u202e"])
def test_nobody_of_that_address_is_said(cast, to):
    item = cast.ask()
    with pytest.raises(Invalid, match="e-mail"):
        act(cast, operate.assign, item, to=to)


def test_nothing_is_given_to_a_closed_account(cast):
    item = cast.ask()
    User.objects.filter(pk=cast.second_operator.pk).update(is_active=False)
    with pytest.raises(Invalid):
        act(cast, operate.assign, item, to=cast.second_operator.email)


@pytest.mark.parametrize("who", ["approver", "auditor"])
def test_only_operations_can_give_it_away(cast, who):
    item = cast.ask()
    with pytest.raises(NotAllowed):
        act(cast, operate.assign, item, by=getattr(cast, who), to=cast.operator.email)


def test_a_reminder_is_an_event_that_changes_nothing_else(cast):
    item = cast.ask()
    answer = act(cast, operate.remind, item)
    found = cast.get(item.ref)
    assert answer.sentence == f"Finance is reminded of {item.ref}."
    assert (found.state, found.due_at, found.reminded_at) == (
        State.PENDING,
        item.due_at,
        cast.now,
    )


def test_reminders_keep_half_an_hour_between_them(cast):
    item = cast.ask()
    act(cast, operate.remind, item, by=cast.requester)
    with pytest.raises(TooEarly, match="The next can follow at 09:42 UTC"):
        act(cast, operate.remind, item)
    cast.now += operate.BETWEEN_REMINDERS
    act(cast, operate.remind, item)
    assert [event.action for event in events_of(item)].count("request.remind") == 2


def test_who_cannot_decide_and_did_not_ask_cannot_remind(cast):
    item = cast.ask()
    with pytest.raises(NotAllowed):
        act(cast, operate.remind, item, by=cast.auditor)
