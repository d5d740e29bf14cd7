"""Approve, reject, send back and take back: what they do, and everything that refuses them."""

from datetime import timedelta

import pytest

from accounts import grants
from accounts.models import Membership, Team, User
from approvals.commands import decide, submit
from approvals.commands.policies import load_policy
from approvals.models import ApprovalRequest, Choice, Decision, State
from approvals.refusals import (
    Invalid,
    NotAllowed,
    NotFound,
    RevisionMismatch,
    StepClosed,
    TooEarly,
    TransitionNotAllowed,
    VersionMismatch,
)
from tests.approvals.common import denied, events_of, jobs, refused, refused_on

CHOICES = {
    "approve": decide.approve,
    "reject": decide.reject,
    "send_back": decide.send_back,
}


def seen(cast, item, *, by=None, **changes):
    """What a decider sends who saw the request as it is."""
    return {
        "by": by or cast.approver,
        "at": cast.now,
        "key": cast.key(),
        "revision": item.revision,
        "step": item.step,
        "reason": "Because.",
        **changes,
    }


def choose(cast, verb, item, **changes):
    return CHOICES[verb](ref=item.ref, **seen(cast, item, **changes))


def second_account(of: User) -> User:
    """Another account of the same human, in Finance, with every right to decide."""
    account = User.objects.create(
        email=f"second-{of.email}", name=f"{of.name} two", person_key=of.person_key
    )
    finance = Team.objects.get(name="Finance")
    Membership.objects.create(user=account, group=finance)
    return account


def join_finance(user: User, **limits) -> User:
    Membership.objects.create(user=user, group=Team.objects.get(name="Finance"), **limits)
    return user


# --- Success --------------------------------------------------------------------------------------


def test_the_last_approval_makes_it_approved(cast):
    item = cast.ask()
    choose(cast, "approve", item)
    assert cast.get(item.ref).state == State.APPROVED


def test_an_approval_answers_with_its_time_and_when_it_starts(cast):
    item = cast.ask()
    answer = choose(cast, "approve", item)
    assert answer.sentence == "Approved by you at 09:12:00 UTC. It starts at 09:12 UTC."


def test_an_approval_answers_with_the_new_version(cast):
    item = cast.ask()
    assert choose(cast, "approve", item).version == 2


@pytest.mark.parametrize(
    ("verb", "state"), [("reject", State.REJECTED), ("send_back", State.SENT_BACK)]
)
def test_a_no_and_a_question_move_the_request(cast, verb, state):
    item = cast.ask()
    choose(cast, verb, item)
    assert cast.get(item.ref).state == state


@pytest.mark.parametrize("verb", CHOICES)
def test_each_choice_is_one_event_and_one_version(cast, verb):
    item = cast.ask()
    choose(cast, verb, item)
    assert cast.get(item.ref).version == len(events_of(item)) == 2


@pytest.mark.parametrize("verb", CHOICES)
def test_each_choice_answers_with_a_sentence(cast, verb):
    item = cast.ask()
    assert choose(cast, verb, item).sentence.endswith(".")


@pytest.mark.parametrize("verb", CHOICES)
def test_each_choice_is_kept_with_its_reason_and_the_content_that_was_seen(cast, verb):
    item = cast.ask()
    choose(cast, verb, item)
    kept = Decision.objects.get(item=item)
    assert (kept.choice, kept.reason, kept.content_hash, kept.revision, kept.step) == (
        verb,
        "Because.",
        item.content_hash,
        1,
        1,
    )


def test_a_rejected_request_waits_for_nobody(cast):
    item = cast.ask()
    choose(cast, "reject", item)
    item = cast.get(item.ref)
    assert (item.waiting_team, item.due_at, item.step) == (None, None, None)


def test_an_approved_request_has_one_effect_and_one_job(cast):
    item = cast.ask()
    before = jobs()
    cast.approve(item)
    assert (cast.get(item.ref).effect.attempts, jobs() - before) == (0, 1)


def test_a_rejected_request_has_no_job(cast):
    item = cast.ask()
    before = jobs()
    choose(cast, "reject", item)
    assert jobs() == before


