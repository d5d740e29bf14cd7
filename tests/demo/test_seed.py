"""Sample data in bulk is as true as what the commands write: chained, consistent, and gone on from."""

from collections import Counter
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from approvals import doctor, execution, history, kinds, proof
from approvals.commands import decide
from approvals.models import (
    OPEN,
    ApprovalRequest,
    Attempt,
    Note,
    Queue,
    Settlement,
    State,
)
from audit.models import Event
from audit.verify import verify
from demo.seeding import writing
from demo.seeding.contents import LARGE_CUSTOMER
from demo.seeding.desks import NowhereToAsk, desks
from tests import postgres
from tests.audit import attacker

pytestmark = pytest.mark.usefixtures("committed_db")


def seed(requests: int, *options: str) -> None:
    call_command("seed", f"--requests={requests}", *options)


def contents() -> list[tuple]:
    names = ("ref", "kind", "state", "version", "amount", "customer", "requested_by")
    return list(ApprovalRequest.objects.order_by("id").values_list(*names))


# --- What it makes ---------------------------------------------------------------------------------


def test_it_is_intact_and_keeps_every_invariant():
    seed(400, "--open=40")
    assert ApprovalRequest.objects.count() == 400
    assert verify().is_intact
    assert doctor.examine() == []


def test_each_request_can_be_rebuilt_from_its_events():
    seed(300)
    for item in ApprovalRequest.objects.all():
        past = history.as_of(item.stream, timezone.now())
        assert past.item.columns() == item.columns(), item.ref


def test_every_state_and_kind_is_there_and_most_of_it_is_done():
    seed(1500, "--open=10")
    states = Counter(ApprovalRequest.objects.values_list("state", flat=True))
    assert states.keys() == {state.value for state in State if state != State.NEW}
    assert states[State.DONE] > 1000
    assert 75 <= sum(states[state] for state in OPEN) <= 225
    found = set(ApprovalRequest.objects.values_list("kind", flat=True))
    assert found == {"refund", "account_change", "manual"}
    assert 100 <= ApprovalRequest.objects.filter(customer=LARGE_CUSTOMER).count() <= 200
    assert Note.objects.exists()
    assert Settlement.objects.exists()
    assert ApprovalRequest.objects.filter(revision=2).exists()
    assert ApprovalRequest.objects.filter(owner__isnull=False).exists()
    assert ApprovalRequest.objects.filter(held_at__isnull=False).exists()
    assert Attempt.objects.filter(purpose="look_up", outcome="done").exists()


def test_nothing_in_it_is_still_to_come():
    seed(300, "--open=30", "--days=2")
    now = timezone.now()
    assert not Event.objects.filter(occurred_at__gt=now).exists()
    oldest = ApprovalRequest.objects.order_by("created_at").first()
    assert now - timedelta(days=2) <= oldest.created_at < now - timedelta(days=1, hours=23)
    for stream in ApprovalRequest.objects.values_list("stream", flat=True)[:50]:
        times = Event.objects.filter(stream=stream).order_by("seq")
        times = list(times.values_list("occurred_at", flat=True))
        assert times == sorted(times)


def test_its_content_is_what_the_kinds_accept():
    seed(200)
    for item in ApprovalRequest.objects.all():
        kind = kinds.kind_of(item.kind)
        assert kind.check(item.payload) == item.payload
        assert (item.amount, item.currency) == kind.money(item.payload)


def test_what_it_approved_is_proven():
    seed(200, "--open=60")
    approved = ApprovalRequest.objects.filter(state__in=[State.APPROVED, State.RETRYING])
    assert approved.exists()
    assert all(proof.is_approved(item, item.effect) for item in approved)


def test_the_same_seed_gives_the_same_data(committed_db, django_db_setup):
    def anew(number: int) -> list[tuple]:
        connections.close_all()
        postgres.build(committed_db, template=f"{django_db_setup}_template")
        seed(120, f"--seed={number}", "--open=20")
        return contents()

    assert anew(7) == anew(7) != anew(8)


def test_several_processes_write_the_same(committed_db, django_db_setup, monkeypatch):
    """Each chunk is drawn for itself, whoever writes it."""
    monkeypatch.setattr("demo.seeding.running.CHUNK", 20)

    def anew(processes: int) -> list[tuple]:
        connections.close_all()
        postgres.build(committed_db, template=f"{django_db_setup}_template")
        seed(120, "--open=20", f"--processes={processes}")
        return contents()

    assert anew(1) == anew(2)
    assert verify().is_intact
    assert doctor.examine() == []


