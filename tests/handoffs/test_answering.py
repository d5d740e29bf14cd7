"""The receiver's part: answers are final, one event each, and only accepting moves who owns it."""

from datetime import timedelta

import pytest

from accounts import grants
from accounts.models import Membership
from approvals import erasing
from approvals.commands import decide, operate, submit
from approvals.models import ApprovalRequest, Queue
from approvals.refusals import Invalid, NotAllowed, NotFound, TransitionNotAllowed
from audit.models import Event
from audit.verify import verify
from handoffs.commands.answering import accept_rest, acknowledge, answer_line
from handoffs.commands.drafting import Words
from handoffs.models import Handoff, Line
from tests.approvals.common import denied, events_of, refused
from tests.handoffs.common import (
    ALL_NONES,
    actions,
    answer,
    line_of,
    send,
    start,
    typed,
)

pytestmark = pytest.mark.usefixtures("db")


def owner_of(item: ApprovalRequest):
    return ApprovalRequest.objects.get(pk=item.pk).owner


def rest(cast, handoff: Handoff, **changes):
    return accept_rest(
        **{
            "handoff_id": handoff.pk,
            "by": cast.second_operator,
            "at": cast.now,
            "key": cast.key(),
            **changes,
        }
    )


def test_sending_alone_moves_no_owner(sent, morning):
    for item in vars(morning).values():
        assert owner_of(item) is None


@pytest.mark.parametrize(
    ("choice", "text", "moves"),
    [
        ("accept", "", True),
        ("question", "Who asked for it?", True),
        ("cannot", "I am alone.", False),
    ],
)
def test_only_accepting_moves_who_owns_it(cast, sent, morning, choice, text, moves):
    answer(cast, sent, morning.people, choice, text=text)
    assert owner_of(morning.people) == (cast.second_operator if moves else None)
    line = line_of(sent, morning.people)
    assert (line.answer, line.answer_text) == (choice, text)
    assert bool(line.ownership) == moves
    assert events_of(morning.people)[-1].action == ("request.claim" if moves else "request.submit")


def test_it_goes_to_whom_it_is_meant_for(cast, draft, morning):
    line = line_of(draft, morning.risky)
    said = typed(draft, lines={line.pk: Words("Wait.", "Call Jo.", cast.operator.pk)})
    sent = send(cast, draft, typed=said)
    answer(cast, sent, morning.risky)
    assert owner_of(morning.risky) == cast.operator
    assert events_of(morning.risky)[-1].action == "request.assign"
    assert line_of(sent, morning.risky).ownership == f"{cast.operator.name} owns it now."


@pytest.mark.parametrize("choice", ["question", "cannot"])
@pytest.mark.parametrize("text", ["", "   ", "\u200b\u202e", "x" * 2001, "nul\x00", "half \ud800"])
def test_a_question_and_a_no_need_words_that_can_be_kept(cast, sent, morning, choice, text):
    with pytest.raises(Invalid) as refusal:
        answer(cast, sent, morning.people, choice, text=text)
    assert list(refusal.value.errors) == ["reason"]
    assert line_of(sent, morning.people).answer == ""
    assert owner_of(morning.people) is None


def test_there_are_three_answers(cast, sent, morning):
    with pytest.raises(Invalid):
        answer(cast, sent, morning.people, "perhaps")


def test_an_answer_is_final(cast, sent, morning):
    answer(cast, sent, morning.people, "cannot", text="I am alone.")
    with pytest.raises(TransitionNotAllowed) as refusal:
        answer(cast, sent, morning.people)
    assert "cannot take it. Answers are final." in refusal.value.sentence
    assert owner_of(morning.people) is None


def test_a_double_click_gives_one_answer(cast, sent, morning):
    first = answer(cast, sent, morning.people, key="K")
    second = answer(cast, sent, morning.people, key="K")
    assert (second.is_replay, second.sentence) == (True, first.sentence)
    assert actions(sent) == ["start", "send", "answer"]
    assert [event.action for event in events_of(morning.people)].count("request.claim") == 1


@pytest.mark.parametrize(
    "who", ["operator", "approver", "requester", "auditor", "admin", "stranger"]
)
def test_nobody_else_answers(cast, sent, morning, who):
    by = getattr(cast, who)
    with pytest.raises((NotAllowed, NotFound)):
        answer(cast, sent, morning.people, by=by)
    assert [event.action for event in denied(by)] == ["handoff.answer"]
    assert not sent.lines.exclude(answer="").exists()


def test_a_draft_is_not_answered(cast, draft, morning):
    with pytest.raises(NotFound):
        answer(cast, draft, morning.people)


def test_a_line_of_another_handoff_is_not_found(cast, sent, morning):
    other = send(cast, start(cast))
    with pytest.raises(NotFound):
        answer(cast, sent, morning.people, line_id=line_of(other, morning.people).pk)
    with pytest.raises(NotFound):
        answer(cast, sent, morning.people, line_id=10**30)


def test_what_ended_meanwhile_is_accepted_without_an_owner(cast, sent, morning):
    submit.withdraw(
        ref=morning.people.ref,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        reason="The parcel turned up.",
    )
    given = answer(cast, sent, morning.people)
    assert owner_of(morning.people) is None
    assert "It was withdrawn already, so nobody owns it anew." in given.sentence
    assert line_of(sent, morning.people).answer == "accept"
    assert denied(cast.second_operator) == []


