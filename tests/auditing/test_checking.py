"""A check of the record: how far it is, one at a time, its end, and the death of its worker."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, connection, transaction
from procrastinate.contrib.django import app

from approvals.refusals import NotAllowed
from audit.models import Event
from audit.verify import Break, Kind, Report
from auditing import checking, jobs
from auditing.commands.verifying import ask_for_check
from auditing.models import LOST_AFTER, VerificationRun
from tests.approvals.common import job_arguments, refused
from tests.audit import attacker

pytestmark = pytest.mark.usefixtures("committed_db")


def ask(cast, *, by=None, key="K", at=None) -> VerificationRun:
    answer = ask_for_check(by=by or cast.auditor, at=at or cast.now, key=key)
    return VerificationRun.objects.get(pk=answer.ref)


def carry_out(cast, run: VerificationRun, **arguments) -> VerificationRun:
    checking.run(run.pk, clock=lambda: cast.now, **arguments)
    run.refresh_from_db()
    return run


def ends() -> list[Event]:
    return list(Event.objects.filter(action="audit.verified").order_by("pk"))


def test_asking_makes_a_run_a_job_and_an_event(cast):
    run = ask(cast)
    assert (run.asked_by, run.asked_at, run.started_at) == (cast.auditor, cast.now, None)
    [job] = job_arguments()
    assert job["run_id"] == run.pk
    event = Event.objects.get(action="audit.verify")
    assert (event.stream, event.actor_id) == ("verification", str(cast.auditor.pk))


def test_it_reads_everything_and_keeps_what_it_found(cast):
    cast.approve(cast.ask())
    run = ask(cast)
    count = Event.objects.count()
    carry_out(cast, run)
    assert run.is_intact
    assert run.result["events"] == run.events_seen == count
    assert run.result["breaks"] == []
    [end] = ends()
    assert (end.outcome, end.facts["events"], end.facts["breaks"]) == ("success", count, 0)


def test_a_second_click_leads_to_the_check_that_is_under_way(cast):
    first = ask(cast)
    second = ask(cast, by=cast.admin, key="L", at=cast.now + timedelta(seconds=1))
    assert first == second
    assert (len(job_arguments()), VerificationRun.objects.count()) == (1, 1)
    assert ask(cast) == first  # the same form again
    carry_out(cast, first)
    assert ask(cast, key="M", at=cast.now + timedelta(minutes=1)) != first


def test_the_database_knows_one_unfinished_run_at_most(cast):
    ask(cast)
    with pytest.raises(IntegrityError), transaction.atomic():
        VerificationRun.objects.create(asked_at=cast.now)


def test_people_who_ask_at_the_same_moment_get_one_check(cast):
    barrier, runs = threading.Barrier(4), []

    def click(number: int) -> None:
        barrier.wait()
        runs.append(ask(cast, key=f"K{number}", at=cast.now + timedelta(seconds=number)).pk)
        connection.close()

    threads = [threading.Thread(target=click, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 4
    assert set(runs) == {VerificationRun.objects.get().pk}
    assert Event.objects.filter(action="audit.verify").count() == len(job_arguments()) == 1


def test_only_who_audits_or_administers_may_ask(cast):
    said = {"at": cast.now, "key": "K"}
    assert refused(NotAllowed, ask_for_check, by=cast.operator, **said)
    denied = Event.objects.get(action="audit.verify")
    assert (denied.outcome, denied.actor_id) == ("denied", str(cast.operator.pk))
    assert not VerificationRun.objects.exists()


@pytest.fixture
def slow(monkeypatch):
    """The reading says that it saw 7 events, and waits until it is let go on."""
    gate = SimpleNamespace(said=threading.Event(), go_on=threading.Event())

    def verify(*, progress):
        progress(7)
        gate.said.set()
        assert gate.go_on.wait(20)
        progress(8)
        raise AssertionError("It was not stopped.")

    monkeypatch.setattr(checking, "verify", verify)
    monkeypatch.setattr(checking, "BEAT_S", 0.01)
    return gate


def test_while_it_reads_it_says_how_far_it_is_and_a_stop_ends_it(cast, slow):
    run = ask(cast)
    seen = []

    def must_stop() -> bool:
        """Asked after each word of how far it is."""
        now = VerificationRun.objects.get(pk=run.pk)
        if slow.said.is_set() and now.events_seen == 7:
            seen.append((now.events_seen, now.seen_at, now.finished_at))
            slow.go_on.set()
            return True
        return False

    carry_out(cast, run, must_stop=must_stop)
    assert seen[0] == (7, cast.now, None)
    assert (run.result, run.finished_at) == (None, cast.now)
    assert "was stopped before the check was done" in run.failure
    assert ends()[0].outcome == "failed"


def test_a_reading_that_fails_says_so(cast, monkeypatch):
    def verify(*, progress):
        raise OSError("gone")

    monkeypatch.setattr(checking, "verify", verify)
    run = carry_out(cast, ask(cast))
    assert (run.result, run.failure) == (
        None,
        "The record could not be read to its end (OSError).",
    )


def test_a_run_is_carried_out_once(cast, monkeypatch):
    run = carry_out(cast, ask(cast))
    before = VerificationRun.objects.filter(pk=run.pk).values().get()
    monkeypatch.setattr(checking, "verify", None)
    checking.run(run.pk, clock=lambda: cast.now + timedelta(hours=1))
    assert VerificationRun.objects.filter(pk=run.pk).values().get() == before
    assert len(ends()) == 1


def test_a_run_that_another_worker_has_begun_is_left_to_it(cast):
    run = begun(cast)
    before = VerificationRun.objects.filter(pk=run.pk).values().get()
    checking.run(run.pk, clock=lambda: cast.now + timedelta(seconds=9))
    assert VerificationRun.objects.filter(pk=run.pk).values().get() == before


def begun(cast) -> VerificationRun:
    """As a worker leaves it that dies right after it began."""
    run = ask(cast)
    VerificationRun.objects.filter(pk=run.pk).update(
        started_at=cast.now, seen_at=cast.now, events_seen=5
    )
    return run


def test_a_run_whose_worker_died_is_ended_without_a_result(cast):
    run = begun(cast)
    assert checking.give_up_on_lost(at=cast.now + LOST_AFTER) == []
    assert checking.give_up_on_lost(at=cast.now + LOST_AFTER + timedelta(seconds=1)) == [run.pk]
    run.refresh_from_db()
    assert "The worker ended before the check did." in run.failure
    assert ends()[0].outcome == "failed"
    assert ask(cast, key="L", at=cast.now + timedelta(minutes=5)) != run


def test_a_worker_that_comes_back_late_changes_nothing(cast):
    """It was given up meanwhile, and another check may have begun."""
    run = begun(cast)
    checking.give_up_on_lost(at=cast.now + timedelta(minutes=3))
    checking._end(run.pk, at=cast.now, result={"breaks_found": 0})
    run.refresh_from_db()
    assert run.result is None
    assert len(ends()) == 1


def test_a_job_that_was_lost_is_asked_for_again(cast):
    run = ask(cast)
    assert checking.waiting(cast.now + LOST_AFTER) == []
    assert checking.waiting(cast.now + timedelta(minutes=3)) == [run.pk]
    carry_out(cast, run)
    assert checking.waiting(cast.now + timedelta(minutes=3)) == []


def test_once_a_day_the_clock_asks(cast):
    run = checking.begin_by_clock(at=cast.now)
    assert (run.asked_by, Event.objects.get(action="audit.verify").actor_type) == (None, "clock")
    assert checking.begin_by_clock(at=cast.now + timedelta(days=1)) == run
    periodic = {one.task.name: one.cron for one in app.periodic_registry.periodic_tasks.values()}
    assert periodic["auditing.check_daily"] == "0 3 * * *"
    assert periodic["auditing.sweep_checks"]
    assert jobs.check.queue == "verification"


def test_a_broken_record_is_kept_with_its_places(committed_db, cast):
    item, run = cast.approve(cast.ask()), ask(cast)
    attacker.change(
        committed_db,
        "UPDATE audit_event SET actor_label = 'Somebody else' WHERE stream = %(stream)s AND seq = 2",
        stream=item.stream,
    )
    carry_out(cast, run)
    assert run.is_broken
    [broken] = run.result["breaks"]
    assert (broken["stream"], broken["seq"]) == (item.stream, 2)
    assert (ends()[0].outcome, ends()[0].facts["breaks"]) == ("failed", 1)


def test_the_result_is_kept_even_if_its_own_stream_is_broken(committed_db, cast):
    run = ask(cast)
    attacker.change(committed_db, "UPDATE audit_stream SET seq = 5 WHERE stream = 'verification'")
    carry_out(cast, run)
    assert run.is_broken
    assert run.result["breaks"][0]["stream"] == "verification"


def test_of_very_many_breaks_the_first_are_kept_and_all_are_counted(cast, monkeypatch):
    many = [Break("s", n, Kind.CHANGED, "x") for n in range(250)]
    report = Report(streams=1, events=250, breaks=many)
    monkeypatch.setattr(checking, "verify", lambda **_: report)
    run = carry_out(cast, ask(cast))
    assert (len(run.result["breaks"]), run.result["breaks_found"]) == (100, 250)
    assert run.result["breaks"][0]["kind"] == "changed"


def test_the_job_hands_over_the_run_and_listens_for_the_end_of_the_worker(cast, monkeypatch):
    asked = []
    monkeypatch.setattr(
        checking, "run", lambda run_id, must_stop: asked.append((run_id, must_stop()))
    )
    context = SimpleNamespace(should_abort=lambda: True)
    jobs.check(context, run_id=5, trace="x")
    assert asked == [(5, True)]
