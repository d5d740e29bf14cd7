"""Who is told of what: those whom it concerns, who may see it, once, and never of their own acts."""

from datetime import timedelta

import pytest

from accounts.models import User
from approvals.commands import decide, operate, submit
from approvals.commands.cover import set_cover
from approvals.models import Queue
from handoffs import lateness
from notifications.commands import watch
from notifications.models import Notice, Topic
from tests.handoffs import common as handing
from tests.notifications.common import hear, prefer, told

pytestmark = pytest.mark.django_db


def test_everybody_who_can_decide_is_told_and_nobody_else(cast):
    item = cast.ask()
    hear(cast)
    for person in (cast.approver, cast.second_approver, cast.limited_approver):
        assert [s.split(",")[0].rstrip(".") for s in told(person)] == [
            f"{item.ref} waits for your decision"
        ]
    for person in (cast.requester, cast.operator, cast.auditor, cast.admin):
        assert told(person) == []


def test_who_is_above_their_limit_is_not_told(cast):
    cast.ask(payload={"amount": 250_000})
    hear(cast)
    assert told(cast.limited_approver) == []
    assert told(cast.approver) != []


def test_the_same_events_twice_tell_once(cast):
    cast.ask()
    hear(cast)
    hear(cast, at=cast.now + timedelta(minutes=5))
    assert len(told(cast.approver)) == 1


def test_an_approval_tells_those_who_can_give_the_next_and_not_again_those_who_know(cast):
    item = cast.ask(payload={"amount": 150_000})  # two approvals of one step
    hear(cast)
    cast.approve(item, cast.approver)
    hear(cast)
    assert len(told(cast.second_approver)) == 1


def test_new_content_asks_again(cast):
    item = cast.ask()
    hear(cast)
    submit.resubmit(
        ref=item.ref, by=cast.requester, at=cast.now, key=cast.key(), revision=1,
        payload={**item.payload, "amount": 8700}, customer=item.customer, reason=item.reason,
        ticket=item.ticket,
    )  # fmt: skip
    hear(cast)
    assert len(told(cast.approver)) == 2


def test_who_asked_is_told_that_it_came_back_or_was_rejected(cast):
    one, other = cast.ask(), cast.ask()
    said = {"by": cast.approver, "at": cast.now, "revision": 1, "step": 1}
    decide.send_back(ref=one.ref, key=cast.key(), reason="Which order?", **said)
    decide.reject(ref=other.ref, key=cast.key(), reason="No.", **said)
    hear(cast)
    assert told(cast.requester) == [
        f"I. Weber sent {one.ref} back to you with a question.",
        f"I. Weber rejected {other.ref}, which you asked for.",
    ]
    assert not any("Which order" in sentence for sentence in told(cast.requester))


def test_a_reminder_tells_those_who_know_already(cast):
    item = cast.ask()
    hear(cast)
    operate.remind(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key())
    hear(cast)
    assert told(cast.approver)[1] == f"E. Markou reminds you: {item.ref} waits for your decision."


def test_a_reminder_of_what_was_sent_back_goes_to_who_must_answer(cast):
    item = cast.ask()
    decide.send_back(
        ref=item.ref, by=cast.approver, at=cast.now, key=cast.key(), revision=1, step=1,
        reason="Which order?",
    )  # fmt: skip
    operate.remind(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key())
    hear(cast)
    assert told(cast.requester)[-1] == f"E. Markou reminds you: {item.ref} waits for your answer."


def test_who_is_given_a_request_is_told_and_not_who_claims_it(cast):
    item = cast.ask()
    operate.claim(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key())
    operate.assign(
        ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), to=cast.second_operator.email
    )
    hear(cast)
    assert told(cast.second_operator) == [f"E. Markou gave you {item.ref}."]
    assert told(cast.operator) == []


# --- Mentions -------------------------------------------------------------------------------------


def note(cast, item, text, by=None):
    return operate.note(
        ref=item.ref, by=by or cast.requester, at=cast.now, key=cast.key(), reason=text
    )


def test_a_name_in_a_note_tells_that_person(cast):
    item = cast.ask()
    answer = note(cast, item, "Please look, @Finance1 and @ops2@demo.test. (@finance1)")
    hear(cast)
    assert answer.sentence == "Your note is added. I. Weber and M. Okafor are told."
    for person in (cast.approver, cast.second_operator):
        assert told(person, Topic.MENTIONS) == [f"S. Berg names you in a note on {item.ref}."]


def test_who_may_not_see_the_request_is_not_told_and_the_author_knows(cast):
    item = cast.ask()
    assert cast.stranger
    answer = note(cast, item, "@stranger @nobody")
    hear(cast)
    assert answer.sentence == (
        f"Your note is added. S. Stranger cannot see {item.ref} and is not told."
        " Nobody here is called @nobody."
    )
    assert told(cast.stranger) == []


def test_a_name_that_several_people_share_tells_none_of_them(cast):
    item = cast.ask()
    User.objects.create_user("finance1@other.test", name="Inga Weiss")
    answer = note(cast, item, "@finance1, and @finance1@demo.test")
    hear(cast)
    assert answer.sentence == (
        "Your note is added. I. Weber is told."
        " @finance1 is several people here; write the whole address."
    )
    answer = note(cast, item, "@finance1")
    assert "is told" not in answer.sentence