def test_an_approval_starts_after_the_delay_of_its_rule(cast):
    item = cast.approve(cast.ask())
    assert item.starts_at == cast.now + timedelta(seconds=5)


def test_a_second_account_without_a_part_in_it_may_decide_its_own_way(cast):
    item = cast.ask()
    choose(cast, "approve", item, by=second_account(cast.second_approver))
    assert cast.get(item.ref).state == State.APPROVED


# --- Quorum ---------------------------------------------------------------------------------------


def test_above_a_thousand_euros_one_approval_is_not_enough(cast):
    item = cast.approve(cast.ask(payload={"amount": 100_001}))
    assert item.state == State.PENDING


def test_a_thousand_euros_need_one_approval(cast):
    item = cast.approve(cast.ask(payload={"amount": 100_000}))
    assert item.state == State.APPROVED


def test_above_a_thousand_euros_two_people_are_enough(cast):
    item = cast.approve(cast.ask(payload={"amount": 100_001}))
    assert cast.approve(item, by=cast.second_approver).state == State.APPROVED


def test_no_effect_is_prepared_before_the_quorum_is_there(cast):
    item = cast.approve(cast.ask(payload={"amount": 100_001}))
    assert not hasattr(item, "effect")


def test_one_person_counts_once_on_a_step(cast):
    """T1.15, I4."""
    item = cast.approve(cast.ask(payload={"amount": 100_001}))
    refusal = refused_on(NotAllowed, item, decide.approve, **seen(cast, item))
    assert refusal.facts["rule"] == "already-decided"


def test_two_accounts_of_one_person_count_once_on_a_step(cast):
    """I4."""
    item = cast.approve(cast.ask(payload={"amount": 100_001}))
    other = second_account(cast.approver)
    refusal = refused_on(NotAllowed, item, decide.approve, **seen(cast, item, by=other))
    assert refusal.facts["rule"] == "already-decided"


def test_the_second_approver_can_still_reject(cast):
    item = cast.approve(cast.ask(payload={"amount": 100_001}))
    choose(cast, "reject", item, by=cast.second_approver)
    assert cast.get(item.ref).state == State.REJECTED


# --- Who may not ----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", CHOICES)
def test_the_requester_cannot_decide(cast, verb):
    """T7.5."""
    item = cast.ask()
    join_finance(cast.requester)
    refusal = refused_on(NotAllowed, item, CHOICES[verb], **seen(cast, item, by=cast.requester))
    assert refusal.facts["rule"] == "requester"


def test_the_requester_cannot_approve_as_superuser(cast):
    """T7.5."""
    requester = join_finance(cast.requester)
    User.objects.filter(pk=requester.pk).update(is_superuser=True, is_staff=True)
    item = cast.ask()
    refusal = refused_on(NotAllowed, item, decide.approve, **seen(cast, item, by=requester))
    assert refusal.facts["rule"] == "requester"


def test_the_requester_cannot_approve_with_a_second_account(cast):
    """T7.5."""
    item = cast.ask()
    other = second_account(cast.requester)
    refusal = refused_on(NotAllowed, item, decide.approve, **seen(cast, item, by=other))
    assert refusal.facts["rule"] == "requester"


def test_who_changed_any_revision_cannot_approve(cast):
    """I4."""
    item = cast.ask()
    colleague = cast.second_approver
    with_contributor(item, colleague)
    refusal = refused_on(
        NotAllowed, item, decide.approve, **seen(cast, cast.get(item.ref), by=colleague)
    )
    assert refusal.facts["rule"] == "contributor"


def with_contributor(item: ApprovalRequest, user: User) -> None:
    """As a revision written by `user` leaves it: no command for others than the requester yet."""
    from approvals.events import Action
    from approvals.transitions import commit
    from audit.recorder import Actor

    fresh = ApprovalRequest.objects.select_related("policy_version__policy").get(pk=item.pk)
    commit(
        fresh,
        Action.NOTE,
        actor=Actor(type="person", id=str(user.pk), label=user.name),
        at=fresh.updated_at,
        contributor_keys=[*fresh.contributor_keys, str(user.person_key)],
    )


