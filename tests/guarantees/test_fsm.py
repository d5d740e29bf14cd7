"""The state moves by a transition and by nothing else: traps 8 to 10, T7.1 and T7.8."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django_fsm import TransitionNotAllowed, can_proceed

from approvals import events, explain, queries, states_page, stuck
from approvals.events import Action
from approvals.models import ApprovalRequest, State

STORED = [state for state in State if state != State.NEW]
MOVES = {(source, verb) for verb, source, _, _ in states_page.transitions()}
VERBS = sorted({verb for _, verb in MOVES})
ARGUMENTS = {
    "submit": {"complete": True},
    "approve": {"complete": True},
    "settle": {"happened": True},
}


def assign(item: ApprovalRequest) -> None:
    item.state = State.DONE


# --- The protected state ------------------------------------------------------------------------------


def test_a_state_cannot_be_assigned(cast):
    with pytest.raises(AttributeError):
        assign(cast.ask())


def test_a_state_cannot_be_assigned_by_name(cast):
    with pytest.raises(AttributeError):
        setattr(cast.ask(), "state", State.DONE)  # noqa: B010 - by name is what is tried


def test_a_new_request_cannot_be_assigned_a_state():
    with pytest.raises(AttributeError):
        assign(ApprovalRequest())


def test_reading_a_request_anew_brings_its_state(cast):
    item = cast.ask()
    cast.approve(item)
    item.refresh_from_db()
    assert item.state == State.APPROVED


def test_reading_other_fields_anew_keeps_the_state(cast):
    item = cast.ask()
    cast.approve(item)
    item.refresh_from_db(fields=["updated_at"])
    assert item.state == State.PENDING


def test_a_state_that_was_left_out_is_read_when_it_is_asked_for(cast):
    item = cast.ask()
    assert ApprovalRequest.objects.only("ref").get(pk=item.pk).state == State.PENDING


def test_a_state_is_protected_after_reading_anew(cast):
    """Trap 8"""
    item = cast.ask()
    item.refresh_from_db()
    with pytest.raises(AttributeError):
        assign(item)


@pytest.fixture
def missing(cast) -> ApprovalRequest:
    """A request whose row is not there any more."""
    item = cast.ask()
    item.pk = 0
    return item


def test_reading_a_missing_request_anew_says_so(missing):
    with pytest.raises(ApprovalRequest.DoesNotExist):
        missing.refresh_from_db()


def test_a_failed_read_keeps_the_state(missing):
    """T7.8"""
    with pytest.raises(ApprovalRequest.DoesNotExist):
        missing.refresh_from_db()
    assert missing.state == State.PENDING


def test_a_failed_read_keeps_the_protection(missing):
    """T7.8"""
    with pytest.raises(ApprovalRequest.DoesNotExist):
        missing.refresh_from_db()
    with pytest.raises(AttributeError):
        assign(missing)


def test_a_failed_read_keeps_the_protection_of_others(cast, missing):
    """T7.8, trap 8: django-fsm's own mixin leaves it off for the whole process."""
    other = cast.ask()
    with pytest.raises(ApprovalRequest.DoesNotExist):
        missing.refresh_from_db()
    with pytest.raises(AttributeError):
        assign(other)


def test_reading_in_threads_keeps_the_protection_of_others(committed_db, cast):
    """T7.8, trap 8: 4 threads read while this one tries to assign."""
    item = cast.ask()
    errors: list[BaseException] = []
    running = threading.Semaphore(0)

    def read() -> None:
        try:
            own = cast.get(item.ref)
            running.release()
            for _ in range(100):
                own.refresh_from_db()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    assert running.acquire(timeout=30)
    assigned = 0
    while any(reader.is_alive() for reader in readers):
        try:
            assign(item)
            assigned += 1
        except AttributeError:
            pass
    assert (assigned, errors) == (0, [])


# --- The table of transitions ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
def test_a_transition_runs_from_its_states_and_from_no_other(state):
    """T7.1: every pair of state and verb."""
    possible = set()
    for verb in VERBS:
        item = ApprovalRequest(state=state)
        try:
            getattr(item, verb)(**ARGUMENTS.get(verb, {}))
        except TransitionNotAllowed:
            continue
        possible.add(verb)
    assert possible == {verb for source, verb in MOVES if source == state}


def test_a_transition_that_is_refused_leaves_the_state():
    item = ApprovalRequest(state=State.REJECTED)
    with pytest.raises(TransitionNotAllowed):
        item.withdraw()
    assert item.state == State.REJECTED


def test_asking_whether_a_transition_can_run_does_not_run_it():
    item = ApprovalRequest(state=State.PENDING)
    assert can_proceed(item.withdraw)
    assert item.state == State.PENDING


@pytest.mark.parametrize("state", STORED)
def test_every_state_can_be_reached(state):
    assert any(target == state for _, _, target, _ in states_page.transitions())


# --- Every state is explained, every move is told ---------------------------------------------------------


def test_every_state_has_an_explanation():
    """I8. A new request is never stored."""
    assert set(explain._OF_STATE) == set(STORED)


@pytest.mark.parametrize("state", STORED)
@pytest.mark.parametrize("later", [timedelta(), timedelta(minutes=1), timedelta(days=40)])
def test_an_explanation_is_a_sentence_that_fits(cast, item_in, state, later):
    """I8"""
    item, now = item_in(state), cast.now + later
    deciders = queries.deciders_of([item], now).get(item.pk, explain.Deciders())
    assert 10 <= len(explain.explain(item, deciders, now).sentence) <= explain.LONGEST


@pytest.mark.parametrize("state", STORED)
@pytest.mark.parametrize("later", [timedelta(), timedelta(minutes=1), timedelta(days=40)])
def test_an_explanation_is_stuck_when_the_rule_says_so(cast, item_in, state, later):
    """I7: the page and the list cannot disagree."""
    item, now = item_in(state), cast.now + later
    deciders = queries.deciders_of([item], now).get(item.pk, explain.Deciders())
    words = explain.explain(item, deciders, now).stuck
    assert words == stuck.why_stuck(item, now, has_deciders=bool(deciders.names))


@pytest.mark.parametrize("verb", VERBS)
def test_every_transition_has_an_action(verb):
    assert verb.upper() in Action.__members__


@pytest.mark.parametrize("action", Action)
def test_every_action_has_a_sentence(action):
    """Also when a fact is missing."""
    sentence = events.sentence(action.value, {})
    assert sentence != action.value
    assert "{" not in sentence


def test_an_action_from_elsewhere_is_shown_by_its_name():
    assert events.sentence("admin.change", {}) == "admin.change"


@pytest.mark.parametrize("verb", VERBS)
def test_every_transition_says_what_it_means(verb):
    [meaning, *_] = {told for name, _, _, told in states_page.transitions() if name == verb}
    assert meaning.endswith(".")