# --- Going on --------------------------------------------------------------------------------------


def test_a_second_run_adds_to_the_first(capsys):
    seed(60)
    seed(60)
    assert ApprovalRequest.objects.count() == 120
    assert verify().is_intact
    assert doctor.examine() == []
    assert "60 requests, " in capsys.readouterr().out


def test_a_run_that_ends_in_the_middle_leaves_whole_requests(monkeypatch):
    monkeypatch.setattr("demo.seeding.running.CHUNK", 50)
    copied, chunks = writing._copy, []

    def die_in_the_third_chunk(model, rows, **options):
        if model is Event:
            chunks.append(1)
        if len(chunks) == 3:
            raise KeyboardInterrupt
        return copied(model, rows, **options)

    monkeypatch.setattr(writing, "_copy", die_in_the_third_chunk)
    with pytest.raises(KeyboardInterrupt):
        seed(200)
    assert ApprovalRequest.objects.count() == 100
    assert verify().is_intact
    assert doctor.examine() == []


def test_commands_and_workers_go_on_from_it(cast, monkeypatch):
    seed(200, "--open=30")
    newest = ApprovalRequest.objects.filter(kind="refund").order_by("id").last()
    item = cast.ask()
    assert int(item.ref.removeprefix("RF-")) == int(newest.ref.removeprefix("RF-")) + 1
    assert cast.approve(item).state == State.APPROVED
    waiting = ApprovalRequest.objects.filter(
        state=State.PENDING, kind="refund", amount__lt=100_000
    ).exclude(requested_by=cast.approver)
    there = waiting.first()
    decide.approve(
        ref=there.ref,
        by=cast.approver,
        at=timezone.now(),
        key="one",
        revision=there.revision,
        step=there.step,
    )
    there.refresh_from_db()
    assert there.state == State.APPROVED
    later = timezone.now() + timedelta(hours=2)
    retrying = ApprovalRequest.objects.filter(state=State.RETRYING, kind="account_change").first()
    execution.run(retrying.pk, wake=lambda *_: None, clock=lambda: later)
    assert Event.objects.filter(stream=retrying.stream).latest("seq").occurred_at == later
    assert verify().is_intact
    assert doctor.examine() == []


def test_a_flipped_byte_is_found(committed_db):
    seed(50)
    event = Event.objects.filter(action="request.succeed").order_by("id")[5]
    attacker.change(
        committed_db,
        "UPDATE audit_event SET hash = set_byte(hash, 7, get_byte(hash, 7) # 1) WHERE id = %(id)s",
        id=event.pk,
    )
    broken = verify().breaks
    assert [(one.stream, one.seq) for one in broken] == [(event.stream, event.seq)]


# --- Where, and whether ----------------------------------------------------------------------------


def test_an_empty_database_gets_the_sample_organisation(committed_db):
    tables = ["approvals_queue", "approvals_policy", "accounts_team", "accounts_membership"]
    tables += ["approvals_queuegroupgrant", "auth_group", "accounts_user"]
    with postgres.admin(committed_db) as connection:
        connection.execute("SET session_replication_role = replica")  # no foreign keys
        for table in tables:
            connection.execute(f"DELETE FROM {table}")
    seed(20)
    assert Queue.objects.count() == 2
    assert verify().is_intact


def test_without_a_queue_that_takes_anything_it_says_so():
    Queue.objects.update(kinds=[])
    with pytest.raises(NowhereToAsk):
        desks(at=timezone.now())
    with pytest.raises(CommandError, match="No queue with a live policy"):
        seed(5)


def test_beside_real_requests_it_must_be_meant(cast):
    cast.ask()
    with pytest.raises(CommandError, match="can never be removed"):
        seed(5)
    assert ApprovalRequest.objects.count() == 1
    seed(5, "--i-know-this-adds-sample-data")
    assert ApprovalRequest.objects.count() == 6


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5", "", "١"])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(CommandError, match="whole number from 1"):
        call_command("seed", f"--requests={number}")


@pytest.mark.parametrize("option", ["--days=0", "--days=9999", "--open=101", "--open=-1"])
def test_an_option_that_means_nothing_is_refused(option):
    with pytest.raises(CommandError, match="write a"):
        seed(5, option)
    assert not ApprovalRequest.objects.exists()
