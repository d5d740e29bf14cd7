"""Stripe's webhooks (AC56, T2.6): signed, heard once, and only a reason to ask Stripe."""

import json
import threading
import time
from datetime import timedelta

import pytest
import stripe
from django.db import OperationalError, connections
from django.utils import timezone

from approvals import sweeping
from approvals.commands import hear as hear_module
from approvals.kinds.base import Absent, Done, Refused, Unknown
from approvals.kinds.refund import Refund
from approvals.kinds.stripe_answers import MARK
from approvals.models import Effect, ProviderEvent, State
from approvals.views import hooks
from audit.models import Event, Outcome
from audit.verify import verify
from tests.approvals.common import events_of, jobs

SECRET = "whsec_" + "a" * 32
OLD_SECRET = "whsec_" + "b" * 32
ADDRESS = "/hooks/stripe/"


@pytest.fixture(autouse=True)
def with_secret(settings) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]


def event(effect: Effect | None = None, *, event_id="evt_1", type="refund.updated", **refund):
    """As Stripe writes it; `refund` changes the refund that it is about."""
    about = {
        "id": "re_1",
        "object": "refund",
        "status": "failed",
        "metadata": {MARK: effect.key} if effect else {},
        **refund,
    }
    return {"id": event_id, "object": "event", "type": type, "data": {"object": about}}