def test_who_owned_it_already_owns_it_still(cast, sent, morning):
    operate.claim(ref=morning.people.ref, by=cast.second_operator, at=cast.now, key=cast.key())
    given = answer(cast, sent, morning.people)
    assert f"{cast.second_operator.name} owned it already." in given.sentence
    assert owner_of(morning.people) == cast.second_operator
    assert denied(cast.second_operator) == []


def test_who_may_not_own_it_any_more_accepts_without_owning_it(cast, sent, morning):
    refunds = Queue.objects.get(slug="refunds")
    grants.take("operate_request", of=cast.second_operator.groups.get(), on=refunds)
    given = answer(cast, sent, morning.people)
    assert "Its owner did not change: Only operations can claim" in given.sentence
    assert owner_of(morning.people) is None
    assert line_of(sent, morning.people).answer == "accept"
    assert denied(cast.second_operator) == []


def test_who_lost_every_right_is_not_shown_it(cast, sent, morning):
    Membership.objects.filter(user=cast.second_operator).delete()
    with pytest.raises(NotAllowed):
        answer(cast, sent, morning.people)


def test_the_last_answer_ends_the_handoff(cast, sent, morning):
    items = list(vars(morning).values())
    for item in items[:-1]:
        answer(cast, sent, item)
        sent.refresh_from_db()
        assert sent.state == "sent"
    given = answer(cast, sent, items[-1], "cannot", text="Not mine.")
    sent.refresh_from_db()
    assert (sent.state, sent.ended_at) == ("done", cast.now + timedelta(minutes=10))
    assert given.sentence.endswith("All is answered: the handoff is done.")
    assert actions(sent) == ["start", "send", *["answer"] * 4]
    assert sent.version == 6
    with pytest.raises(TransitionNotAllowed):
        answer(cast, sent, items[0])


def test_all_others_are_accepted_at_once_with_an_event_each(cast, sent, morning):
    answer(cast, sent, morning.risky, "cannot", text="I am alone.")
    assert [one.is_done for one in rest(cast, sent, key="K")] == [True] * 3
    sent.refresh_from_db()
    assert sent.state == "done"
    assert actions(sent) == ["start", "send", *["answer"] * 4]
    assert owner_of(morning.risky) is None
    assert {owner_of(item) for item in (morning.people, morning.retrying, morning.held)} == {
        cast.second_operator
    }
    assert rest(cast, sent, key="K") == []
    assert verify().breaks == []


def test_accepting_all_goes_on_where_it_was_cut_off(cast, sent, morning):
    """As after a crash: the first line of the same form was answered."""
    first = sent.lines.first()
    answer_line(
        handoff_id=sent.pk,
        line_id=first.pk,
        by=cast.second_operator,
        at=cast.now,
        key=f"K/{first.pk}",
        choice="accept",
    )
    assert len(rest(cast, sent, key="K")) == 3
    assert Line.objects.filter(handoff=sent, answer="accept").count() == 4


def test_accepting_all_of_it_is_the_receiver_s_only(cast, sent):
    refused(NotAllowed, rest, cast=cast, handoff=sent, by=cast.operator)
    assert Event.objects.filter(action="handoff.answer", outcome="success").count() == 0


def test_a_report_without_requests_is_read(cast):
    draft = start(cast)
    sent = send(cast, draft, typed=typed(draft, nones=ALL_NONES))
    said = {"handoff_id": sent.pk, "at": cast.now}
    refused(NotAllowed, acknowledge, **said, by=cast.operator, key=cast.key())
    acknowledge(**said, by=cast.second_operator, key=cast.key())
    sent.refresh_from_db()
    assert sent.state == "done"
    assert actions(sent) == ["start", "send", "acknowledge"]


def test_a_report_with_requests_is_answered_not_just_read(cast, sent):
    said = {"handoff_id": sent.pk, "by": cast.second_operator, "at": cast.now}
    refused(TransitionNotAllowed, acknowledge, **said, key=cast.key())


def test_the_event_of_an_answer_says_what_became_of_the_owner(cast, sent, morning):
    answer(cast, sent, morning.people, "question", text="Who asked?")
    event = Event.objects.get(action="handoff.answer")
    assert event.reason == "Who asked?"
    assert event.facts == {
        "state": "sent",
        "ref": morning.people.ref,
        "answer": "question",
        "owner": f"{cast.second_operator.name} owns it now.",
    }
    assert (event.version_before, event.version_after) == (2, 3)


@pytest.mark.parametrize("choice", ["accept", "question"])
def test_the_words_about_a_forgotten_request_go_and_what_was_answered_stays(
    cast, sent, morning, choice
):
    line = line_of(sent, morning.people)
    text = "Ana again?" if choice == "question" else ""
    answer(cast, sent, morning.people, choice, text=text)
    decide.reject(
        ref=morning.people.ref,
        by=cast.approver,
        at=cast.now,
        key=cast.key(),
        revision=1,
        step=1,
        reason="No.",
    )
    erasing.forget(morning.people.pk, actor=cast.admin.actor, at=cast.now, erasure=1)
    left = Line.objects.get(pk=line.pk)
    assert (left.title, left.sentence, left.next_step) == ("forgotten", "", "")
    assert (left.answer, left.answer_text) == (choice, "forgotten" if text else "")
