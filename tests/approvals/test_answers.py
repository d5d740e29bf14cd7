"""What support may say: the customer learns nothing of how we work, and nothing untrue."""

import itertools
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import kinds, queries
from approvals.answers import answer, customer_reply
from approvals.commands import operate, settle
from approvals.explain import explain
from approvals.models import State
from approvals.replies import LANGUAGES, Claim, Situation, situation_of
from approvals.replies.languages import day_in, money_in
from approvals.wording import visible
from tests.approvals import reply_checks
from tests.approvals.histories import History
from tests.approvals.test_explain import DECIDERS, NOW, STATES, item

KINDS = ("refund", "account_change", "manual")
S = Situation
# A person does a manual task, and only payments are taken back by who had confirmed them.
ONLY_OUTSIDE = {S.UNDER_WAY, S.DELAYED, S.STOPPED, S.UNCONFIRMED, S.DONE, S.ENDED_AFTER_TRY}
ONLY_PAYMENTS = {S.CAME_BACK, S.ENDED_AFTER_RETURN}
UNREACHABLE = {
    "refund": {S.BY_HAND},
    "account_change": {S.BY_HAND, *ONLY_PAYMENTS},
    "manual": {S.IN_DOUBT, *ONLY_OUTSIDE, *ONLY_PAYMENTS},
}
REACHABLE = [
    pytest.param(kind, situation, id=f"{kind}-{situation}")
    for kind, situation in itertools.product(KINDS, S)
    if situation not in UNREACHABLE[kind]
]


@pytest.fixture
def history(cast, provider):
    return lambda kind, situation: History(cast, provider, kind).to(situation)


def replies(one, now):
    """In every language; all of them are there."""
    found = [customer_reply(one, now, language) for language in LANGUAGES]
    assert None not in found
    return found


# --- Every situation, of every kind, in every language ---------------------------------------------


@pytest.mark.parametrize(("kind", "situation"), REACHABLE)
def test_each_situation_is_told_truly_and_gives_nothing_away(cast, history, kind, situation):
    """I10, check 19: nothing moved before it is settled, no name, no “nothing” while in doubt."""
    one = history(kind, situation)
    assert situation_of(one, kinds.kind_of(kind)) is situation
    for reply in replies(one, cast.now):
        assert reply.situation is situation
        reply_checks.check(one, reply, reply_checks.hidden_words())


@pytest.mark.parametrize(("kind", "situation"), REACHABLE)
def test_the_answer_for_support_is_whole(cast, history, kind, situation):
    one = history(kind, situation)
    waiting = queries.explained([one], cast.now)[one.pk]
    found = answer(one, waiting, cast.now)
    assert found.agent.endswith(".")
    assert "  " not in found.agent
    assert found.as_of == cast.now
    assert re.fullmatch(r"[A-Z][^{}]+\.", found.safe)
    assert re.fullmatch(r"[A-Z][^{}]+\.", found.unsafe)


def test_together_they_are_every_situation():
    reached = {situation for _, situation in (param.values for param in REACHABLE)}
    assert reached == set(Situation)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("change", ["payout_account", "email", "close", "limit"])
def test_each_change_of_an_account_has_its_words(cast, language, change):
    asked = cast.ask_for_account_change(change=change, **({"to": ""} if change == "close" else {}))
    found = {
        customer_reply(cast.get(asked.ref), cast.now, language).text,
        customer_reply(cast.ask(), cast.now, language).text,
    }
    assert len(found) == 2


# --- What is not known is not said -----------------------------------------------------------------


def at(cast, **changes):
    return {"at": cast.now + timedelta(minutes=9), "key": cast.key(), **changes}


def test_as_soon_as_one_person_says_that_it_happened_it_is_in_doubt(cast, history):
    one = history("refund", S.STOPPED)
    settle.settle(
        ref=one.ref, by=cast.operator, revision=1, happened=True, reason="Seen.", **at(cast)
    )
    assert situation_of(cast.get(one.ref), kinds.kind_of("refund")) is S.IN_DOUBT


def test_what_people_found_absent_is_not_said_to_be_absent_while_it_is_tried_again(cast, history):
    """People err: an effect that they did not see would make us liars."""
    one = history("refund", S.UNCONFIRMED)
    operate.try_again(ref=one.ref, by=cast.operator, **at(cast))
    assert situation_of(cast.get(one.ref), kinds.kind_of("refund")) is S.UNCONFIRMED


@pytest.mark.parametrize("situation", [S.ACCEPTED, S.DELAYED])
def test_a_held_request_is_not_said_to_be_going_on(cast, history, situation):
    one = history("refund", situation)
    operate.hold(ref=one.ref, by=cast.operator, reason="Wait.", **at(cast))
    [english, *_] = replies(cast.get(one.ref), cast.now)
    assert not re.search(r"being carried out|being sent|on its way", english.text)


