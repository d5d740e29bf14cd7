"""The sender's part: what is filled in, what is kept, and when it can be sent."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from accounts import grants
from accounts.models import Membership, Team, User
from approvals.commands import operate
from approvals.commands.policies import load_policy
from approvals.commands.systems import hold_system
from approvals.models import Policy, Queue
from approvals.refusals import (
    Invalid,
    KeyReused,
    NotAllowed,
    NotFound,
    TransitionNotAllowed,
    VersionMismatch,
)
from handoffs import filling
from handoffs.commands.drafting import (
    EmptySections,
    Words,
    fill_again,
    save_draft,
    send_handoff,
    start_handoff,
    withdraw_handoff,
)
from handoffs.models import Handoff, Line, Section
from tests.approvals.common import denied, refused
from tests.handoffs.common import (
    ALL_NONES,
    NONES,
    actions,
    answer,
    arguments,
    line_of,
    on_draft,
    send,
    start,
    typed,
)

pytestmark = pytest.mark.usefixtures("db")


def sections(handoff: Handoff) -> dict[str, str]:
    """By reference, where a request stands in the report."""
    return dict(handoff.lines.values_list("item__ref", "section"))


# --- What is filled in ------------------------------------------------------------------------------


def test_each_request_is_in_the_one_section_where_it_belongs(draft, morning):
    assert sections(draft) == {
        morning.risky.ref: "risky",
        morning.people.ref: "people",
        morning.retrying.ref: "retrying",
        morning.held.ref: "held",
    }


def test_what_goes_on_by_itself_or_has_ended_is_not_handed_over(cast, morning):
    cast.approve(cast.ask())
    done = cast.approve(cast.ask())
    operate.note(ref=done.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Fine.")
    assert start(cast).lines.count() == 4


def test_what_is_risky_says_what_is_next_what_if_and_to_whom(cast, draft, morning):
    line = line_of(draft, morning.risky)
    assert line.next_step.startswith("We ask Stripe again")
    assert line.condition.startswith("still unknown at 10:30 UTC: follow the runbook “")
    assert line.to == cast.second_operator


def test_a_line_says_how_its_request_stands_in_the_words_of_its_page(draft, morning):
    line = line_of(draft, morning.retrying)
    assert (line.label, line.tone, line.owner) == ("Retrying, 1 of 8", "retrying", "")
    assert "too many requests" in line.sentence
    assert len(line.sentence) <= 140
    assert line.title == "Refund EUR 88.00"


def test_it_tells_of_policies_made_live_and_of_systems_held_in_the_shift_only(cast, morning):
    policy = Policy.objects.get(slug="refunds")
    for hours, note in ((9, "before"), (2, "in")):
        table = [{**rule} for rule in policy.live.table]
        table[0]["name"] = f"Rule {note} the shift"
        load_policy(
            slug="refunds", name="Refunds", table=table, at=cast.now - timedelta(hours=hours)
        )
    hold_system(
        slug="stripe",
        by=cast.operator,
        at=cast.now - timedelta(hours=1),
        key=cast.key(),
        reason="Maintenance.",
    )
    refused(
        NotAllowed,
        hold_system,
        slug="stripe",
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        reason="No.",
    )
    told = [change["sentence"] for change in start(cast).changed]
    assert told == ["Policy Refunds, version 3, made live", "Stripe held: “Maintenance.”"]


def test_it_tells_of_policies_that_were_published(cast, morning):
    policy = Policy.objects.get(slug="refunds")
    table = [{**rule} for rule in policy.live.table]
    table[0]["name"] = "Published"
    at = cast.now - timedelta(hours=2)
    load_policy(slug="refunds", name="Refunds", table=table, at=at, by=cast.admin, draft=1)
    told = [change["sentence"] for change in start(cast).changed]
    assert told == ["Policy Refunds, version 2, made live"]


def test_a_long_section_says_how_many_more_there_are(cast, morning, monkeypatch):
    monkeypatch.setattr(filling, "MOST_OF_A_SECTION", 2)
    for _ in range(3):
        cast.ask()
    draft = start(cast)
    assert draft.lines.filter(section="people").count() == 2
    assert draft.left_out == {"people": 2}


def test_it_holds_only_what_both_may_see(cast, morning):
    grants.take(
        "operate_request",
        of=cast.second_operator.groups.get(),
        on=Queue.objects.get(slug="refunds"),
    )
    grants.take(
        "view_queue", of=cast.second_operator.groups.get(), on=Queue.objects.get(slug="refunds")
    )
    grants.give("operate_request", to=cast.operator, on=Queue.objects.get(slug="refunds"))
    for right in ("answer_request", "submit_request"):
        grants.take(
            right, of=cast.second_operator.groups.get(), on=Queue.objects.get(slug="refunds")
        )
    assert start(cast).lines.count() == 0


def test_filling_in_again_brings_it_up_to_date_and_keeps_what_was_written(cast, draft, morning):
    operate.resume(ref=morning.held.ref, by=cast.operator, at=cast.now, key=cast.key())
    fresh = cast.ask()
    words = Words("Ask their support.", "Then call Jo.", cast.operator.pk)
    line = line_of(draft, morning.risky)
    fill_again(
        **on_draft(cast, draft, typed=typed(draft, note="Look at it.", lines={line.pk: words}))
    )
    draft.refresh_from_db()
    assert morning.held.ref not in sections(draft)
    assert sections(draft)[fresh.ref] == "people"
    line = line_of(draft, morning.risky)
    assert (line.next_step, line.condition, line.to) == (
        "Ask their support.",
        "Then call Jo.",
        cast.operator,
    )
    assert draft.note == "Look at it."


def test_what_was_written_is_shown_without_characters_that_deceive(cast, draft, morning):
    line = line_of(draft, morning.risky)
    words = Words("pay\u202eon", "a\u200bb", None)
    save_draft(
        **on_draft(cast, draft, typed=typed(draft, note="A\r\nB\u2066", lines={line.pk: words}))
    )
    draft.refresh_from_db()
    line.refresh_from_db()
    assert (draft.note, line.next_step, line.condition) == ("A\nB", "payon", "ab")


# --- Starting -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"team": 10**12}, "team"),
        ({"to": 10**12}, "to"),
        ({"shift": (0, 0)}, "shift_to"),
        ({"shift": (0, -1)}, "shift_to"),
        ({"shift": (-25, 0)}, "shift_to"),
        ({"shift": (-60, -48)}, "shift_to"),
        ({"shift": (40, 48)}, "shift_to"),
    ],
)
def test_what_cannot_be_is_named_and_starts_nothing(cast, changes, field):
    if hours := changes.pop("shift", None):
        begins, ends = (cast.now + timedelta(hours=hour) for hour in hours)
        changes = {"shift_from": begins, "shift_to": ends}
    refusal = refused(Invalid, start_handoff, **arguments(cast, **changes))
    assert list(refusal.errors) == [field]
    assert not Handoff.objects.exists()


def nobody_to_receive(cast) -> dict[str, User]:
    same_human = User.objects.create(
        email="ops.second.account@demo.test", name="Eleni M.", person_key=cast.operator.person_key
    )
    closed = User.objects.create(email="closed@demo.test", name="Closed", is_active=False)
    program = User.objects.create(email="bot@demo.test", name="Bot", is_service=True)
    for user in (same_human, closed, program):
        Membership.objects.create(user=user, group=Team.objects.get(name="Operations"))
    return {
        "herself": cast.operator,
        "another account of hers": same_human,
        "a closed account": closed,
        "a program": program,
        "somebody of finance": cast.approver,
        "a support agent": cast.requester,
        "an auditor": cast.auditor,
    }


def test_only_other_people_of_operations_can_receive(cast):
    for who, user in nobody_to_receive(cast).items():
        refusal = refused(Invalid, start_handoff, **arguments(cast, to=user.pk))
        assert list(refusal.errors) == ["to"], who


def test_a_team_of_others_cannot_be_handed_over(cast):
    finance = Team.objects.get(name="Finance")
    assert list(refused(Invalid, start_handoff, **arguments(cast, team=finance.pk)).errors) == [
        "team"
    ]


@pytest.mark.parametrize(
    "who", ["requester", "approver", "auditor", "admin", "stranger", "limited_approver"]
)
def test_nobody_else_can_start_one_and_the_attempt_is_recorded(cast, who):
    by = getattr(cast, who)
    refused(NotAllowed, start_handoff, **arguments(cast, by=by))
    assert [event.action for event in denied(by)] == ["handoff.start"]
    assert not Handoff.objects.exists()


def test_a_program_that_operates_cannot_start_one(cast):
    bot = User.objects.create(email="bot@demo.test", name="Bot", is_service=True)
    Membership.objects.create(user=bot, group=Team.objects.get(name="Operations"))
    refused(NotAllowed, start_handoff, **arguments(cast, by=bot))


# --- Once, in order, with its events --------------------------------------------------------------------


def test_each_change_is_a_version_with_one_event(cast, draft):
    save_draft(**on_draft(cast, draft))
    fill_again(**on_draft(cast, draft))
    send(cast, draft)
    withdraw_handoff(handoff_id=draft.pk, by=cast.operator, at=cast.now, key=cast.key())
    assert actions(draft) == ["start", "save", "fill", "send", "withdraw"]
    draft.refresh_from_db()
    assert draft.version == 5


def test_the_same_form_twice_is_done_once_also_when_it_changed_the_draft(cast, draft):
    first = start_handoff(**arguments(cast, key="K"))
    assert start_handoff(**arguments(cast, key="K")).ref == first.ref
    said = on_draft(cast, draft, key="F", version=1)
    fill_again(**said)
    again = fill_again(**said)
    assert again.is_replay
    draft.refresh_from_db()
    assert draft.version == 2
    refused(KeyReused, save_draft, **{**said, "typed": typed(draft, note="Other")})


def test_a_stale_draft_is_neither_saved_nor_sent(cast, draft):
    save_draft(**on_draft(cast, draft, version=1))
    for command in (save_draft, fill_again, send_handoff):
        refused(VersionMismatch, command, **on_draft(cast, draft, version=1))
    refused(
        VersionMismatch,
        withdraw_handoff,
        handoff_id=draft.pk,
        by=cast.operator,
        at=cast.now,
        key=cast.key(),
        version=1,
    )
    assert actions(draft) == ["start", "save"]


@pytest.mark.parametrize("command", [save_draft, fill_again, send_handoff])
def test_the_draft_of_somebody_else_does_not_exist(cast, draft, command):
    refused(NotFound, command, **on_draft(cast, draft, by=cast.second_operator))
    refused(NotFound, command, **on_draft(cast, draft, handoff_id=10**30))


@pytest.mark.parametrize("command", [save_draft, fill_again, send_handoff])
def test_what_was_sent_is_no_draft_any_more(cast, sent, command):
    refused(TransitionNotAllowed, command, **on_draft(cast, sent))
    refused(NotAllowed, command, **on_draft(cast, sent, by=cast.second_operator))


# --- Sending --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", NONES)
def test_it_cannot_be_sent_with_an_empty_section_and_says_which(cast, draft, left):
    nones = tuple(section for section in NONES if section != left)
    refusal = refused(
        EmptySections, send_handoff, **on_draft(cast, draft, typed=typed(draft, nones=nones))
    )
    assert list(refusal.errors) == [f"none_{left}"]
    assert Section(left).label in refusal.sentence
    draft.refresh_from_db()
    assert (draft.state, draft.version) == ("draft", 1)


def test_a_report_of_nothing_needs_seven_times_none(cast):
    draft = start(cast)
    refusal = refused(
        EmptySections, send_handoff, **on_draft(cast, draft, typed=typed(draft, nones=()))
    )
    assert len(refusal.errors) == 7
    assert send(cast, draft, typed=typed(draft, nones=ALL_NONES)).nones == list(ALL_NONES)


def test_none_is_said_only_of_what_is_empty(cast, draft):
    sent = send(cast, draft, typed=typed(draft, note="Call Jo.", nones=ALL_NONES))
    assert sent.nones == ["changed", "done"]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (Words("", "Call Jo.", None), "next"),
        (Words("\u200b ", "Call Jo.", None), "next"),
        (Words("Wait.", "", None), "if"),
        (Words("x" * 201, "Call Jo.", None), "next"),
        (Words("Wait.", "nul\x00", None), "if"),
        (Words("Wait.", "half \ud800", None), "if"),
        (Words("Wait.", "Call Jo.", 10**12), "to"),
    ],
)
def test_what_is_risky_cannot_be_sent_without_words_that_can_be_kept(
    cast, draft, morning, words, field
):
    line = line_of(draft, morning.risky)
    said = typed(draft, lines={line.pk: words})
    refusal = refused(Invalid, send_handoff, **on_draft(cast, draft, typed=said))
    assert list(refusal.errors) == [f"{field}_{line.pk}"]


def test_nobody_who_cannot_own_it_is_named_for_it(cast, draft, morning):
    line = line_of(draft, morning.risky)
    for user in (cast.approver, cast.requester, cast.admin):
        said = typed(draft, lines={line.pk: Words("Wait.", "Call Jo.", user.pk)})
        refusal = refused(Invalid, save_draft, **on_draft(cast, draft, typed=said))
        assert list(refusal.errors) == [f"to_{line.pk}"]


@pytest.mark.parametrize(
    "changes",
    [
        {"note": "x" * 2001},
        {"note": "nul\x00"},
        {"nones": ("nowhere",)},
        {"lines": {10**12: Words("Wait.", "Call Jo.", None)}},
    ],
)
def test_what_cannot_be_typed_changes_nothing(cast, draft, changes):
    refused(Invalid, save_draft, **on_draft(cast, draft, typed=typed(draft, **changes)))
    draft.refresh_from_db()
    assert draft.version == 1


def test_a_line_of_another_draft_is_not_written_to(cast, draft, morning):
    other = start(cast)
    line = line_of(other, morning.risky)
    said = typed(draft, lines={line.pk: Words("Mine.", "Mine.", None)})
    refused(Invalid, save_draft, **on_draft(cast, draft, typed=said))
    line.refresh_from_db()
    assert line.next_step != "Mine."


def test_sending_freezes_how_each_request_stands_then(cast, draft, morning):
    later = cast.now + timedelta(minutes=4)
    operate.claim(ref=morning.held.ref, by=cast.operator, at=later, key=cast.key())
    operate.resume(ref=morning.held.ref, by=cast.operator, at=later, key=cast.key())
    sent = send(cast, draft, at=later)
    line = line_of(sent, morning.held)
    assert line.label == "Approved, starting"
    assert line.owner == cast.operator.name


def test_who_lost_the_right_meanwhile_is_not_sent_it(cast, draft):
    Membership.objects.filter(user=cast.second_operator).delete()
    refused(Invalid, send_handoff, **on_draft(cast, draft))


@pytest.mark.parametrize("column", ["title", "label", "sentence", "owner", "next_step"])
def test_the_database_keeps_what_was_sent(sent, column):
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        Line.objects.filter(handoff=sent).update(**{column: "Another"})


def test_the_database_keeps_the_lines_and_the_state_of_what_was_sent(cast, sent, morning):
    line = line_of(sent, morning.risky)
    attempts = [
        lambda: sent.lines.all().delete(),
        lambda: Line.objects.create(
            handoff=sent,
            section="people",
            place=9,
            item=cast.ask(),
            title="",
            label="",
            sentence="",
        ),
        lambda: Handoff.objects.filter(pk=sent.pk).update(state="draft", sent_at=None, version=3),
        lambda: Handoff.objects.filter(pk=sent.pk).update(note="Another", version=3),
        lambda: Handoff.objects.filter(pk=sent.pk).update(late_at=cast.now),
        lambda: Handoff.objects.filter(pk=sent.pk).delete(),
    ]
    answer(cast, sent, morning.risky)
    attempts.append(lambda: Line.objects.filter(pk=line.pk).update(answer="", answered_at=None))
    for attempt in attempts:
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()


# --- Taking it back -------------------------------------------------------------------------------------


def test_it_can_be_withdrawn_until_the_first_answer(cast, sent, morning):
    answer(cast, sent, morning.people)
    said = {"handoff_id": sent.pk, "by": cast.operator, "at": cast.now}
    refusal = refused(TransitionNotAllowed, withdraw_handoff, **said, key=cast.key())
    assert "has begun to answer" in refusal.sentence


def test_nobody_else_can_withdraw_it_and_nobody_answers_it_then(cast, sent, morning):
    said = {"handoff_id": sent.pk, "at": cast.now}
    refused(NotAllowed, withdraw_handoff, **said, by=cast.second_operator, key=cast.key())
    withdraw_handoff(**said, by=cast.operator, key=cast.key())
    refused(TransitionNotAllowed, withdraw_handoff, **said, by=cast.operator, key=cast.key())
    with pytest.raises(TransitionNotAllowed):
        answer(cast, sent, morning.people)
    assert cast.get(morning.people.ref).owner is None
