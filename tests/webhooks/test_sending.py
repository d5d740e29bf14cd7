"""T5.6, T5.7, T5.9, AC57: what a receiver hears, when, and what becomes of it."""

from datetime import timedelta

import pytest
from standardwebhooks import Webhook

from approvals.commands import quarantine
from audit.models import Event
from tests.webhooks.common import (
    MANY,
    failing,
    make,
    pump,
    test_event,
    until_due,
)
from webhooks import commands, schedule, sealing, sending
from webhooks.models import Delivery, DeliveryAttempt, Endpoint

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch) -> None:
    monkeypatch.setattr(sending, "_draw", lambda: 0.0)


def disable_events() -> list[Event]:
    return list(Event.objects.filter(action="webhook.disable"))


# --- What a receiver hears -----------------------------------------------------------------------


def test_the_reference_verifier_accepts_what_a_receiver_hears(cast, receiver, clock, monkeypatch):
    monkeypatch.setattr(Webhook, "_Webhook__verify_timestamp", lambda self, text: clock.now)
    endpoint, secret = make(cast, url=receiver.url)
    delivery = test_event(cast, endpoint)
    assert pump(endpoint, clock) == 1
    [heard] = receiver.heard
    assert Webhook(secret).verify(heard.body, heard.headers)["type"] == "webhook.test"
    assert heard.headers["webhook-timestamp"] == str(int(clock.now.timestamp()))
    assert heard.headers["webhook-id"] == delivery.message_id
    assert heard.headers["content-type"] == "application/json"
    assert heard.path == "/hooks"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.delivered_at) == ("delivered", clock.now)


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("context", "carried"),
    [
        ({"request_id": "req-7", "traceparent": TRACE}, {"req-7", TRACE}),
        ({"request_id": "two\r\nlines", "traceparent": 7}, set()),
        ({"request_id": "é", "traceparent": "x" * 500}, set()),
        ({}, set()),
    ],
)
def test_the_trace_of_an_event_goes_along(
    cast, endpoint, receiver, clock, monkeypatch, context, carried
):
    with monkeypatch.context() as spoiled:
        spoiled.setattr("audit.correlation.current", lambda: context)
        test_event(cast, endpoint)
    pump(endpoint, clock)
    headers = receiver.heard[0].headers
    told = {headers.get("x-request-id"), headers.get("traceparent")} - {None}
    assert told == carried


def test_body_and_id_are_the_same_at_each_try_and_only_the_time_is_not(
    cast, endpoint, receiver, clock
):
    test_event(cast, endpoint)
    receiver.replies = [500, 500, 500]
    while until_due(endpoint, clock):
        pump(endpoint, clock)
    assert len(receiver.heard) == 4
    assert len({one.body for one in receiver.heard}) == 1
    assert len(set(receiver.ids)) == 1
    assert len({one.headers["webhook-timestamp"] for one in receiver.heard}) == 4


# --- The schedule ----------------------------------------------------------------------------------


def test_500s_follow_the_schedule_and_then_it_has_failed(cast, endpoint, receiver, clock):
    test_event(cast, endpoint)
    receiver.replies = [500] * 20
    tried_at, began_at = [], clock.now
    while until_due(endpoint, clock):
        tried_at.append((clock.now - began_at).total_seconds())
        pump(endpoint, clock)
    waits = [later - sooner for sooner, later in zip([0, *tried_at], tried_at, strict=False)]
    assert waits == list(schedule.WAITS_S)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries, delivery.next_at) == ("failed", 10, None)
    assert len(set(receiver.ids)) == 1
    assert sorted(delivery.attempts.values_list("number", flat=True)) == list(range(1, 11))
    assert {attempt.cause for attempt in delivery.attempts.all()} == {"refused"}
    assert disable_events() == []


def test_nothing_is_sent_before_its_time(cast, endpoint, receiver, clock):
    test_event(cast, endpoint)
    receiver.replies = [500]
    pump(endpoint, clock)
    clock.forward(seconds=4)
    assert pump(endpoint, clock) == 0
    assert sending.endpoints_with_something_due(clock.now) == []
    clock.forward(seconds=1)
    assert sending.endpoints_with_something_due(clock.now) == [endpoint.pk]
    assert pump(endpoint, clock) == 1


def test_410_disables_the_endpoint(cast, endpoint, receiver, clock):
    test_event(cast, endpoint)
    receiver.replies = [410]
    pump(endpoint, clock)
    endpoint.refresh_from_db()
    assert endpoint.disabled_at == clock.now
    [event] = disable_events()
    assert (event.actor_type, event.actor_label, event.stream) == (
        "provider",
        "127.0.0.1",
        endpoint.stream,
    )
    assert Delivery.objects.get().state == "failed"
    assert not until_due(endpoint, clock)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(cast, endpoint, receiver, clock, status):
    test_event(cast, endpoint)
    receiver.replies = [(status, {"Location": f"http://{receiver.place}/elsewhere"})]
    pump(endpoint, clock)
    assert [one.path for one in receiver.heard] == ["/hooks"]
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.cause, attempt.status) == ("redirected", status)
    assert Delivery.objects.get().state == "waiting"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_delivered(cast, endpoint, receiver, clock, status):
    test_event(cast, endpoint)
    receiver.replies = [status]
    pump(endpoint, clock)
    assert Delivery.objects.get().state == "delivered"