@pytest.mark.parametrize(
    "text",
    [
        "mail me: a@finance1.example",
        "user@finance1",
        "see /@finance1",
        "@",
        "@ finance1",
        "@@",
        "@\u202efinance1",
    ],
)
def test_what_is_no_name_names_nobody(cast, text):
    item = cast.ask()
    assert note(cast, item, text).sentence.startswith("Your note is added.")
    hear(cast)
    assert told(cast.approver, Topic.MENTIONS) == []


def test_ten_names_are_enough(cast):
    item = cast.ask()
    answer = note(cast, item, " ".join(f"@nobody{n}" for n in range(100)))
    assert answer.sentence.count("Nobody here") == 10
    assert answer.sentence.endswith("Only the first 10 names are told.")


def test_nobody_is_told_of_their_own_note(cast):
    item = cast.ask()
    note(cast, item, "Remember this, @support", by=cast.requester)
    hear(cast)
    assert told(cast.requester) == []


# --- Watching -------------------------------------------------------------------------------------


def test_who_watches_is_told_what_happens_and_once_for_one_event(cast):
    item = cast.ask()
    watch(ref=item.ref, by=cast.auditor, at=cast.now, wanted=True)
    cast.approve(item)
    note(cast, item, "@auditor look")
    hear(cast)
    assert told(cast.auditor) == [
        f"{item.ref}, which you watch: approved, revision 1.",
        f"S. Berg names you in a note on {item.ref}.",
    ]


def test_who_watches_is_told_when_nobody_else_would_be(cast):
    item = cast.ask()
    watch(ref=item.ref, by=cast.auditor, at=cast.now, wanted=True)
    cast.approve(item)
    hear(cast)
    assert told(cast.auditor) == [f"{item.ref}, which you watch: approved, revision 1."]


def test_who_stopped_watching_is_not_told(cast):
    item = cast.ask()
    watch(ref=item.ref, by=cast.auditor, at=cast.now, wanted=True)
    watch(ref=item.ref, by=cast.auditor, at=cast.now, wanted=False)
    cast.approve(item)
    hear(cast)
    assert told(cast.auditor) == []


def test_who_lost_the_right_to_see_it_is_not_told(cast):
    item = cast.ask()
    watch(ref=item.ref, by=cast.auditor, at=cast.now, wanted=True)
    cast.auditor.memberships.all().delete()
    cast.approve(item)
    hear(cast)
    assert told(cast.auditor) == []


# --- Shifts ---------------------------------------------------------------------------------------


def test_who_is_to_cover_is_told(cast):
    set_cover(
        person=cast.second_approver.pk, deputy=cast.limited_approver.pk,
        queues=[Queue.objects.get(slug="refunds").pk], starts_at=cast.now,
        ends_at=cast.now + timedelta(days=2), by=cast.second_approver, at=cast.now, key=cast.key(),
    )  # fmt: skip
    hear(cast)
    assert told(cast.limited_approver) == [
        "You decide in the place of L. Sand until Thu 26 Nov 09:12 UTC."
    ]


def test_a_handoff_tells_its_receiver_and_when_it_is_late_its_sender_and_the_lead(cast):
    draft = handing.start(cast, by=cast.second_operator, to=cast.operator.pk)
    typed = handing.typed(draft, nones=handing.ALL_NONES)
    sent = handing.send(cast, draft, by=cast.second_operator, typed=typed)
    hear(cast)
    words = "M. Okafor hands a shift over to you. It waits for your answer."
    assert told(cast.operator, Topic.SHIFTS) == [words]
    assert told(cast.second_operator) == []
    lateness.mark_late(sent.shift_to + timedelta(minutes=30))
    hear(cast)
    words = "The handoff to E. Markou is not accepted, 30 minutes into the shift."
    assert told(cast.second_operator, Topic.SHIFTS) == [words]
    assert told(cast.operator, Topic.SHIFTS)[1:] == [words]  # leads the team that handed over
    assert Notice.objects.filter(url=f"/handoff/{sent.pk}/", is_urgent=True).count() == 3


# --- Wishes ---------------------------------------------------------------------------------------


def test_who_does_not_want_a_topic_is_not_told(cast):
    prefer(cast.approver, cast, decisions=False)
    cast.ask()
    hear(cast)
    assert told(cast.approver) == []
    assert told(cast.second_approver) != []


def test_what_is_urgent_is_told_also_to_who_wants_nothing(cast):
    from notifications.notices import tell
    from notifications.telling import Telling

    prefer(cast.operator, cast, mine=False)
    tell([Telling(cast.operator.pk, Topic.MINE, "x", "Unknown.", "/", is_urgent=True)], at=cast.now)
    assert told(cast.operator) == ["Unknown."]


def test_old_news_is_told_and_not_mailed(cast):
    cast.ask(at=cast.now - timedelta(days=2))
    hear(cast)
    assert Notice.objects.filter(user=cast.approver).get().mail_at is None


def test_no_sentence_names_a_customer_an_amount_or_a_reason(cast):
    item = cast.ask(customer="Ana Silva", payload={"amount": 123_456}, reason="Secret words.")
    watch(ref=item.ref, by=cast.auditor, at=cast.now, wanted=True)
    note(cast, item, "Secret words for @finance1")
    hear(cast)
    said = " ".join(Notice.objects.values_list("sentence", flat=True))
    assert said
    for word in ("Silva", "1,234", "123456", "Secret", item.ticket):
        assert word not in said