def test_a_stranger_is_told_that_there_is_no_such_request(cast):
    """T7.6."""
    item = cast.ask()
    refused_on(NotFound, item, decide.approve, **seen(cast, item, by=cast.stranger))


def test_a_missing_request_is_refused_in_the_words_for_a_foreign_one(cast):
    """T7.6."""
    item = cast.ask()
    stranger = cast.stranger
    foreign = refused(NotFound, decide.approve, ref=item.ref, **seen(cast, item, by=stranger))
    missing = refused(NotFound, decide.approve, ref="RF-999999", **seen(cast, item, by=stranger))
    assert foreign.sentence == missing.sentence.replace("RF-999999", item.ref)


def test_a_superuser_without_a_team_is_a_stranger(cast):
    item = cast.ask()
    refused_on(NotFound, item, decide.approve, **seen(cast, item, by=cast.superuser))


def test_a_model_level_permission_means_nothing(cast):
    """T7.6."""
    from django.contrib.auth.models import Permission

    item = cast.ask()
    stranger = join_finance(cast.stranger)
    grants.take("decide_request", of=Team.objects.get(name="Finance"), on=item.queue)
    grants.take("view_queue", of=Team.objects.get(name="Finance"), on=item.queue)
    stranger.user_permissions.set(Permission.objects.filter(content_type__app_label="approvals"))
    refused_on(NotFound, item, decide.approve, **seen(cast, item, by=stranger))


def test_a_grant_on_another_queue_means_nothing(cast):
    """T7.6."""
    item = cast.ask_for_account_change()
    refused_on(NotFound, item, decide.approve, **seen(cast, item, by=cast.stranger))


def test_the_right_without_the_team_is_not_enough(cast):
    item = cast.ask()
    grants.give("decide_request", to=cast.auditor, on=item.queue)
    refusal = refused_on(NotAllowed, item, decide.approve, **seen(cast, item, by=cast.auditor))
    assert refusal.facts["rule"] == "not-in-team"


def test_the_team_without_the_right_is_not_enough(cast):
    item = cast.ask()
    grants.take("decide_request", of=Team.objects.get(name="Finance"), on=item.queue)
    refusal = refused_on(NotAllowed, item, decide.approve, **seen(cast, item))
    assert refusal.facts["rule"] == "no-grant"


def test_another_team_cannot_decide(cast):
    item = cast.ask()
    refusal = refused_on(NotAllowed, item, decide.approve, **seen(cast, item, by=cast.operator))
    assert refusal.facts["rule"] == "no-grant"


def test_a_membership_that_was_taken_meanwhile_counts_no_more(cast):
    """T7.9."""
    item = cast.ask()
    approver = cast.approver
    Membership.objects.filter(user=approver).delete()
    grants.give("view_queue", to=approver, on=item.queue)
    refused_on(NotAllowed, item, decide.approve, **seen(cast, item, by=approver))


def test_a_closed_account_cannot_decide(cast):
    item = cast.ask()
    User.objects.filter(pk=cast.approver.pk).update(is_active=False)
    refused_on(NotFound, item, decide.approve, **seen(cast, item))


def test_a_program_cannot_decide(cast):
    item = cast.ask()
    robot = join_finance(User.objects.create(email="r@demo.test", name="Robot", is_service=True))
    refusal = refused_on(NotAllowed, item, decide.approve, **seen(cast, item, by=robot))
    assert refusal.facts["rule"] == "not-a-person"


def test_a_limit_is_inclusive(cast):
    item = cast.approve(cast.ask(payload={"amount": 200_000}), by=cast.limited_approver)
    assert len(item.decisions_now) == 1


def test_above_their_limit_a_person_cannot_decide(cast):
    item = cast.ask(payload={"amount": 200_001})
    refusal = refused_on(
        NotAllowed, item, decide.approve, **seen(cast, item, by=cast.limited_approver)
    )
    assert refusal.facts["rule"] == "over-limit"


