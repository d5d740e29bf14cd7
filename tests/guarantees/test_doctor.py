"""The doctor finds nothing on clean data, and whatever somebody damaged."""

from datetime import timedelta

import pytest

from approvals import doctor
from approvals.commands import decide, submit
from approvals.models import ApprovalRequest, State
from tests import postgres
from tests.audit import attacker

STORED = [state for state in State if state != State.NEW]


@pytest.fixture
def damage(committed_db):
    """Run SQL on `item` as somebody with all rights: `%(id)s`, `%(ref)s`, `%(stream)s` name it."""

    def run(item: ApprovalRequest, statement: str) -> None:
        attacker.change(committed_db, statement, id=item.pk, ref=item.ref, stream=item.stream)

    return run


def told() -> set[tuple[str, str]]:
    return {(found.invariant, found.subject) for found in doctor.examine()}


# --- Clean ------------------------------------------------------------------------------------------------


def test_an_empty_queue_is_clean(db):
    assert doctor.examine() == []


def test_requests_in_every_state_are_clean(cast, item_in):
    for state in STORED:
        item_in(state)
    assert doctor.examine() == []


def test_what_two_people_settled_is_clean(settled_by_people):
    assert doctor.examine() == []


def test_a_request_that_nobody_has_to_approve_is_clean(cast, provider_says):
    cast.run(cast.ask(payload={"amount": 4000}))
    assert doctor.examine() == []


def test_a_request_that_two_people_approved_is_clean(cast, item_in):
    item = cast.approve(cast.ask(payload={"amount": 200_000}))
    cast.run(cast.approve(item, by=cast.second_approver))
    assert doctor.examine() == []


def test_a_request_that_was_changed_after_an_approval_is_clean(cast):
    item = cast.approve(cast.ask(payload={"amount": 200_000}))
    submit.resubmit(
        ref=item.ref,
        by=cast.requester,
        at=cast.now,
        key=cast.key(),
        revision=item.revision,
        payload={**item.payload, "amount": 9000},
        customer=item.customer,
        reason=item.reason,
    )
    cast.run(cast.approve(item))
    assert doctor.examine() == []


def test_an_approval_that_was_taken_back_is_clean(cast):
    item = cast.approve(cast.ask())
    decide.take_back(ref=item.ref, by=cast.approver, at=cast.now, key=cast.key())
    cast.run(cast.approve(item, by=cast.second_approver))
    assert doctor.examine() == []


def test_a_refused_attempt_is_clean(cast):
    item = cast.ask()
    with pytest.raises(Exception, match="You created"):
        decide.approve(
            ref=item.ref, by=cast.requester, at=cast.now, key=cast.key(), revision=1, step=1
        )
    assert doctor.examine() == []


# --- I1 -----------------------------------------------------------------------------------------------------

EFFECT = "UPDATE approvals_effect SET {} WHERE item_id = %(id)s"
REQUEST = "UPDATE approvals_approvalrequest SET {} WHERE id = %(id)s"


def test_done_without_a_settled_effect_is_found(committed_db, item_in, damage):
    item = item_in(State.DONE)
    damage(item, EFFECT.format("settled_at = NULL"))
    assert told() == {("I1", item.ref)}


def test_done_without_an_effect_is_found(committed_db, item_in, damage):
    item = item_in(State.DONE)
    damage(item, "DELETE FROM approvals_effect WHERE item_id = %(id)s")
    assert told() == {("I1", item.ref)}


def test_a_settled_effect_of_what_is_not_done_is_found(committed_db, item_in, damage):
    item = item_in(State.RETRYING)
    damage(item, EFFECT.format("settled_at = first_sent_at"))
    assert told() == {("I1", item.ref)}


def test_two_successes_of_one_effect_are_found(committed_db, item_in, damage):
    """“One success an effect”, says the check."""
    item = item_in(State.DONE)
    damage(
        item,
        "INSERT INTO approvals_attempt (effect_id, number, epoch, purpose, worker, started_at,"
        " finished_at, outcome, cause, provider_reference, evidence)"
        " SELECT effect_id, number + 1, a.epoch, purpose, worker, started_at, finished_at, outcome,"
        " cause, 're_2', evidence FROM approvals_attempt a JOIN approvals_effect e"
        " ON e.id = a.effect_id WHERE e.item_id = %(id)s",
    )
    assert told() == {("I1", item.ref)}


