"""After a restore nothing is sent, every provider is asked, and two administrators release it."""

import io
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import models

from approvals import doctor, metrics, quarantine, sweeping
from approvals.commands import quarantine as commands
from approvals.commands import submit
from approvals.kinds.base import Absent, Done, Refused, Unknown
from approvals.models import Attempt, Cluster, Effect, Quarantine, State
from approvals.outcomes import worker_actor
from approvals.refusals import Invalid, NotAllowed, TransitionNotAllowed
from audit.models import Checkpoint, Event
from audit.verify import verify

QUIET = timedelta(minutes=1)
WORKER = worker_actor("w")


@pytest.fixture
def other_admin(cast):
    user = cast.second_operator
    user.is_staff = True
    user.save()
    return user


@pytest.fixture
def begin(cast):
    def run(reason="Restored to 09:00.", by=None) -> Quarantine:
        by = by or cast.admin
        commands.begin(reason=reason, by=by, at=cast.now, key=cast.key())
        return quarantine.current()

    return run


def do(cast, command, by) -> str:
    return command(by=by, at=cast.now, key=cast.key()).sentence


def reconciled(cast) -> None:
    """Its questions are due from now on, and late enough for “no trace” to count."""
    cast.now += QUIET
    do(cast, commands.reconcile, cast.admin)


def released(cast, other_admin) -> None:
    do(cast, commands.ask_release, cast.admin)
    do(cast, commands.release, other_admin)


# --- Nothing is sent ------------------------------------------------------------------------------


def test_what_is_approved_is_not_sent(cast, begin, provider):
    item = cast.approve(cast.ask())
    begin()
    cast.run(item)
    assert provider.sent == []
    assert provider.asked == []
    assert cast.get(item.ref).state == State.APPROVED
    assert sweeping.approved_not_started(cast.now + QUIET) == []


def test_people_go_on_asking_and_deciding(cast, begin, provider):
    begin()
    item = cast.approve(cast.ask())
    assert item.state == State.APPROVED
    cast.run(item)
    assert provider.sent == []


def test_nothing_expires_meanwhile(cast, begin):
    item = cast.ask()
    begin()
    assert sweeping.expired(cast.get(item.ref).expires_at + QUIET) == 0


def test_what_may_have_been_sent_since_the_backup_cannot_be_withdrawn(cast, begin):
    for item in (cast.ask(), cast.approve(cast.ask())):
        if not quarantine.is_on():
            begin()
        with pytest.raises(TransitionNotAllowed):
            submit.withdraw(
                ref=item.ref, by=cast.requester, at=cast.now, key=cast.key(), reason="No."
            )


# --- Every provider is asked ---------------------------------------------------------------------


def test_what_was_sent_after_the_backup_is_found_and_not_sent_again(
    cast, begin, provider, other_admin
):
    item = cast.approve(cast.ask())
    found = begin()
    provider.finds = Done("re_7", "Refund re_7: status succeeded.")
    reconciled(cast)
    cast.run(item)
    assert [one.key for one in provider.asked] == [item.effect.key]
    assert quarantine.done_there(found) == [(item.ref, "re_7")]
    released(cast, other_admin)
    cast.run(item)
    assert provider.sent == []
    after = cast.get(item.ref)
    assert (after.state, after.effect.provider_reference) == (State.DONE, "re_7")


def test_what_the_provider_has_accepted_does_not_keep_it_from_being_released(
    cast, begin, provider, other_admin
):
    """It may take days to finish, and is not sent again: that is all the release needs to know."""
    item = cast.approve(cast.ask())
    begin()
    provider.finds = Unknown("provider-pending", "Refund re_7: status pending.")
    reconciled(cast)
    cast.run(item)
    assert quarantine.unanswered() == []
    assert quarantine.done_there(quarantine.current()) == [(item.ref, "")]
    released(cast, other_admin)
    cast.run(item)
    assert provider.sent == []
    after = cast.get(item.ref)
    assert (after.state, after.cause) == (State.IN_DOUBT, "provider-pending")


def test_what_was_not_sent_is_sent_once_it_is_released(cast, begin, provider, other_admin):
    item = cast.approve(cast.ask())
    begin()
    reconciled(cast)
    cast.run(item)
    assert cast.get(item.ref).effect.sent_at is None
    released(cast, other_admin)
    cast.run(item)
    assert len(provider.sent) == 1
    assert len(provider.asked) == 2
    assert cast.get(item.ref).state == State.DONE