def test_a_limit_in_another_currency_allows_nothing(cast):
    item = cast.ask()
    Membership.objects.filter(user=cast.limited_approver).update(limit_currency="USD")
    refused_on(NotAllowed, item, decide.approve, **seen(cast, item, by=cast.limited_approver))


# --- What was seen --------------------------------------------------------------------------------


def resubmitted(cast, item, **payload):
    submit.resubmit(
        ref=item.ref,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        revision=item.revision,
        payload={**item.payload, **payload},
        customer=item.customer,
        reason=item.reason,
        ticket=item.ticket,
    )
    return cast.get(item.ref)


@pytest.mark.parametrize("verb", CHOICES)
def test_a_decision_on_an_earlier_revision_is_refused(cast, verb):
    """T7.4, I5."""
    item = cast.ask()
    now = resubmitted(cast, item, amount=9900)
    refusal = refused_on(RevisionMismatch, now, CHOICES[verb], **seen(cast, item))
    assert (refusal.status, refusal.facts["seen"], refusal.facts["now"]) == (409, 1, 2)


@pytest.mark.parametrize("verb", CHOICES)
def test_a_decision_on_a_closed_step_is_refused_with_who_closed_it(cast, verb):
    """T1.15: the second of two tabs is told so."""
    item = cast.ask()
    approved = cast.approve(item)
    refusal = refused_on(
        StepClosed, approved, CHOICES[verb], **seen(cast, item, by=cast.second_approver)
    )
    assert refusal.status == 409
    assert "I. Weber: approved at 09:12 UTC" in refusal.sentence


def test_the_same_person_in_a_second_tab_has_one_vote(cast):
    """T1.15."""
    item = cast.ask()
    approved = cast.approve(item)
    refused_on(StepClosed, approved, decide.approve, **seen(cast, item))
    assert Decision.objects.filter(item=item, choice=Choice.APPROVE).count() == 1


def test_a_step_that_does_not_exist_is_refused(cast):
    item = cast.ask()
    refused(Invalid, decide.approve, ref=item.ref, **seen(cast, item, step=2))
    assert cast.get(item.ref).version == 1


def test_a_step_that_is_not_open_yet_is_refused_and_may_be_sent_again(cast):
    steps = [{"team": "Finance"}, {"team": "Operations"}]
    table = [{"name": "Two steps", "steps": steps}]
    load_policy(slug="refunds", name="Refunds", table=table, at=cast.now)
    item = cast.ask()
    arguments = seen(cast, item, step=2)
    refusal = refused_on(TooEarly, item, decide.approve, **arguments)
    assert (refusal.code, refusal.is_final) == ("transition-not-allowed", False)
    assert "not open yet" in refusal.sentence
    refused_on(StepClosed, cast.approve(item), decide.approve, **seen(cast, item, step=1))


def test_a_stale_version_is_refused(cast):
    item = cast.ask()
    refusal = refused_on(VersionMismatch, item, decide.approve, **seen(cast, item, version=7))
    assert refusal.status == 412


