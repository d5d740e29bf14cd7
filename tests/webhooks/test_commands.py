"""What administrators do: allowed to nobody else, one event each, once for each key."""

import json

import pytest
from django.db import connection

from approvals.refusals import Invalid, KeyReused, NotFound, Refusal, TransitionNotAllowed
from audit.models import Event
from tests.webhooks.common import MANY, make, pump, test_event
from webhooks import commands
from webhooks.commands import MOST_ENDPOINTS
from webhooks.jobs import wake
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.usefixtures("db")


def said(cast, endpoint, **more) -> dict:
    return {"endpoint_id": endpoint.pk, "by": cast.admin, "at": cast.now, "key": cast.key(), **more}


def events(endpoint) -> list[str]:
    found = Event.objects.filter(stream=endpoint.stream).order_by("seq")
    return [event.action.removeprefix("webhook.") for event in found]


def jobs() -> list[dict]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = 'webhooks.send'")
        return [row[0] if isinstance(row[0], dict) else json.loads(row[0]) for row in cursor]


def test_each_act_is_one_event_in_the_stream_of_the_endpoint(cast, endpoint, receiver, clock):
    commands.change_endpoint(**said(cast, endpoint), **{**MANY, "name": "Stock"})
    commands.rotate_secret(**said(cast, endpoint))
    commands.disable_endpoint(**said(cast, endpoint), reason="It moves.")
    commands.enable_endpoint(**said(cast, endpoint))
    delivery = test_event(cast, endpoint)
    Delivery.objects.update(state="failed", next_at=None)
    commands.replay_delivery(**said(cast, endpoint), delivery_id=delivery.pk)
    Delivery.objects.update(state="failed", next_at=None)
    commands.replay_failed(**said(cast, endpoint))
    acts = ["create", "change", "rotate", "disable", "enable", "test", "replay", "replay"]
    assert events(endpoint) == acts
    endpoint.refresh_from_db()
    assert endpoint.version == len(acts)
    found = Event.objects.filter(stream=endpoint.stream)
    assert {(event.actor_id, event.target_type) for event in found} == {
        (str(cast.admin.pk), "webhook")
    }


def test_a_change_says_before_and_after_and_keeps_what_a_url_may_hide(cast, endpoint):
    changed = {**MANY, "url": "https://example.com/T0K3N", "actions": ["request.note"]}
    commands.change_endpoint(**said(cast, endpoint), **changed)
    event = Event.objects.get(action="webhook.change")
    assert [change["field"] for change in event.changes] == ["url", "actions"]
    assert event.changes[1] == {"field": "actions", "before": "all", "after": "request.note"}
    assert "T0K3N" not in str(event.changes)
    assert event.changes[0]["after"].startswith("example.com (")


def test_a_change_of_nothing_is_no_event(cast, endpoint, receiver):
    same = {"name": MANY["name"], "url": receiver.url}
    commands.change_endpoint(**said(cast, endpoint), **same)
    assert events(endpoint) == ["create"]


def test_the_same_form_twice_makes_one_endpoint_and_shows_its_secret_once(cast):
    _, secret = make(cast, key="K")
    assert secret
    again = commands.create_endpoint(**MANY, by=cast.admin, at=cast.now, key="K")
    assert (again.answer.is_replay, again.secret) == (True, "")
    assert Endpoint.objects.count() == 1
    with pytest.raises(KeyReused):
        make(cast, key="K", name="Another")
    assert Endpoint.objects.count() == 1


def test_a_rotation_sent_twice_rotates_once(cast, endpoint):
    commands.rotate_secret(**said(cast, endpoint, key="K"))
    endpoint.refresh_from_db()
    commands.rotate_secret(**said(cast, endpoint, key="K"))
    kept = endpoint.secret
    endpoint.refresh_from_db()
    assert (endpoint.secret, events(endpoint)) == (kept, ["create", "rotate"])


