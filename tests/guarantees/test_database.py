"""What the database refuses, whoever writes: I1, I2, I3 and I5 below the application (trap 9)."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.db.models import F

from approvals import states_page
from approvals.events import Action
from approvals.models import (
    ENDED,
    ApprovalRequest,
    Attempt,
    Decision,
    Effect,
    Note,
    PolicyVersion,
    Queue,
    Settlement,
    State,
    Step,
)
from approvals.transitions import commit
from audit.models import Stream
from audit.recorder import Actor, Target, record

STORED = [state for state in State if state != State.NEW]
SOMEBODY = Actor(type="person", id="0", label="Somebody")
MOVES = {(source, target) for _, source, target, _ in states_page.transitions()}


@contextlib.contextmanager
def refused(words: str) -> Iterator[None]:
    """The database refuses what is done inside, with these words; nothing of it stays."""
    with pytest.raises(DatabaseError, match=words), transaction.atomic():
        yield
        transaction.set_rollback(True)


def is_refused(statement: str, values: list) -> bool:
    """Whether the database refuses it at once. Nothing of it stays, either way."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)
            transaction.set_rollback(True)
    except DatabaseError:
        return True
    return False


def run(statement: str, *values: object, alias: str = "default") -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, values)


def rows(item: ApprovalRequest):
    return ApprovalRequest.objects.filter(pk=item.pk)


# --- The states, in code and in the database ---------------------------------------------------------


def test_the_database_knows_the_transitions_of_the_code(db):
    """T7.1"""
    with connection.cursor() as cursor:
        cursor.execute("SELECT verb, source, target FROM approvals_transition")
        kept = sorted(cursor.fetchall())
    assert kept == sorted(row[:3] for row in states_page.transitions())


def test_the_page_of_the_states_is_that_of_the_code():
    """T7.1"""
    page = Path(settings.BASE_DIR) / "docs" / "states.md"
    assert page.read_text(encoding="utf-8") == states_page.page()


def test_the_page_names_every_state():
    assert all(f"`{state.value}`: {state.label}" in states_page.page() for state in State)


@pytest.mark.parametrize("source", STORED)
def test_a_state_becomes_only_what_the_transitions_allow(item_in, source):
    """T7.7: raw SQL with the right version, towards every other state."""
    item = item_in(source)
    statement = (
        "UPDATE approvals_approvalrequest SET state = %s, version = version + 1 WHERE id = %s"
    )
    accepted = {
        target
        for target in State
        if target != source and not is_refused(statement, [target.value, item.pk])
    }
    assert accepted == {State(to) for from_, to in MOVES if from_ == source and to != from_}


def test_nothing_leaves_an_ended_state_but_a_late_failure():
    """T7.1"""
    assert {move for move in MOVES if move[0] in ENDED} == {(State.DONE, State.NEEDS_PERSON)}


@pytest.mark.parametrize("state", [s for s in STORED if ("new", s) not in MOVES])
def test_a_request_cannot_begin_in_the_middle_of_its_life(cast, state):
    """T7.7: `create(state=…)` is no transition, and the model doesn't guard it."""
    with refused("cannot begin as"):
        copy_of(cast.ask(), state=state).save(force_insert=True)


def test_a_request_cannot_stay_new(cast):
    with refused("cannot begin as new"):
        copy_of(cast.ask(), state=State.NEW).save(force_insert=True)


def test_a_request_cannot_begin_with_a_later_version(cast):
    with refused("cannot begin as pending with version 2"):
        copy_of(cast.ask(), version=2).save(force_insert=True)


def test_a_request_cannot_begin_with_a_later_revision(cast):
    with refused("cannot begin"):
        copy_of(cast.ask(), revision=2).save(force_insert=True)


def test_a_table_of_ones_own_does_not_stand_in_for_the_transitions(cast):
    """A temporary table hides one of the same name, for everything that doesn't say the schema."""
    item = cast.ask()
    with refused("cannot become done|permission denied"):
        run("CREATE TEMP TABLE approvals_transition (verb text, source text, target text)")
        run("INSERT INTO pg_temp.approvals_transition VALUES ('forge', 'pending', 'done')")
        rows(item).update(state=State.DONE, version=F("version") + 1)


def copy_of(item: ApprovalRequest, **changes: object) -> ApprovalRequest:
    """A second request that differs in its names and in `changes`, not saved."""
    skipped = {"id", "rank", "due_order"}
    values = {
        field.attname: getattr(item, field.attname)
        for field in ApprovalRequest._meta.concrete_fields
        if field.attname not in skipped
    }
    names = {"ref": "RF-9", "stream": "request/RF-9", "subject": "pi_9", "effect_key": ""}
    return ApprovalRequest(**{**values, **names, **changes})