@pytest.mark.parametrize(
    ("state", "change"),
    [
        (State.APPROVED, REQUEST.format("starts_at = NULL")),
        (State.APPROVED, "DELETE FROM approvals_effect WHERE item_id = %(id)s"),
        (State.RETRYING, EFFECT.format("next_attempt_at = NULL")),
        (State.IN_DOUBT, EFFECT.format("next_question_at = NULL, lease_until = NULL")),
        (State.EXECUTING, EFFECT.format("lease_until = NULL")),
    ],
)
def test_what_nothing_will_wake_up_is_found(committed_db, item_in, damage, state, change):
    item = item_in(state)
    damage(item, change)
    assert told() == {("I1", item.ref)}


# --- I2 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        EFFECT.format("content_hash = repeat('0', 64)"),
        EFFECT.format("revision = 2"),
        REQUEST.format("amount = amount + 1"),
        REQUEST.format("payload = jsonb_set(payload, '{amount}', '1')"),
        REQUEST.format("reason = 'Another reason'"),
    ],
)
def test_what_was_sent_and_is_not_what_was_approved_is_found(committed_db, item_in, damage, change):
    item = item_in(State.DONE)
    damage(item, change)
    assert told() == {("I2", item.ref)}


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM approvals_decision WHERE item_id = %(id)s",
        "UPDATE approvals_decision SET voided_at = decided_at WHERE item_id = %(id)s",
        "UPDATE approvals_decision SET choice = 'reject' WHERE item_id = %(id)s",
        "UPDATE approvals_decision SET revision = 2 WHERE item_id = %(id)s",
        "UPDATE approvals_decision SET content_hash = repeat('0', 64) WHERE item_id = %(id)s",
        "UPDATE approvals_step SET quorum = 2 WHERE item_id = %(id)s",
    ],
)
def test_what_was_sent_without_its_approvals_is_found(committed_db, item_in, damage, change):
    item = item_in(State.DONE)
    damage(item, change)
    assert told() == {("I2", item.ref)}


def test_what_was_sent_without_the_steps_of_its_policy_is_found(committed_db, item_in, damage):
    """Without steps there is nothing that could lack an approval."""
    item = item_in(State.DONE)
    damage(item, "DELETE FROM approvals_decision WHERE item_id = %(id)s")
    damage(item, "DELETE FROM approvals_step WHERE item_id = %(id)s")
    assert told() == {("I2", item.ref)}


# --- I3 -----------------------------------------------------------------------------------------------------


def test_a_version_without_an_event_is_found(committed_db, cast, damage):
    item = cast.ask()
    damage(item, REQUEST.format("version = version + 1"))
    assert told() == {("I3", item.ref)}


def test_a_state_that_no_event_tells_is_found(committed_db, cast, damage):
    item = cast.ask()
    damage(item, REQUEST.format("state = 'withdrawn'"))
    assert told() == {("I3", item.ref)}


def test_a_cut_off_end_is_found_even_with_its_head_put_right(committed_db, cast, damage):
    """T4.5: the chain alone would look whole."""
    item = cast.approve(cast.ask())
    damage(item, "DELETE FROM audit_event WHERE stream = %(stream)s AND seq = 2")
    damage(
        item,
        "UPDATE audit_stream s SET seq = e.seq, hash = e.hash FROM audit_event e"
        " WHERE s.stream = %(stream)s AND e.stream = s.stream",
    )
    assert told() == {("I3", item.ref)}


def test_a_request_without_any_event_is_found(committed_db, cast, damage):
    item = cast.ask()
    damage(item, "DELETE FROM audit_event WHERE stream = %(stream)s")
    damage(item, "DELETE FROM audit_stream WHERE stream = %(stream)s")
    assert told() == {("I3", item.ref)}