WHO = [
    "requester",
    "approver",
    "operator",
    "auditor",
    "stranger",
    "limited_approver",
    "second_operator",
]
ACTS = {
    "create": lambda all_, delivery: commands.create_endpoint(
        **{key: value for key, value in all_.items() if key != "endpoint_id"}, **MANY
    ),
    "change": lambda all_, delivery: commands.change_endpoint(**all_, **MANY),
    "rotate": lambda all_, delivery: commands.rotate_secret(**all_),
    "disable": lambda all_, delivery: commands.disable_endpoint(**all_, reason="No."),
    "enable": lambda all_, delivery: commands.enable_endpoint(**all_),
    "test": lambda all_, delivery: commands.send_test(**all_),
    "replay": lambda all_, delivery: commands.replay_delivery(**all_, delivery_id=delivery.pk),
    "replay all": lambda all_, delivery: commands.replay_failed(**all_),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("who", WHO)
def test_nobody_else_may_and_the_attempt_is_recorded(cast, endpoint, who, act):
    delivery = test_event(cast, endpoint)
    by, before = getattr(cast, who), list(Endpoint.objects.values())
    with pytest.raises(NotFound):
        ACTS[act](said(cast, endpoint, by=by), delivery)
    assert list(Endpoint.objects.values()) == before
    event = Event.objects.get(stream=f"person/{by.person_key}", target_type="webhook")
    assert (event.outcome, event.action) == ("denied", f"webhook.{act.split()[0]}")


def test_who_is_no_administrator_any_more_may_not(cast, endpoint):
    by = cast.admin
    type(by).objects.filter(pk=by.pk).update(is_staff=False, is_superuser=False)
    with pytest.raises(NotFound):
        commands.rotate_secret(**said(cast, endpoint))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "x" * 2_000_000}, "name"),
        ({"name": "nul\x00"}, "name"),
        ({"name": "half \ud800"}, "name"),
        ({"name": "exe\u202egpj"}, "name"),
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://example.com/" + "x" * 2_000_000}, "url"),
        ({"url": "https://example.com/\x00"}, "url"),
        ({"actions": ["person.sign_in"]}, "actions"),
        ({"actions": ["request.approve", "x" * 10_000]}, "actions"),
        ({"queues": ["nowhere"]}, "queues"),
    ],
)
def test_what_cannot_be_is_named_and_changes_nothing(cast, changes, field):
    with pytest.raises(Invalid) as refusal:
        make(cast, **changes)
    assert list(refusal.value.errors) == [field]
    assert Endpoint.objects.count() == 0


def test_there_is_a_limit_to_endpoints(cast, endpoint):
    row = Endpoint.objects.values().get()
    del row["id"]
    Endpoint.objects.bulk_create([Endpoint(**row) for _ in range(MOST_ENDPOINTS - 1)])
    with pytest.raises(Invalid):
        make(cast)


def test_what_makes_no_sense_is_refused(cast, endpoint):
    delivery = test_event(cast, endpoint)
    refused = [
        lambda: commands.enable_endpoint(**said(cast, endpoint)),
        lambda: commands.replay_failed(**said(cast, endpoint)),
        lambda: commands.replay_delivery(**said(cast, endpoint), delivery_id=delivery.pk),
    ]
    for act in refused:
        with pytest.raises(TransitionNotAllowed):
            act()
    commands.disable_endpoint(**said(cast, endpoint), reason="It moves.")
    for act in (
        lambda: commands.disable_endpoint(**said(cast, endpoint), reason="Again."),
        lambda: commands.send_test(**said(cast, endpoint)),
        lambda: commands.replay_failed(**said(cast, endpoint)),
    ):
        with pytest.raises(TransitionNotAllowed):
            act()
    with pytest.raises(Refusal):
        commands.rotate_secret(**{**said(cast, endpoint), "endpoint_id": 10**30})


def test_a_delivery_of_another_endpoint_is_not_found(cast, endpoint):
    other, _ = make(cast)
    delivery = test_event(cast, other)
    with pytest.raises(NotFound):
        commands.replay_delivery(**said(cast, endpoint), delivery_id=delivery.pk)


def test_a_replay_begins_the_schedule_anew_under_the_same_id(cast, endpoint, receiver, clock):
    delivery = test_event(cast, endpoint)
    receiver.replies = [410]
    pump(endpoint, clock)
    commands.enable_endpoint(**said(cast, endpoint))
    commands.replay_failed(**said(cast, endpoint))
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.next_at) == ("waiting", 0, cast.now)
    pump(endpoint, clock)
    assert receiver.ids == [delivery.message_id] * 2
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts.count()) == ("delivered", 2)


def test_a_job_carries_only_the_number_of_the_endpoint(cast, endpoint):
    test_event(cast, endpoint)
    commands.rotate_secret(**said(cast, endpoint))
    assert jobs() == [{"endpoint_id": endpoint.pk}]


def test_an_endpoint_is_woken_once_however_often_it_is_asked(cast, endpoint):
    test_event(cast, endpoint)
    test_event(cast, endpoint)
    wake(endpoint.pk)
    assert jobs() == [{"endpoint_id": endpoint.pk}]