def post(client, body: object, *, secret: str = SECRET, age_s: int = 0, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = stripe.WebhookSignature.generate_signature_header(
        raw.decode("latin-1"), secret, timestamp=int(time.time()) - age_s
    )
    sent = {"Stripe-Signature": signature, **headers}
    return client.post(ADDRESS, raw, content_type="application/json", headers=sent)


def heard_events() -> list[Event]:
    return list(Event.objects.filter(stream="provider/stripe").order_by("seq"))


@pytest.fixture
def approved(cast, provider):
    """Approved today: a webhook is heard by the clock on the wall, so the cast lives by it too."""
    cast.now = timezone.now()
    return cast.approve(cast.ask())


def in_state(cast, provider, item, state: State) -> Effect:
    """Carry the request on until it is there."""
    answers = {
        State.RETRYING: Refused("too-many-requests", permanent=False),
        State.NEEDS_PERSON: Refused("card-declined", permanent=True),
        State.IN_DOUBT: Unknown("no-answer"),
        State.DONE: Done("re_1"),
    }
    if state in answers:
        provider.sends = answers[state]
        cast.run(item)
    assert cast.get(item.ref).state == state
    return Effect.objects.get(item=item)


# --- What a webhook causes ------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.IN_DOUBT, State.NEEDS_PERSON, State.DONE])
def test_what_may_have_changed_is_asked_about_now(client, cast, provider, approved, state):
    effect = in_state(cast, provider, approved, state)
    before, waiting = jobs(), timezone.now()
    assert post(client, event(effect)).status_code == 200
    effect.refresh_from_db()
    assert waiting <= effect.next_question_at <= timezone.now()
    assert jobs() == before + 1


@pytest.mark.parametrize("state", [State.APPROVED, State.RETRYING])
def test_what_is_about_to_be_sent_is_asked_about_first(client, cast, provider, approved, state):
    """Somebody has made our refund already, it seems: ask before making another."""
    effect = in_state(cast, provider, approved, state)
    before = jobs()
    assert post(client, event(effect)).status_code == 200
    effect.refresh_from_db()
    assert (effect.ask_first, jobs()) == (True, before)


def test_the_creation_of_the_very_refund_that_is_done_is_no_news(client, cast, provider, approved):
    effect = in_state(cast, provider, approved, State.DONE)
    before, due = jobs(), effect.next_question_at
    post(client, event(effect, type="refund.created"))
    effect.refresh_from_db()
    assert (effect.next_question_at, jobs(), len(heard_events())) == (due, before, 1)


def test_the_creation_of_another_refund_with_our_mark_is_asked_about(
    client, cast, provider, approved
):
    """I1: somebody has refunded it a second time."""
    effect = in_state(cast, provider, approved, State.DONE)
    before, due = jobs(), effect.next_question_at
    post(client, event(effect, type="refund.created", id="re_2"))
    effect.refresh_from_db()
    assert effect.next_question_at != due
    assert jobs() == before + 1


def test_a_webhook_that_overtakes_its_answer_is_heard(client, cast, provider, approved):
    effect = Effect.objects.get(item=approved)

    def send(self, asked):
        assert post(client, event(effect)).status_code == 200
        return Unknown("no-answer")

    provider.send = lambda kind, asked: send(kind, asked)
    assert cast.run(approved) == "in doubt"
    effect.refresh_from_db()
    assert effect.ask_first


def test_a_webhook_about_a_withdrawn_request_is_an_error_that_is_kept(
    client, cast, provider, approved, caplog
):
    from approvals.commands import submit

    effect = Effect.objects.get(item=approved)
    submit.withdraw(
        ref=approved.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="Paid in cash."
    )
    version, before = cast.get(approved.ref).version, jobs()
    assert post(client, event(effect)).status_code == 200
    assert (cast.get(approved.ref).version, jobs()) == (version, before)
    [told] = heard_events()
    assert (told.outcome, told.reason_code) == (Outcome.DENIED, "unexpected")
    assert approved.ref in caplog.text


def test_what_the_webhook_says_of_the_outcome_is_not_believed(client, cast, provider, approved):
    """I10: it says “succeeded”; Stripe, asked, has no trace of it."""
    effect = in_state(cast, provider, approved, State.IN_DOUBT)
    post(client, event(effect, status="succeeded"))
    assert cast.get(approved.ref).state == State.IN_DOUBT
    provider.finds = Absent()
    assert cast.run(approved, at=timezone.now() + timedelta(minutes=5)) == "postponed"


def test_a_webhook_is_one_event_in_the_provider_s_stream(client, cast, provider, approved):
    effect = in_state(cast, provider, approved, State.DONE)
    version, events = cast.get(approved.ref).version, len(events_of(approved))
    post(client, event(effect, type="refund.failed"))
    [told] = heard_events()
    assert (told.action, told.actor_type, told.target_id) == (
        "provider.event",
        "provider",
        approved.ref,
    )
    assert told.facts["event"] == "evt_1"
    assert told.facts["type"] == "refund.failed"
    assert told.facts["state"] == "done"
    assert (cast.get(approved.ref).version, len(events_of(approved))) == (version, events)
    assert verify().is_intact


def test_a_refund_without_our_mark_is_known_by_its_number(client, cast, provider, approved):
    in_state(cast, provider, approved, State.DONE)
    post(client, event())
    assert [told.target_id for told in heard_events()] == [approved.ref]


# --- Again, late, out of order --------------------------------------------------------------------


def test_the_same_webhook_twice_is_heard_once(client, cast, provider, approved):
    """T2.6"""
    effect = in_state(cast, provider, approved, State.IN_DOUBT)
    post(client, event(effect))
    Effect.objects.update(next_question_at=None)
    before = jobs()
    for _ in range(3):
        assert post(client, event(effect)).status_code == 200
    effect.refresh_from_db()
    assert (effect.next_question_at, jobs(), len(heard_events())) == (None, before, 1)
    assert ProviderEvent.objects.count() == 1


def test_webhooks_out_of_order_end_in_the_right_state(client, cast, provider, approved):
    """T2.6: `updated` comes before `created`, and `created` twice."""
    effect = in_state(cast, provider, approved, State.IN_DOUBT)
    provider.finds = Done("re_1")
    for event_id, kind in [("evt_2", "updated"), ("evt_1", "created"), ("evt_1", "created")]:
        post(client, event(effect, event_id=event_id, type=f"refund.{kind}", status="pending"))
        cast.run(approved, at=timezone.now() + timedelta(minutes=1))
    item = cast.get(approved.ref)
    assert (item.state, item.effect.provider_reference) == (State.DONE, "re_1")
    succeeded = [one for one in events_of(item) if one.action == "request.succeed"]
    assert (len(succeeded), len(heard_events())) == (1, 2)


def test_the_same_webhook_at_the_same_moment_is_heard_once(committed_db, cast, provider, client):
    item = cast.approve(cast.ask())
    effect = in_state(cast, provider, item, State.IN_DOUBT)
    body, together, codes = event(effect), threading.Barrier(4), []

    def deliver() -> None:
        together.wait(timeout=30)
        codes.append(post(type(client)(), body).status_code)
        connections.close_all()

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert codes == [200] * 4
    assert (len(heard_events()), ProviderEvent.objects.count()) == (1, 1)


def test_what_cannot_be_recorded_is_sent_again(client, cast, provider, approved, monkeypatch):
    """I9: no 2xx for what is not kept; the id is free for the next delivery."""
    effect = in_state(cast, provider, approved, State.IN_DOUBT)

    def fail(*args: object, **rest: object) -> None:
        raise OperationalError("lock timeout")

    with monkeypatch.context() as broken:
        broken.setattr(hear_module, "record", fail)
        assert post(client, event(effect)).status_code == 503
    assert ProviderEvent.objects.count() == 0
    assert post(client, event(effect)).status_code == 200
    assert len(heard_events()) == 1


def test_old_webhooks_are_forgotten_in_batches(cast, provider, approved):
    old = cast.now - sweeping.PROVIDER_EVENTS_KEPT
    for number in range(5):
        ProviderEvent.objects.create(
            system="stripe", event_id=f"evt_{number}", type="x", item=approved, received_at=old
        )
    ProviderEvent.objects.create(
        system="stripe",
        event_id="evt_new",
        type="x",
        item=approved,
        received_at=old + timedelta(seconds=1),
    )
    assert sweeping.forget_old_provider_events(at=cast.now, at_once=2) == 5
    assert [one.event_id for one in ProviderEvent.objects.all()] == ["evt_new"]


# --- What is not for us ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        event(type="payment_intent.succeeded"),
        event(type="charge.refunded"),
        event(id="re_of_others"),
        event(metadata={MARK: "aq-of-another-installation"}),
        event(metadata={MARK: "a\x00b"}, id="re\x00"),
        event(metadata={MARK: ["x"]}, id=None),
        event(metadata=None, id={}),
        {"id": "evt_1", "type": "refund.updated", "data": None},
        {"id": "evt_1", "type": "refund.updated"},
        {"id": "evt_1", "type": "refund.updated", "data": {"object": []}},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_what_is_not_about_one_of_ours_leaves_nothing(client, cast, approved, body):
    assert post(client, body).status_code == 200
    assert (heard_events(), ProviderEvent.objects.count()) == ([], 0)


def test_a_mark_of_another_kind_of_request_is_not_ours(client, cast, provider):
    item = cast.ask_for_account_change()
    cast.approve(item, by=cast.operator)
    assert post(client, event(Effect.objects.get(item=item))).status_code == 200
    assert heard_events() == []


# --- Forged and broken ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "nonsense",
        "t=,v1=",
        "t=1,v1=abc",
        "t=x,v1=abc",
        "v1=abc",
        f"t={'9' * 5000},v1=abc",
        "t=1,v0=abc",
        "t=1,v1=\xe9\xff",
        "=,=,=",
        "t=1,v1=" + "a" * 60_000,
    ],
)
def test_a_forged_signature_is_refused(client, cast, approved, signature):
    """AC56"""
    headers = {"Stripe-Signature": signature}
    answer = post(client, event(Effect.objects.get(item=approved)), **headers)
    assert answer.status_code == 400
    assert heard_events() == []