def test_a_note_in_between_does_not_void_a_decision(cast):
    """I5."""
    from approvals.commands import operate

    item = cast.ask()
    operate.note(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Look.")
    operate.claim(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key())
    choose(cast, "approve", item)
    assert cast.get(item.ref).state == State.APPROVED


@pytest.mark.parametrize("verb", CHOICES)
def test_a_withdrawn_request_cannot_be_decided(cast, verb):
    item = cast.ask()
    submit.withdraw(ref=item.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="No.")
    refusal = refused_on(TransitionNotAllowed, item, CHOICES[verb], **seen(cast, item))
    assert refusal.status == 409
    assert "withdrawn" in refusal.sentence


# --- What was typed -------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["reject", "send_back"])
@pytest.mark.parametrize("reason", ["", "   ", "\n\t"])
def test_a_no_or_a_question_without_words_is_refused(cast, verb, reason):
    item = cast.ask()
    refusal = refused(Invalid, CHOICES[verb], ref=item.ref, **seen(cast, item, reason=reason))
    assert "reason" in refusal.errors


@pytest.mark.parametrize("verb", CHOICES)
@pytest.mark.parametrize("reason", ["x" * 2001, "a\x00b", "x" * 1_000_000])
def test_words_that_cannot_be_kept_are_refused(cast, verb, reason):
    item = cast.ask()
    refusal = refused(Invalid, CHOICES[verb], ref=item.ref, **seen(cast, item, reason=reason))
    assert "reason" in refusal.errors


def test_an_invalid_decision_changes_and_records_nothing(cast):
    item = cast.ask()
    refused(Invalid, decide.reject, ref=item.ref, **seen(cast, item, reason=""))
    assert (cast.get(item.ref).version, len(denied(cast.approver))) == (1, 0)


def test_half_an_emoji_is_refused_as_text_that_cannot_be_stored(cast):
    """A lone surrogate, as JSON can carry it."""
    item = cast.ask()
    refused(Invalid, decide.reject, ref=item.ref, **seen(cast, item, reason="\ud83d"))


# --- Taking back ----------------------------------------------------------------------------------


def take_back(cast, item, by=None, **changes):
    return decide.take_back(
        ref=item.ref, by=by or cast.approver, at=cast.now, key=cast.key(), **changes
    )


def test_an_approval_is_taken_back_before_it_starts(cast):
    item = cast.approve(cast.ask())
    take_back(cast, item)
    assert cast.get(item.ref).state == State.PENDING


def test_taking_back_says_that_nothing_was_sent(cast):
    item = cast.approve(cast.ask())
    expected = f"Your approval of {item.ref} is taken back. Nothing was sent."
    assert take_back(cast, item).sentence == expected


def test_taking_back_is_one_event_and_one_version(cast):
    item = cast.approve(cast.ask())
    take_back(cast, item)
    assert cast.get(item.ref).version == len(events_of(item)) == 3


def test_an_approval_taken_back_no_longer_counts(cast):
    item = cast.approve(cast.ask())
    take_back(cast, item)
    assert cast.get(item.ref).decisions_for_revision == []


def test_taking_back_leaves_the_approvals_of_others(cast):
    item = cast.approve(cast.ask(payload={"amount": 100_001}))
    item = cast.approve(item, by=cast.second_approver)
    take_back(cast, item, by=cast.second_approver)
    assert [d.decided_by for d in cast.get(item.ref).decisions_now] == [cast.approver]


def test_who_took_back_may_approve_again(cast):
    item = cast.approve(cast.ask())
    take_back(cast, item)
    assert cast.approve(item).state == State.APPROVED


def test_approved_again_it_keeps_its_effect_and_its_key(cast):
    """I1: the key never rotates."""
    item = cast.approve(cast.ask())
    key = item.effect.key
    take_back(cast, item)
    assert cast.approve(item).effect.key == key


def test_taken_back_nothing_starts(cast, provider):
    item = cast.approve(cast.ask())
    take_back(cast, item)
    assert (cast.run(item), provider.sent) == ("nothing", [])


def test_only_who_approved_last_can_take_back(cast):
    item = cast.approve(cast.ask(payload={"amount": 100_001}))
    item = cast.approve(item, by=cast.second_approver)
    refused_on(NotAllowed, item, decide.take_back, by=cast.approver, at=cast.now, key=cast.key())


def test_nobody_takes_back_an_approval_that_nobody_gave(cast):
    item = cast.ask(payload={"amount": 100})
    refused_on(NotAllowed, item, decide.take_back, by=cast.approver, at=cast.now, key=cast.key())


def test_after_it_was_sent_nothing_can_be_taken_back(cast, provider):
    item = cast.approve(cast.ask())
    cast.run(item)
    refused_on(
        TransitionNotAllowed, item, decide.take_back, by=cast.approver, at=cast.now, key=cast.key()
    )


def test_the_queue_of_account_changes_asks_operations(cast):
    item = cast.ask_for_account_change()
    assert cast.approve(item, by=cast.operator).state == State.APPROVED