# --- I3: version, row and event ------------------------------------------------------------------------


def test_a_state_cannot_be_changed_without_a_version(cast):
    """T7.7, T4.13: `QuerySet.update` knows nothing of transitions."""
    with refused("raises the version by one"):
        rows(cast.ask()).update(state=State.APPROVED)


def test_raw_sql_cannot_change_a_state_without_a_version(cast):
    """T7.7"""
    item = cast.ask()
    with refused("raises the version by one"):
        run("UPDATE approvals_approvalrequest SET state = 'approved' WHERE id = %s", item.pk)


def test_bulk_update_cannot_change_a_state(cast):
    """T7.7"""
    item = cast.ask()
    item.__dict__["state"] = State.APPROVED
    with refused("raises the version by one"):
        ApprovalRequest.objects.bulk_update([item], ["state"])


@pytest.mark.parametrize("by", [-1, 0, 2, 10])
def test_a_version_neither_jumps_nor_stays_nor_goes_back(cast, by):
    with refused("raises the version by one|request_version"):
        rows(cast.ask()).update(version=F("version") + by)


def test_saving_a_stale_copy_is_refused(cast):
    """Trap 11: what was read before somebody else's change cannot overwrite it."""
    item = cast.ask()
    commit(cast.get(item.ref), Action.NOTE, actor=SOMEBODY, at=cast.now)
    item.version += 1
    with refused("raises the version by one"):
        item.save()


def test_a_change_without_its_event_cannot_commit(committed_db, cast):
    """T4.1: the foreign key onto the stream's head is looked at when the transaction ends."""
    item = cast.ask()
    with (
        pytest.raises(IntegrityError, match="approvals_request_has_its_event"),
        transaction.atomic(),
    ):
        rows(item).update(state=State.REJECTED, version=F("version") + 1)


def test_a_change_without_its_event_leaves_nothing(committed_db, cast):
    """T4.1"""
    item = cast.ask()
    with contextlib.suppress(IntegrityError), transaction.atomic():
        rows(item).update(state=State.REJECTED, version=F("version") + 1)
    assert cast.get(item.ref).state == State.PENDING


def test_an_event_without_its_change_cannot_commit(committed_db, cast):
    """T4.1"""
    item = cast.ask()
    with (
        pytest.raises(IntegrityError, match="approvals_request_has_its_event"),
        transaction.atomic(),
    ):
        record(
            stream=item.stream,
            action="request.note",
            actor=SOMEBODY,
            target=Target("request", item.ref),
            at=cast.now,
        )


def test_a_request_without_its_event_cannot_be_added(committed_db, cast):
    """T4.1"""
    new = copy_of(cast.ask())
    with (
        pytest.raises(IntegrityError, match="approvals_request_has_its_event"),
        transaction.atomic(),
    ):
        new.save(force_insert=True)


def test_two_changes_cannot_share_one_event(committed_db, cast):
    """T4.1"""
    item = cast.ask()
    with (
        pytest.raises(IntegrityError, match="approvals_request_has_its_event"),
        transaction.atomic(),
    ):
        commit(item, Action.NOTE, actor=SOMEBODY, at=cast.now)
        rows(item).update(version=F("version") + 1)


def test_a_change_with_its_event_commits(committed_db, cast):
    """T4.1: the other tests would also pass if nothing could ever be written."""
    item = cast.ask()
    with transaction.atomic():
        commit(item, Action.NOTE, actor=SOMEBODY, at=cast.now)
    assert Stream.objects.get(stream=item.stream).seq == cast.get(item.ref).version == 2


# --- I5: content and origin ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("payload", {"amount": 1}),
        ("amount", 1),
        ("currency", "USD"),
        ("customer", "Somebody else"),
        ("reason", "Another reason"),
        ("content_hash", "0" * 64),
    ],
)
def test_content_does_not_change_without_a_revision(cast, field, value):
    with refused("content changes only as a new revision"):
        rows(cast.ask()).update(version=F("version") + 1, **{field: value})


def test_a_request_does_not_move_to_another_queue_without_a_revision(cast):
    item = cast.ask()
    other = Queue.objects.exclude(pk=item.queue_id).first()
    with refused("content changes only as a new revision"):
        rows(item).update(version=F("version") + 1, queue=other)


@pytest.mark.parametrize("by", [-1, 2])
def test_a_revision_rises_by_one(cast, by):
    with refused("content changes only as a new revision|request_revision|integer out of range"):
        rows(cast.ask()).update(version=F("version") + 1, revision=F("revision") + by, amount=1)