def test_a_missing_signature_is_refused(client, db):
    body = json.dumps(event())
    assert client.post(ADDRESS, body, content_type="application/json").status_code == 400


def test_the_signature_of_another_secret_is_refused(client, db):
    assert post(client, event(), secret=OLD_SECRET).status_code == 400


def test_one_changed_byte_is_refused(client, cast, approved):
    effect = Effect.objects.get(item=approved)
    raw = json.dumps(event(effect)).encode()
    signature = stripe.WebhookSignature.generate_signature_header(raw.decode(), SECRET)
    answer = client.post(
        ADDRESS,
        raw.replace(b"failed", b"Failed"),
        content_type="application/json",
        headers={"Stripe-Signature": signature},
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(("age_s", "status"), [(0, 200), (240, 200), (360, 400)])
def test_a_webhook_older_than_five_minutes_is_refused(client, cast, approved, age_s, status):
    """AC56: a recorded delivery is of no use later."""
    effect = Effect.objects.get(item=approved)
    assert post(client, event(effect), age_s=age_s).status_code == status


def test_two_secrets_hold_while_they_are_changed(client, cast, approved, settings):
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET, OLD_SECRET]
    effect = Effect.objects.get(item=approved)
    for number, secret in enumerate([SECRET, OLD_SECRET]):
        answer = post(client, event(effect, event_id=f"evt_{number}"), secret=secret)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"id": "evt_1"}',
        b'{"id": 7, "type": "refund.updated"}',
        b'{"id": "evt 1", "type": "refund.updated"}',
        b'{"id": "' + b"e" * 200 + b'", "type": "refund.updated"}',
        b'{"id": "evt_1", "type": ["x"]}',
        b'{"id": "evt_\\u0000", "type": "refund.updated"}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_malformed_is_refused_though_it_is_signed(client, db, body):
    """Contract §6: 400, never 500."""
    assert post(client, body).status_code == 400


def test_a_body_that_is_too_long_is_not_read(client, db):
    assert post(client, b" " * (hooks.LARGEST_BODY + 1)).status_code == 413


def test_without_a_secret_nothing_is_heard_and_the_log_says_why(
    client, cast, approved, settings, caplog
):
    settings.STRIPE_WEBHOOK_SECRETS = []
    answer = post(client, event(Effect.objects.get(item=approved)))
    assert answer.status_code == 503
    assert "STRIPE_WEBHOOK_SECRET" in answer.content.decode()
    assert "STRIPE_WEBHOOK_SECRET" in caplog.text
    assert heard_events() == []


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
def test_only_post_is_answered(client, db, method):
    """And never by a way to the sign-in."""
    answer = getattr(client, method)(ADDRESS)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_no_session_and_no_form_token_are_needed_or_made(cast, approved, client):
    strict = type(client)(enforce_csrf_checks=True)
    answer = post(strict, event(Effect.objects.get(item=approved)))
    assert (answer.status_code, dict(strict.cookies)) == (200, {})


def test_a_signed_in_person_cannot_speak_for_the_provider(client, cast, approved):
    client.force_login(cast.admin)
    body = json.dumps(event(Effect.objects.get(item=approved)))
    assert client.post(ADDRESS, body, content_type="application/json").status_code == 400


def test_the_only_kind_that_stripe_speaks_of_is_the_refund():
    assert Refund.system == "Stripe"
