"""The sentence of every state: true, short, and with every blank filled."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import queries
from approvals.causes import CAUSES
from approvals.commands import decide, submit
from approvals.explain import _OF_STATE, LONGEST, Deciders, explain
from approvals.kinds.base import Refused, Unknown
from approvals.models import Choice, State
from approvals.stuck import is_stuck, why_stuck

NOW = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)
STATES = [state for state in State if state != State.NEW]
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff " * 5
NAMES = st.text(max_size=200) | st.sampled_from([LONG_NAME, "", " ", "{name}", "\u202eInes Weber"])
TEXTS = st.text(max_size=300) | st.sampled_from(["x" * 2000, "{}", "a\nb", "word " * 400])
TIMES = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
PLACES = st.sampled_from(["Berlin", "Buenos Aires", "Knox IN", "", "x" * 60])


def person(name: str) -> SimpleNamespace:
    return SimpleNamespace(name=name)


def item(state: str, **changes) -> SimpleNamespace:
    """The fields of a request that explaining reads, as a request in `state` has them."""
    asker = person(changes.pop("asker", "Ines Weber"))
    asked = SimpleNamespace(choice=Choice.SEND_BACK, decided_by=asker)
    approval = SimpleNamespace(choice=Choice.APPROVE, decided_by=asker)
    team = SimpleNamespace(name=changes.pop("team", "Finance"))
    effect = SimpleNamespace(
        lease_until=NOW,
        is_proven_absent=changes.pop("is_absent", state == State.RETRYING),
        undone_at=changes.pop("undone_at", None),
        attempts=changes.pop("attempts", 3),
        max_attempts=8,
        next_attempt_at=changes.pop("next_attempt_at", NOW + timedelta(minutes=4)),
        next_question_at=changes.pop("next_question_at", NOW + timedelta(minutes=1)),
        settled_at=changes.pop("settled_at", NOW),
        provider_reference=changes.pop("reference", "re_1"),
    )
    values = {
        "ref": "RF-1",
        "kind": "refund",
        "state": state,
        "amount": 8800,
        "cause": "no-answer",
        "closing_reason": "Which parcel?",
        "requested_by": person(changes.pop("requester", "Sofia Berg")),
        "decided_by": asker,
        "waiting_since": NOW,
        "updated_at": NOW,
        "due_at": NOW + timedelta(hours=4),
        "warn_at": NOW + timedelta(hours=2),
        "starts_at": NOW + timedelta(seconds=30),
        "held_at": None,
        "held_by": person(changes.pop("holder", "Eleni Markou")),
        "hold_reason": changes.pop("hold_reason", "Asking the provider."),
        "stranded_at": None,
        "was_settled_by_people": False,
        "effect": effect,
        "open_steps": [
            SimpleNamespace(number=1, quorum=2, team=team, escalates_at=None, escalations=[])
        ],
        "approvals_of": lambda number: [],
        "decisions_for_revision": [asked],
        "last_approval": approval,
        "open_settlement": None,
        **changes,
    }
    return SimpleNamespace(**values)


DECIDERS = Deciders(["I. Weber", "L. Sand"], "Berlin", open_until=NOW + timedelta(hours=7))


def said(state: str, *, deciders: Deciders = DECIDERS, now: datetime = NOW, system=None, **changes):
    return explain(item(state, **changes), deciders, now, system)


def is_whole(waiting) -> bool:
    """Nothing that a reader would see as a blank, a brace or a cut-off."""
    texts = [waiting.label, waiting.sentence, waiting.moved, waiting.heading]
    return (
        all(text.strip() for text in texts)
        and len(waiting.sentence) <= LONGEST
        and not {"None", "{}"} & {word for text in texts for word in text.split()}
    )


def test_every_state_has_its_sentence():
    assert set(_OF_STATE) == set(STATES)


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_explained(state):
    assert is_whole(said(state))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", ["refund", "account_change", "manual"])
def test_every_kind_is_explained(state, kind):
    amount = 8800 if kind == "refund" else None
    assert is_whole(said(state, kind=kind, amount=amount))


@pytest.mark.parametrize("state", [State.RETRYING, State.IN_DOUBT, State.NEEDS_PERSON])
@pytest.mark.parametrize("cause", [*CAUSES, "", "never-heard-of"])
@pytest.mark.parametrize("kind", ["refund", "account_change", "manual"])
def test_every_cause_is_explained(state, cause, kind):
    later = NOW + timedelta(days=400, hours=23, minutes=59)
    waiting = said(
        state,
        cause=cause,
        kind=kind,
        attempts=8,
        waiting_since=later,
        next_attempt_at=later,
        next_question_at=later,
    )
    assert is_whole(waiting)


@given(
    state=st.sampled_from(STATES),
    asker=NAMES,
    requester=NAMES,
    team=NAMES,
    closing_reason=TEXTS,
    names=st.lists(NAMES, max_size=4),
    place=PLACES,
    reference=TEXTS,
    now=TIMES,
    since=TIMES,
)
def test_no_name_text_or_time_breaks_a_sentence(
    state, asker, requester, team, closing_reason, names, place, reference, now, since
):
    waiting = said(
        state,
        asker=asker,
        requester=requester,
        team=team,
        closing_reason=closing_reason,
        reference=reference,
        waiting_since=since,
        starts_at=since,
        next_attempt_at=since,
        next_question_at=since,
        settled_at=since,
        due_at=since,
        deciders=Deciders(names, place, open_until=since),
        now=now,
    )
    assert waiting.sentence.strip()
    assert len(waiting.sentence) <= LONGEST


@given(state=st.sampled_from(STATES), name=NAMES, text=TEXTS)
def test_no_direction_changing_character_reaches_a_sentence(state, name, text):
    waiting = said(state, asker=name, requester=name, team=name, closing_reason=text)
    assert not {"\u202e", "\x00", "\u200b"} & set(waiting.sentence)


@pytest.mark.parametrize("state", STATES)
def test_without_dates_a_sentence_is_still_whole(state):
    waiting = said(
        state,
        next_attempt_at=None,
        next_question_at=None,
        settled_at=None,
        due_at=None,
        warn_at=None,
    )
    assert is_whole(waiting)


@pytest.mark.parametrize("state", [State.REJECTED, State.WITHDRAWN])
def test_who_ended_it_may_be_unknown(state):
    assert said(state, decided_by=None).sentence.startswith("Somebody")


# --- What the sentences claim ---------------------------------------------------------------------


def test_waiting_names_who_can_and_until_when():
    assert said(State.PENDING).sentence == (
        "Needs 2 more Finance approvals since 09:12 UTC (under 1 min). I. Weber and L. Sand can; "
        "Berlin is open to 16:12 UTC."
    )


def test_a_long_list_of_deciders_is_counted():
    deciders = Deciders([f"A. {'x' * 30}", f"B. {'x' * 30}", "C. D", "E. F"], "Berlin")
    assert said(State.PENDING, deciders=deciders).sentence.endswith("4 people can.")


def test_when_nobody_can_decide_that_is_said():
    """I8."""
    waiting = said(State.PENDING, deciders=Deciders())
    assert (waiting.label, waiting.stuck) == ("Nobody can approve", "Nobody can decide it.")


@pytest.mark.parametrize(
    "state",
    [
        State.PENDING,
        State.SENT_BACK,
        State.APPROVED,
        State.REJECTED,
        State.WITHDRAWN,
        State.EXPIRED,
    ],
)
def test_before_anything_is_sent_no_money_has_moved(state):
    assert said(state).moved == "No money has moved."


@pytest.mark.parametrize("state", [State.EXECUTING, State.IN_DOUBT])
def test_while_it_may_have_happened_nothing_is_promised(state):
    """I10."""
    assert "No money has moved" not in said(state).sentence + said(state).moved


@pytest.mark.parametrize("cause", ["no-answer", "connection-lost", "provider-error", "worker-died"])
def test_in_doubt_says_not_to_send_again(cause):
    """I1."""
    assert said(State.IN_DOUBT, cause=cause).sentence.endswith("Do not resend.")


@pytest.mark.parametrize("cause", ["provider-pending", "provider-needs-action", "found-twice"])
def test_what_is_known_to_be_accepted_or_done_is_not_said_to_be_perhaps_done(cause):
    """I10."""
    waiting = said(State.IN_DOUBT, cause=cause)
    assert "may be done" not in waiting.sentence + waiting.moved


@pytest.mark.parametrize("state", [s for s in STATES if s != State.DONE])
def test_only_done_is_said_to_be_done(state):
    """I10."""
    assert "It is carried out" not in said(state).moved


def test_a_late_start_is_stuck():
    assert said(State.APPROVED, starts_at=NOW - timedelta(minutes=3)).stuck


def test_a_start_in_time_is_not_stuck():
    assert said(State.APPROVED).stuck == ""


@pytest.mark.parametrize("state", [State.IN_DOUBT, State.NEEDS_PERSON, State.RETRYING])
def test_what_went_wrong_is_stuck(state):
    assert said(state).stuck


@pytest.mark.parametrize(
    ("due", "warn", "words"),
    [(-1, -2, "It is overdue."), (1, -1, "It waits longer than usual."), (2, 1, "")],
)
def test_late_waiting_is_stuck(due, warn, words):
    waiting = item(
        State.PENDING, due_at=NOW + timedelta(hours=due), warn_at=NOW + timedelta(hours=warn)
    )
    assert why_stuck(waiting, NOW, has_deciders=True) == words


# --- Of real requests -----------------------------------------------------------------------------


def in_state(cast, provider, state):
    """A real refund in `state`; those of them that commands and a worker reach."""
    found = cast.ask()
    if state == State.PENDING:
        return found
    if state in (State.REJECTED, State.SENT_BACK):
        command = decide.reject if state == State.REJECTED else decide.send_back
        command(
            ref=found.ref,
            by=cast.approver,
            at=cast.now,
            key=cast.key(),
            revision=1,
            step=1,
            reason="Why?",
        )
        return found
    if state == State.WITHDRAWN:
        submit.withdraw(ref=found.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="No.")
        return found
    cast.approve(found)
    results = {
        State.RETRYING: Refused("too-many-requests", permanent=False),
        State.NEEDS_PERSON: Refused("payment-not-found", permanent=True),
        State.IN_DOUBT: Unknown("no-answer"),
    }
    provider.sends = results.get(state, provider.sends)
    if state != State.APPROVED:
        cast.run(found)
    return found


REACHED = [s for s in STATES if s not in (State.EXECUTING, State.EXPIRED)]


@pytest.mark.parametrize("state", REACHED)
def test_a_real_request_in_this_state_is_explained(cast, provider, state):
    found = cast.get(in_state(cast, provider, state).ref)
    assert found.state == state
    now = cast.now + timedelta(minutes=3)
    deciders = queries.deciders_of([found], now).get(found.pk, Deciders())
    assert is_whole(explain(found, deciders, now))


@pytest.mark.parametrize(
    "state", [s for s in REACHED if s not in (State.DONE, State.REJECTED, State.WITHDRAWN)]
)
@pytest.mark.parametrize("later", [timedelta(minutes=3), timedelta(hours=3), timedelta(days=3)])
def test_stuck_in_words_and_stuck_in_the_list_agree(cast, provider, state, later):
    """I7."""
    found = cast.get(in_state(cast, provider, state).ref)
    now = cast.now + later
    deciders = queries.deciders_of([found], now).get(found.pk, Deciders())
    listed = queries.requests().filter(is_stuck(now), pk=found.pk).exists()
    assert listed is bool(explain(found, deciders, now).stuck)


# --- Held and paused -------------------------------------------------------------------------------

BEFORE_SENDING = [State.APPROVED, State.RETRYING]


def switch(**changes) -> SimpleNamespace:
    values = {
        "name": "Stripe",
        "held_at": None,
        "held_by": person(changes.pop("holder", "Eleni Markou")),
        "hold_reason": "Their status page is red.",
        "paused_at": None,
        "probe_at": None,
        "failures": 5,
        "last_cause": "provider-error",
        **changes,
    }
    values["is_stopped"] = values["held_at"] is not None or values["paused_at"] is not None
    return SimpleNamespace(**values)


@pytest.mark.parametrize("state", BEFORE_SENDING)
def test_a_held_request_says_who_holds_it_and_why(state):
    waiting = said(state, held_at=NOW)
    assert waiting.label == "Held by E. Markou"
    assert "“Asking the provider.” Tries do not count down." in waiting.sentence
    assert waiting.stuck == "It is held."


@pytest.mark.parametrize("state", BEFORE_SENDING)
def test_a_request_of_a_held_system_says_so(state):
    waiting = said(state, system=switch(held_at=NOW))
    assert waiting.label == "Stripe is held"
    assert "by E. Markou" in waiting.sentence
    assert waiting.stuck == "Stripe is held."


@pytest.mark.parametrize("state", BEFORE_SENDING)
def test_a_request_of_a_paused_system_says_when_it_is_asked_again(state):
    waiting = said(state, system=switch(paused_at=NOW, probe_at=NOW + timedelta(minutes=1)))
    assert waiting.label == "Waiting for Stripe"
    assert "We ask it again" in waiting.sentence
    assert (waiting.next_at, waiting.stuck) == (NOW + timedelta(minutes=1), "Stripe is paused.")


@given(
    state=st.sampled_from(BEFORE_SENDING),
    name=NAMES,
    text=TEXTS,
    at=TIMES,
    cause=st.sampled_from([*CAUSES]),
)
def test_no_name_text_or_time_breaks_the_sentence_of_a_hold(state, name, text, at, cause):
    for waiting in (
        said(state, held_at=at, holder=name, hold_reason=text),
        said(state, system=switch(held_at=at, holder=name, hold_reason=text)),
        said(state, system=switch(paused_at=at, probe_at=at, last_cause=cause)),
    ):
        assert 0 < len(waiting.sentence) <= LONGEST
        assert not {"\u202e", "\x00", "\u200b"} & set(waiting.sentence)


def test_a_retry_that_may_still_be_running_there_does_not_claim_that_nothing_moved():
    waiting = said(State.RETRYING, cause="provider-busy", is_absent=False)
    assert waiting.moved == CAUSES["provider-busy"].moved


@pytest.mark.parametrize("state", [State.RETRYING, State.NEEDS_PERSON])
@pytest.mark.parametrize("cause", [*CAUSES])
def test_what_has_moved_is_what_is_known_not_what_the_cause_is_called(state, cause):
    known = said(state, cause=cause, is_absent=True).moved
    assert known != "It may have been done."
    unknown = said(state, cause=cause, is_absent=False).moved
    assert unknown not in ("Nothing has changed.", "No money has moved.")


@pytest.mark.parametrize("cause", [*CAUSES])
@pytest.mark.parametrize("is_absent", [True, False])
def test_what_needs_a_person_is_never_told_to_wait(cause, is_absent):
    """After the last try nothing goes on by itself."""
    assert not said(State.NEEDS_PERSON, cause=cause, is_absent=is_absent).next.startswith("Wait")


def test_what_is_held_while_in_doubt_says_both():
    waiting = said(State.IN_DOUBT, held_at=NOW)
    assert "it is held" in waiting.next


@pytest.mark.parametrize(
    ("state", "late"),
    [(State.RETRYING, "next_attempt_at"), (State.IN_DOUBT, "next_question_at")],
)
def test_what_waits_for_the_worker_leads_to_the_worker_s_runbook(state, late):
    assert said(state, **{late: NOW - timedelta(minutes=5)}).runbook == "worker-not-running"
    assert said(state).runbook == CAUSES["no-answer"].runbook


@pytest.mark.parametrize("cause", ["provider-pending"])
def test_what_is_accepted_is_not_called_unknown_and_not_stuck_for_a_day(cause):
    waiting = said(State.IN_DOUBT, cause=cause, warn_at=NOW + timedelta(hours=1))
    assert (waiting.label, waiting.stuck) == ("Accepted, not finished", "")
    assert said(State.IN_DOUBT, cause=cause, warn_at=NOW - timedelta(hours=1)).stuck


def test_a_question_that_nobody_asks_waits_for_the_worker():
    waiting = said(State.IN_DOUBT, next_question_at=NOW - timedelta(minutes=3))
    assert "waits for the worker" in waiting.sentence


def test_a_try_that_nobody_makes_waits_for_the_worker():
    waiting = said(State.RETRYING, next_attempt_at=NOW - timedelta(minutes=3))
    assert "overdue: it waits for the worker" in waiting.sentence


def test_a_request_whose_worker_stopped_is_stuck_and_may_have_been_done():
    waiting = said(State.EXECUTING, now=NOW + timedelta(minutes=2))
    assert waiting.stuck == "The worker that sent it stopped."
    assert waiting.moved == "It may have been done."