@pytest.mark.parametrize("state", [s for s in STORED if s not in (State.PENDING, State.SENT_BACK)])
def test_content_does_not_change_once_it_is_decided(item_in, state):
    with refused("content changes only as a new revision"):
        rows(item_in(state)).update(version=F("version") + 1, revision=F("revision") + 1, amount=1)


def test_a_new_revision_waits_for_approval_again(cast):
    """Content and approval cannot change in one step."""
    with refused("content changes only as a new revision"):
        rows(cast.ask()).update(
            version=F("version") + 1, revision=F("revision") + 1, state=State.APPROVED, amount=1
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ref", "RF-9"),
        ("stream", "request/RF-9"),
        ("kind", "manual"),
        ("effect_key", "aq-another"),
        ("requester_key", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_what_a_request_is_never_changes(cast, field, value):
    with refused("never change"):
        rows(cast.ask()).update(version=F("version") + 1, **{field: value})


def test_who_asked_never_changes(cast):
    with refused("never change"):
        rows(cast.ask()).update(version=F("version") + 1, requested_by=cast.approver)


def test_when_it_was_asked_never_changes(cast):
    with refused("never change"):
        rows(cast.ask()).update(version=F("version") + 1, created_at=cast.now - timedelta(days=9))


def test_a_request_keeps_the_policy_that_it_was_asked_under(cast):
    item = cast.ask()
    other = PolicyVersion.objects.exclude(pk=item.policy_version_id).first()
    with refused("never change"):
        rows(item).update(version=F("version") + 1, policy_version=other)


# --- Nothing is removed ----------------------------------------------------------------------------------

KEPT = [
    "approvals_approvalrequest",
    "approvals_step",
    "approvals_decision",
    "approvals_effect",
    "approvals_attempt",
    "approvals_note",
    "approvals_settlement",
    "approvals_policyversion",
    "approvals_transition",
]


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_application_cannot_remove(db, statement, table):
    with refused("permission denied"):
        run(statement.format(table))


@pytest.mark.parametrize("table", KEPT)
def test_the_application_cannot_switch_a_trigger_off(db, table):
    with refused("must be owner"):
        run(f"ALTER TABLE {table} DISABLE TRIGGER ALL")


@pytest.mark.parametrize(
    "table", ["approvals_note", "approvals_policyversion", "approvals_transition"]
)
def test_the_application_cannot_change_what_is_only_written_once(db, table):
    with connection.cursor() as cursor:
        column = connection.introspection.get_table_description(cursor, table)[0].name
    with refused("permission denied"):
        run(f"UPDATE {table} SET {column} = {column}")


def test_the_application_cannot_make_tables(db):
    with refused("permission denied"):
        run("CREATE TABLE public.mine (id int)")


def test_the_owner_cannot_delete_a_request(committed_db, cast):
    cast.ask()
    with pytest.raises(DatabaseError, match="DELETE on approvals_approvalrequest is refused"):
        run("DELETE FROM approvals_approvalrequest", alias="owner")


def test_the_owner_cannot_truncate_the_requests(committed_db):
    with pytest.raises(DatabaseError, match="TRUNCATE on approvals_approvalrequest is refused"):
        run("TRUNCATE approvals_approvalrequest CASCADE", alias="owner")


def test_the_owner_cannot_delete_a_decision(committed_db, cast):
    cast.approve(cast.ask())
    with pytest.raises(DatabaseError, match="a decision stays as it was said"):
        run("DELETE FROM approvals_decision", alias="owner")


def test_the_owner_cannot_reword_a_decision(committed_db, cast):
    cast.approve(cast.ask())
    with pytest.raises(DatabaseError, match="a decision stays as it was said"):
        run("UPDATE approvals_decision SET choice = 'reject'", alias="owner")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE approvals_policyversion SET number = number + 1",
        "DELETE FROM approvals_policyversion",
    ],
)
def test_the_owner_cannot_change_a_version_of_a_policy(committed_db, statement):
    with pytest.raises(DatabaseError, match="on approvals_policyversion is refused"):
        run(statement, alias="owner")