@pytest.mark.parametrize("status", [400, 401, 404, 409, 418, 500, 501, 599])
def test_everything_else_is_tried_again(cast, endpoint, receiver, clock, status):
    test_event(cast, endpoint)
    receiver.replies = [status]
    pump(endpoint, clock)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.last_status) == ("waiting", status)
    until_due(endpoint, clock)
    pump(endpoint, clock)
    assert Delivery.objects.get().state == "delivered"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize(("headers", "seconds"), [({"Retry-After": "900"}, 900), ({}, 60)])
def test_who_asks_for_less_is_not_sent_anything_meanwhile(
    cast, endpoint, receiver, clock, status, headers, seconds
):
    test_event(cast, endpoint)
    receiver.replies = [(status, headers)]
    pump(endpoint, clock)
    test_event(cast, endpoint)
    clock.forward(seconds=seconds - 1)
    assert pump(endpoint, clock) == 0
    assert sending.endpoints_with_something_due(clock.now) == []
    clock.forward(seconds=1)
    assert pump(endpoint, clock) == 2


@pytest.mark.parametrize(
    ("cause", "never_sent"),
    [("not-reached", True), ("no-answer", False), ("connection-lost", False)],
)
def test_no_answer_has_a_cause_and_is_tried_again(
    cast, endpoint, clock, monkeypatch, cause, never_sent
):
    test_event(cast, endpoint)
    monkeypatch.setattr(sending, "call", failing(cause, never_sent=never_sent))
    pump(endpoint, clock)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.last_cause) == ("waiting", cause)


def test_an_answer_is_not_read_without_end(cast, endpoint, clock, monkeypatch):
    asked = {}
    test_event(cast, endpoint)
    monkeypatch.setattr(sending, "call", lambda *place, **said: asked.update(said) or 1 / 0)
    pump(endpoint, clock)
    assert (asked["seconds"], asked["largest_answer"]) == (15, 64 * 1024)
    assert Delivery.objects.get().last_cause == "unrecognised"


# --- One endpoint as a whole -----------------------------------------------------------------------


def test_many_failures_in_a_row_leave_the_endpoint_alone(cast, endpoint, receiver, clock):
    for _ in range(8):
        test_event(cast, endpoint)
    receiver.replies = [500] * 5
    for _ in range(5):
        assert pump(endpoint, clock) == 1
    assert pump(endpoint, clock) == 0
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.quiet_until) == (5, clock.now + timedelta(seconds=30))
    clock.forward(seconds=30)
    assert pump(endpoint, clock) > 1
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.quiet_until) == (0, None, None)


def test_five_days_of_nothing_but_failures_disable_it(cast, endpoint, receiver, clock):
    receiver.replies = [500] * 50
    began_at = clock.now
    while not disable_events():
        if not until_due(endpoint, clock):
            cast.now = clock.forward(hours=12)
            test_event(cast, endpoint)
        pump(endpoint, clock)
        endpoint.refresh_from_db()
    assert timedelta(days=5) <= clock.now - began_at < timedelta(days=7)
    [event] = disable_events()
    assert (event.actor_type, event.reason) == ("clock", "Nothing but failures for 5 days.")
    assert endpoint.disabled_reason == event.reason


def test_one_success_begins_the_five_days_anew(cast, endpoint, receiver, clock):
    for replies in ([500], [204], [500]):
        test_event(cast, endpoint)
        receiver.replies = list(replies)
        pump(endpoint, clock)
        cast.now = clock.forward(days=3)
        until_due(endpoint, clock)
        pump(endpoint, clock)
    assert disable_events() == []


def test_a_disabled_endpoint_is_sent_nothing(cast, endpoint, receiver, clock):
    test_event(cast, endpoint)
    commands.disable_endpoint(
        endpoint_id=endpoint.pk, by=cast.admin, at=cast.now, key="K", reason="It moves."
    )
    assert pump(endpoint, clock) == 0
    assert sending.endpoints_with_something_due(clock.now) == []
    assert receiver.heard == []


# --- Rotation --------------------------------------------------------------------------------------


def test_both_signatures_are_sent_for_a_day_after_a_rotation(cast, receiver, clock, monkeypatch):
    monkeypatch.setattr(Webhook, "_Webhook__verify_timestamp", lambda self, text: clock.now)
    endpoint, old = make(cast, url=receiver.url)
    new = commands.rotate_secret(
        endpoint_id=endpoint.pk, by=cast.admin, at=clock.now, key="K"
    ).secret
    counted = []
    for hours in (0, 23.9, 0.2):
        clock.forward(hours=hours)
        test_event(cast, endpoint)
        pump(endpoint, clock)
        heard = receiver.heard[-1]
        counted.append(len(heard.headers["webhook-signature"].split(" ")))
        Webhook(new).verify(heard.body, heard.headers)
        if counted[-1] == 2:
            Webhook(old).verify(heard.body, heard.headers)
    assert counted == [2, 2, 1]