def test_what_was_only_asked_for_at_the_backup_keeps_its_key(cast, begin, provider, other_admin):
    """It was approved and sent after the backup, so it is approved anew and has to be found again."""
    item = cast.ask()
    begin()
    key = Effect.objects.get(item=item).key
    provider.finds = Done("re_8")
    reconciled(cast)
    cast.run(item)
    assert quarantine.done_there(quarantine.current()) == [(item.ref, "re_8")]
    released(cast, other_admin)
    item = cast.approve(cast.get(item.ref))
    assert item.effect.key == key
    cast.run(item)
    assert provider.sent == []
    assert cast.get(item.ref).state == State.DONE


def test_no_trace_counts_only_when_nothing_can_still_arrive(cast, begin, provider):
    item = cast.approve(cast.ask())
    begin()
    do(cast, commands.reconcile, cast.admin)
    cast.run(item, at=cast.now)
    assert cast.get(item.ref).effect.sent_at is not None
    assert quarantine.unanswered() == [item.ref]
    cast.run(item, at=cast.now + QUIET)
    assert quarantine.unanswered() == []


@pytest.mark.parametrize("seen", [Absent(), Refused("reported-failed", permanent=True)])
def test_a_clear_answer_ends_the_asking(cast, begin, provider, seen):
    item = cast.approve(cast.ask())
    begin()
    provider.finds = seen
    reconciled(cast)
    cast.run(item)
    assert quarantine.unanswered() == []
    assert cast.get(item.ref).state == State.APPROVED
    assert doctor.examine() == []


def test_a_provider_that_gives_no_answer_keeps_it_closed(cast, begin, provider, other_admin):
    item = cast.approve(cast.ask())
    begin()
    provider.finds = Unknown("no-answer")
    reconciled(cast)
    cast.run(item)
    with pytest.raises(TransitionNotAllowed, match=item.ref):
        do(cast, commands.ask_release, cast.admin)


# --- Recognised by itself ------------------------------------------------------------------------


def test_a_worker_that_knows_the_server_begins_nothing(cast):
    assert quarantine.recognise(actor=WORKER, at=cast.now) is None
    assert quarantine.recognise(actor=WORKER, at=cast.now) is None
    assert Cluster.objects.count() == 1


def test_another_server_begins_a_quarantine_once(cast):
    quarantine.recognise(actor=WORKER, at=cast.now)
    Cluster.objects.update(identifier="1")
    found = quarantine.recognise(actor=WORKER, at=cast.now)
    assert "another server" in found.reason
    assert found.begun_by is None
    assert Event.objects.get(action="quarantine.begin").actor_type == "worker"
    assert quarantine.recognise(actor=WORKER, at=cast.now) is None


def test_copies_outside_that_are_newer_than_the_database_begin_one_once(cast, settings, tmp_path):
    """A promoted standby that lost nothing knows every checkpoint; a restored database does not."""
    settings.AUDIT_PLACES = [str(tmp_path)]
    assert quarantine.recognise(actor=WORKER, at=cast.now) is None
    (tmp_path / "000000000005.note").write_text("5")
    found = quarantine.recognise(actor=WORKER, at=cast.now)
    assert "earlier moment" in found.reason
    Quarantine.objects.update(is_open=False, released_at=cast.now)
    assert quarantine.recognise(actor=WORKER, at=cast.now) is None


def test_a_place_that_knows_as_much_as_the_database_begins_nothing(cast, settings, tmp_path):
    settings.AUDIT_PLACES = [str(tmp_path)]
    (tmp_path / "000000000005.note").write_text("5")
    Checkpoint.objects.create(number=5, size=1, note="5", made_at=cast.now, xid=1, event_id=1)
    assert quarantine.recognise(actor=WORKER, at=cast.now) is None


def promoted(**seen) -> None:
    """As if the workers had looked last before a promotion."""
    Cluster.objects.update(timeline=models.F("timeline") - 1, **seen)


def test_a_standby_that_commits_did_not_wait_for_begins_one_when_it_is_promoted(cast):
    quarantine.recognise(actor=WORKER, at=cast.now)
    promoted()
    found = quarantine.notice(actor=WORKER, at=cast.now)
    assert "did not wait for" in found.reason
    assert quarantine.notice(actor=WORKER, at=cast.now) is None


def test_a_standby_that_commits_waited_for_lost_nothing(cast):
    quarantine.recognise(actor=WORKER, at=cast.now)
    promoted(is_waited_for=True)
    assert quarantine.notice(actor=WORKER, at=cast.now) is None
    assert not quarantine.is_on()
    # Now nothing waits for anybody, and the next promotion may lose something.
    promoted()
    assert quarantine.notice(actor=WORKER, at=cast.now)