# --- Decisions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("choice", "reject"),
        ("reason", "Something else"),
        ("revision", 2),
        ("step", 2),
        ("content_hash", "0" * 64),
        ("person_key", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_a_decision_stays_as_it_was_said(cast, field, value):
    item = cast.approve(cast.ask())
    with refused("permission denied"):
        Decision.objects.filter(item=item).update(**{field: value})


def test_a_decision_is_not_voided_and_reworded_at_once(cast):
    item = cast.approve(cast.ask())
    with refused("permission denied"):
        Decision.objects.filter(item=item).update(voided_at=cast.now, choice="reject")


def test_a_decision_can_be_voided(cast):
    item = cast.approve(cast.ask())
    Decision.objects.filter(item=item).update(voided_at=cast.now)
    assert cast.get(item.ref).decisions_for_revision == []


@pytest.mark.parametrize("later", [None, timedelta(hours=1)])
def test_a_void_decision_stays_void(cast, later):
    decisions = Decision.objects.filter(item=cast.approve(cast.ask()))
    decisions.update(voided_at=cast.now)
    with refused("it can only be voided, once"):
        decisions.update(voided_at=later and cast.now + later)


def test_a_person_counts_once_a_step(cast):
    """T7.2, below the command."""
    item = cast.approve(cast.ask(payload={"amount": 200_000}))
    second = Decision.objects.get(item=item)
    second.pk = None
    with refused("decision_once_per_person_and_step"):
        second.save(force_insert=True)


# --- I1: effects and attempts --------------------------------------------------------------------------------


def test_the_key_of_an_effect_never_rotates(cast):
    item = cast.approve(cast.ask())
    with refused("never go back"):
        Effect.objects.filter(item=item).update(key="aq-another")


def test_a_request_has_one_effect(cast):
    effect = cast.approve(cast.ask()).effect
    effect.pk, effect.key = None, "aq-another"
    with refused("approvals_effect_item_id"):
        effect.save(force_insert=True)


def test_two_requests_never_share_what_their_effects_are_called(cast):
    item = cast.ask()
    with refused("request_effect_key"):
        copy_of(item, effect_key=item.effect_key).save(force_insert=True)


def test_an_effect_does_not_move_to_another_request(cast):
    item, other = cast.approve(cast.ask()), cast.ask()
    with refused("never go back"):
        Effect.objects.filter(item=item).update(item=other)


@pytest.mark.parametrize("field", ["epoch", "attempts"])
def test_a_counter_of_an_effect_never_goes_back(item_in, field):
    """T3: a worker that comes back late is told by the epoch."""
    item = item_in(State.RETRYING)
    with refused("never go back"):
        Effect.objects.filter(item=item).update(**{field: F(field) - 1})


@pytest.mark.parametrize("change", [None, timedelta(seconds=1), timedelta(seconds=-1)])
def test_what_was_once_sent_stays_sent(item_in, change):
    effects = Effect.objects.filter(item=item_in(State.IN_DOUBT))
    with refused("never go back"):
        effects.update(first_sent_at=change and F("first_sent_at") + change)


def test_a_settled_effect_stays_settled(item_in):
    effects = Effect.objects.filter(item=item_in(State.DONE))
    with refused("never go back"):
        effects.update(settled_at=None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("outcome", "absent"),
        ("evidence", "Nothing."),
        ("cause", "not-reached"),
        ("finished_at", None),
        ("provider_reference", "re_2"),
    ],
)
def test_a_finished_attempt_stays_as_it_was_recorded(item_in, field, value):
    attempts = Attempt.objects.filter(effect__item=item_in(State.IN_DOUBT))
    with refused("what was tried stays"):
        attempts.update(**{field: value})


@pytest.mark.parametrize(("field", "value"), [("number", 7), ("epoch", 7), ("purpose", "look_up")])
def test_a_running_attempt_stays_what_it_is(item_in, field, value):
    attempts = Attempt.objects.filter(effect__item=item_in(State.EXECUTING))
    with refused("what was tried stays"):
        attempts.update(**{field: value})


def test_a_running_attempt_can_be_finished(cast, item_in):
    attempts = Attempt.objects.filter(effect__item=item_in(State.EXECUTING))
    assert attempts.update(finished_at=cast.now, outcome="done") == 1


@pytest.mark.parametrize(
    "model", [Step, Note, Settlement, Effect, Attempt, Decision, ApprovalRequest]
)
def test_django_cannot_delete(cast, settled_by_people, model):
    """`QuerySet.delete` comes with the application's login, too."""
    commit_note(cast, settled_by_people)
    with refused("permission denied"):
        model.objects.all()._raw_delete("default")


def commit_note(cast, item: ApprovalRequest) -> None:
    Note.objects.create(item=item, author=cast.operator, text="Hello", written_at=cast.now)


def test_a_number_of_an_attempt_is_given_once(db, cast):
    """Also in another month, which is another part of the table."""
    item = cast.ask()
    cast.approve(item)
    cast.run(item)
    first = Attempt.objects.get()
    again = {name: getattr(first, name) for name in ("effect", "number", "epoch", "purpose")}
    for at in (first.started_at, first.started_at + timedelta(days=400)):
        with pytest.raises(IntegrityError, match="is there already"), transaction.atomic():
            Attempt.objects.create(**again, worker="", started_at=at)
    assert Attempt.objects.count() == 1