@pytest.mark.parametrize("state", [s for s in STATES if s not in (State.DONE, State.NEW)])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_its_state_without_proof_it_is_in_doubt(state, kind):
    """Also a combination of facts that should not occur."""
    one = item(state, kind=kind, is_absent=False, every_settlement=[])
    assert situation_of(one, kinds.kind_of(kind)).claim is Claim.UNKNOWN


def test_done_and_taken_back_is_in_doubt():
    assert situation_of(item(State.DONE, undone_at=NOW), kinds.kind_of("refund")) is S.IN_DOUBT


# --- Words -----------------------------------------------------------------------------------------


def test_a_refund_that_is_done_names_amount_order_day_and_reference(cast, history):
    assert [reply.text for reply in replies(history("refund", S.DONE), cast.now)] == [
        "Your refund of EUR 88.00 for order 88120 was sent on 24 November. Your bank usually "
        "needs 5 to 10 business days to show it. The reference is re_1.",
        "Ihre Erstattung über 88,00\u00a0EUR für die Bestellung 88120 wurde am 24. November "
        "ausgeführt. Ihre Bank braucht in der Regel 5 bis 10 Bankarbeitstage, bis Sie den Betrag "
        "sehen. Die Referenz ist re_1.",
        "Votre remboursement de 88,00\u00a0EUR pour la commande 88120 a été envoyé le 24 novembre. "
        "Votre banque a généralement besoin de 5 à 10 jours ouvrés pour l’afficher. La référence "
        "est re_1.",
        "Su reembolso de 88,00\u00a0EUR del pedido 88120 se ha enviado el 24 de noviembre. Su banco "
        "suele necesitar de 5 a 10 días hábiles para mostrarlo. La referencia es re_1.",
    ]


def test_a_reference_that_is_not_known_is_left_out(cast, history):
    one = history("refund", S.DONE)
    one.effect.provider_reference = ""
    words = ("The reference", "Die Referenz", "La référence", "La referencia")
    for reply, word in zip(replies(one, cast.now), words, strict=True):
        assert word not in reply.text


@pytest.mark.parametrize(
    ("language", "small", "large", "whole"),
    [
        ("en", "EUR 1,240.00", "EUR 1,234,567.89", "JPY 1,240"),
        ("de", "1.240,00 EUR", "1.234.567,89 EUR", "1.240 JPY"),
        ("fr", "1\u202f240,00 EUR", "1\u202f234\u202f567,89 EUR", "1\u202f240 JPY"),
        ("es", "1240,00 EUR", "1.234.567,89 EUR", "1240 JPY"),
    ],
)
def test_money_is_written_as_the_language_writes_it(language, small, large, whole):
    amounts = [(124_000, "EUR"), (123_456_789, "EUR"), (1240, "JPY")]
    found = [money_in(language, *amount).replace("\u00a0", " ") for amount in amounts]
    assert found == [small, large, whole]


@pytest.mark.parametrize(
    ("language", "this_year", "other_year"),
    [
        ("en", "1 March", "31 December 2025"),
        ("de", "1. März", "31. Dezember 2025"),
        ("fr", "1er mars", "31 décembre 2025"),
        ("es", "1 de marzo", "31 de diciembre de 2025"),
    ],
)
def test_days_are_written_as_the_language_writes_them(language, this_year, other_year):
    today = datetime(2026, 11, 24, tzinfo=UTC).date()
    assert day_in(language, today.replace(month=3, day=1), today) == this_year
    assert day_in(language, today.replace(year=2025, month=12, day=31), today) == other_year


def test_support_is_told_when_somebody_waits_for_them(cast, history):
    one = history("refund", S.QUESTION)
    waiting = queries.explained([one], cast.now)[one.pk]
    assert "Nobody needs anything from you" not in answer(one, waiting, cast.now).agent


PAYLOAD = {
    "payment": "pi_88120",
    "amount": 124_000,
    "currency": "EUR",
    "reason_code": "lost_parcel",
}


@given(
    order=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60)
    | st.sampled_from(["{amount}", "{0}", "{", "}", "{order.__class__}", "%s"]),
    state=st.sampled_from(STATES),
    language=st.sampled_from([*LANGUAGES]),
)
def test_no_order_number_breaks_an_answer(order, state, language):
    one = item(
        state,
        amount=124_000,
        currency="EUR",
        created_at=NOW,
        every_settlement=[],
        payload={**PAYLOAD, "order": order},
    )
    found = answer(one, explain(one, DECIDERS, NOW), NOW, language)
    assert visible(order) in found.customer