def test_what_an_installation_of_before_did_not_note_begins_nothing(cast):
    quarantine.recognise(actor=WORKER, at=cast.now)
    Cluster.objects.update(timeline=None)
    assert quarantine.notice(actor=WORKER, at=cast.now) is None
    assert Cluster.objects.get().timeline is not None


def test_nothing_is_sent_between_a_promotion_and_the_next_look(cast, provider):
    item = cast.approve(cast.ask())
    quarantine.recognise(actor=WORKER, at=cast.now)
    promoted(is_waited_for=True)
    cast.run(item)
    assert provider.sent == []
    quarantine.notice(actor=WORKER, at=cast.now)
    cast.run(item)
    assert len(provider.sent) == 1


# --- By two administrators -----------------------------------------------------------------------


def test_who_asks_for_the_release_does_not_confirm_it(cast, begin, other_admin):
    begin()
    reconciled(cast)
    do(cast, commands.ask_release, cast.admin)
    with pytest.raises(NotAllowed, match="somebody else"):
        do(cast, commands.release, cast.admin)
    do(cast, commands.release, other_admin)
    assert not quarantine.is_on()


def test_only_administrators(cast, begin):
    with pytest.raises(NotAllowed):
        begin(by=cast.operator)
    begin()
    for command in (commands.reconcile, commands.ask_release, commands.release):
        with pytest.raises(NotAllowed):
            do(cast, command, cast.operator)


def test_no_step_is_left_out(cast, begin, other_admin):
    with pytest.raises(TransitionNotAllowed, match="no quarantine"):
        do(cast, commands.reconcile, cast.admin)
    with pytest.raises(Invalid):
        begin(reason=" ")
    begin()
    with pytest.raises(TransitionNotAllowed, match="open already"):
        begin()
    with pytest.raises(TransitionNotAllowed, match="Reconcile"):
        do(cast, commands.ask_release, cast.admin)
    reconciled(cast)
    with pytest.raises(TransitionNotAllowed, match="asked"):
        do(cast, commands.release, other_admin)


def test_every_step_is_an_event_and_the_record_holds(cast, begin, other_admin):
    cast.approve(cast.ask())
    found = begin()
    reconciled(cast)
    Effect.objects.update(next_question_at=None)
    released(cast, other_admin)
    told = Event.objects.filter(stream=found.stream).order_by("seq")
    assert [event.action.partition(".")[2] for event in told] == [
        *("begin", "reconcile", "ask", "release")
    ]
    assert verify().is_intact
    assert doctor.examine() == []


# --- Shown ---------------------------------------------------------------------------------------


def test_every_page_says_so(cast, begin, client):
    client.force_login(cast.requester)
    assert "Nothing is sent since" not in client.get("/inbox/").content.decode()
    begin()
    page = client.get("/inbox/").content.decode()
    assert "Nothing is sent since" in page
    assert "this installation was restored" in page


def test_the_metric_says_so(cast, begin):
    assert _gauge() == 0
    begin()
    assert _gauge() == 1


def _gauge() -> float:
    [family] = [one for one in metrics._told(metrics.ask()) if one.name == "approvals_quarantine"]
    return family.samples[0].value


# --- The command ---------------------------------------------------------------------------------


@pytest.fixture
def say(cast, monkeypatch):
    def run(*arguments: str, by=None) -> str:
        out = io.StringIO()
        if by is not None:
            by.set_password("a good long password")
            by.save()
            monkeypatch.setattr("sys.stdin", io.StringIO("a good long password\n"))
            arguments = (*arguments, "--by", by.email)
        call_command("quarantine", *arguments, stdout=out)
        return out.getvalue()

    return run


def test_the_command_leads_through(cast, say, provider, other_admin, client):
    assert "no quarantine" in say("--status")
    item = cast.approve(cast.ask())
    client.force_login(cast.requester)
    say("--begin", "Restored to 09:00.", by=cast.admin)
    with pytest.raises(CommandError, match="Nothing is sent"):
        say("--status")
    assert "Everybody signs in again" in say("--reconcile", by=cast.admin)
    assert Session.objects.count() == 0
    Effect.objects.update(next_question_at=None)
    assert "Another administrator" in say("--release", by=cast.admin)
    assert "is over" in say("--release", by=other_admin)
    assert Attempt.objects.filter(effect__item=item).count() == 0


def test_the_command_wants_to_know_who(say):
    with pytest.raises(CommandError, match="--by"):
        say("--reconcile")