def test_a_secret_that_cannot_be_read_any_more_is_said_so(cast, endpoint, clock, settings):
    test_event(cast, endpoint)
    settings.SECRET_KEY = "another" * 8
    pump(endpoint, clock)
    assert Delivery.objects.get().last_cause == "secret-unreadable"


# --- Workers that die, or are late -----------------------------------------------------------------


class WorkerDied(BaseException):
    """What a killed worker looks like from inside: nothing after it runs."""


def die(*_: object, **__: object) -> None:
    raise WorkerDied


def test_a_worker_that_dies_while_sending_delays_and_keeps_the_id(
    cast, endpoint, receiver, clock, monkeypatch
):
    delivery = test_event(cast, endpoint)
    with monkeypatch.context() as dying:
        dying.setattr(sending, "call", die)
        with pytest.raises(WorkerDied):
            pump(endpoint, clock)
    assert pump(endpoint, clock) == 0
    assert sending.endpoints_with_something_due(clock.now) == []
    clock.forward(seconds=60)
    assert sending.endpoints_with_something_due(clock.now) == [endpoint.pk]
    pump(endpoint, clock)
    clock.forward(seconds=5)
    pump(endpoint, clock)
    assert receiver.ids == [delivery.message_id]
    delivery.refresh_from_db()
    causes = list(delivery.attempts.order_by("number").values_list("cause", flat=True))
    assert (delivery.state, causes) == ("delivered", ["worker-died", ""])
    assert Endpoint.objects.get().failures == 0


def test_a_sender_that_comes_too_late_changes_nothing(cast, endpoint, receiver, clock):
    test_event(cast, endpoint)
    late = sending._claim(endpoint.pk, worker="late", at=clock.now)
    clock.forward(seconds=61)
    assert sending._claim(endpoint.pk, worker="next", at=clock.now) is None
    before = list(Delivery.objects.values())
    sending._settle(late, sending.Seen(""), at=clock.now)
    assert list(Delivery.objects.values()) == before


def test_a_long_line_gives_the_slot_back_and_asks_for_another(cast, endpoint, receiver, clock):
    for _ in range(3):
        test_event(cast, endpoint)
    woken: list[int] = []

    def slow_clock():
        return clock.forward(seconds=3)

    assert sending.run(endpoint.pk, wake=woken.append, clock=slow_clock) < 3
    assert woken == [endpoint.pk]


# --- Secrets ---------------------------------------------------------------------------------------


def test_a_secret_is_in_no_row_log_or_evidence(cast, receiver, clock, caplog):
    for name in ("webhooks", "approvals", "audit", "django", "procrastinate"):
        caplog.set_level("DEBUG", name)
    endpoint, secret = make(cast, url=receiver.url)
    test_event(cast, endpoint)
    receiver.replies = [(500, {}, f"Your secret is {secret}.")]
    pump(endpoint, clock)
    assert DeliveryAttempt.objects.get().evidence == "Your secret is [secret]."
    kept = [
        str(list(Endpoint.objects.values())),
        str(list(Delivery.objects.values())),
        str(list(DeliveryAttempt.objects.values())),
        str(list(Event.objects.values())),
        caplog.text,
    ]
    for text in kept:
        assert secret not in text
        assert secret.removeprefix("whsec_") not in text
    assert sealing.open_sealed(endpoint.secret) == secret
    assert MANY["url"] not in kept[3]
    assert "/hooks" not in kept[3]


# --- After a restore ------------------------------------------------------------------------------


def test_nothing_leaves_in_a_quarantine_and_everything_does_after_it(cast, receiver, clock):
    endpoint, _ = make(cast, url=receiver.url)
    other_admin = cast.second_operator
    other_admin.is_staff = True
    other_admin.save()

    def do(command, by, **said) -> None:
        command(by=by, at=clock.now, key=cast.key(), **said)

    do(quarantine.begin, cast.admin, reason="Restored to 09:00.")
    delivery = test_event(cast, endpoint)
    assert sending.endpoints_with_something_due(clock.now) == []
    assert pump(endpoint, clock) == 0
    assert receiver.heard == []
    clock.forward(minutes=1)
    do(quarantine.reconcile, cast.admin)
    do(quarantine.ask_release, cast.admin)
    do(quarantine.release, other_admin)
    assert sending.endpoints_with_something_due(clock.now) == [endpoint.pk]
    assert pump(endpoint, clock) == 1
    assert [heard.headers["webhook-id"] for heard in receiver.heard] == [delivery.message_id]