def test_a_move_that_no_transition_allows_is_found(committed_db, item_in, damage):
    """Events 2 to 4 tell approved, executing, done; now the second tells of a rejection."""
    item = item_in(State.DONE)
    damage(
        item,
        "UPDATE audit_event SET facts = jsonb_set(facts, '{state}', '\"rejected\"')"
        " WHERE stream = %(stream)s AND seq = 2",
    )
    sentences = {found.sentence for found in doctor.examine() if found.subject == item.stream}
    assert "Event 3 moves it from rejected to executing." in sentences


def test_a_first_event_that_no_request_begins_with_is_found(committed_db, cast, damage):
    item = cast.ask()
    damage(
        item,
        "UPDATE audit_event SET facts = jsonb_set(facts, '{state}', '\"done\"')"
        " WHERE stream = %(stream)s AND seq = 1",
    )
    sentences = {found.sentence for found in doctor.examine() if found.subject == item.stream}
    assert "Event 1 moves it from new to done." in sentences


def test_a_refusal_in_the_stream_of_a_request_is_found(committed_db, cast, damage):
    item = cast.ask()
    damage(item, "UPDATE audit_event SET outcome = 'denied' WHERE stream = %(stream)s")
    sentences = {found.sentence for found in doctor.examine() if found.subject == item.stream}
    assert "Event 1 is a refusal." in sentences


def test_a_changed_event_is_found(committed_db, cast, damage):
    item = cast.ask()
    damage(item, "UPDATE audit_event SET reason = 'x' WHERE stream = %(stream)s")
    sentences = {found.sentence for found in doctor.examine() if found.subject == item.stream}
    assert "Event 1: Event 1: reason was changed." in sentences


# --- I4 and I8 ------------------------------------------------------------------------------------------------


def test_a_decision_of_who_asked_is_found(committed_db, cast, damage):
    item = cast.approve(cast.ask())
    damage(
        item,
        "UPDATE approvals_decision d SET person_key = r.requester_key"
        " FROM approvals_approvalrequest r WHERE r.id = d.item_id AND r.id = %(id)s",
    )
    assert told() == {("I4", item.ref)}


def test_a_decision_of_a_contributor_is_found(committed_db, cast, damage):
    item = cast.approve(cast.ask())
    damage(
        item,
        "UPDATE approvals_approvalrequest r SET contributor_keys = jsonb_build_array(d.person_key)"
        " FROM approvals_decision d WHERE r.id = d.item_id AND r.id = %(id)s",
    )
    assert told() == {("I4", item.ref)}


def test_a_person_who_counts_twice_on_a_step_is_found(committed_db, cast, damage):
    """“No person twice on a step”, says the check."""
    item = cast.approve(cast.ask(payload={"amount": 200_000}))
    cast.approve(item, by=cast.second_approver)
    with postgres.admin(committed_db) as connection:
        connection.execute("DROP INDEX decision_once_per_person_and_step")
        connection.execute("DROP INDEX decision_once_per_voice_and_step")
    damage(
        item,
        "UPDATE approvals_decision SET person_key ="
        " (SELECT min(person_key::text)::uuid FROM approvals_decision WHERE item_id = %(id)s)"
        " WHERE item_id = %(id)s",
    )
    assert told() == {("I4", item.ref)}


def test_a_pending_request_that_waits_for_no_team_is_found(committed_db, cast, damage):
    item = cast.ask()
    damage(item, REQUEST.format("waiting_team_id = NULL"))
    assert told() == {("I8", item.ref)}


@pytest.mark.parametrize("later", [timedelta(), timedelta(days=1)])
def test_two_damaged_requests_are_both_found(committed_db, cast, damage, later):
    items = [cast.ask(at=cast.now + later), cast.ask()]
    for item in items:
        damage(item, REQUEST.format("waiting_team_id = NULL"))
    assert told() == {("I8", item.ref) for item in items}


def test_a_feed_that_stands_still_is_found(damage, cast):
    """As after a dump was restored into a cluster that counts its transactions anew."""
    item = cast.ask()
    damage(item, "UPDATE audit_event SET xid = '99999999999' WHERE stream = %(stream)s")
    assert told() == {("feed", "transaction 99999999999")}
