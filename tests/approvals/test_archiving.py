"""Old months go into files, and the record proves itself all the same."""

import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from approvals import archiving, doctor
from approvals.commands import archive as archiving_command
from approvals.commands import decide, submit
from approvals.commands.archive import archive_month
from approvals.kinds.base import Done
from approvals.kinds.refund import Refund
from approvals.models import Attempt, State
from approvals.refusals import Invalid, NotAllowed, NotFound
from audit import archive, chain, months, recorder
from audit.archive import NotArchived
from audit.models import Archive, Event, Leaf
from audit.verify import verify
from tests.audit import attacker
from tests.audit.common import place, seal

__all__ = ["place"]

MARCH, APRIL = datetime(2025, 3, 10, 9, tzinfo=UTC), datetime(2025, 4, 2, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)


class Clock:
    """What the recorder takes for the time of writing."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock(monkeypatch, committed_db) -> Clock:
    clock = Clock()
    monkeypatch.setattr(recorder, "timezone", clock)
    monkeypatch.setattr(Refund, "send", lambda self, effect: Done("re_9", "Paid."))
    for table in archiving.KEY_OF:
        months.make(table, MARCH, APRIL)
    return clock


@pytest.fixture
def old(clock, cast, place):
    """Paid in March 2025; asked for in March and rejected in April; asked for now, and still open."""
    clock.at = MARCH
    paid = cast.ask(at=MARCH)
    cast.approve(paid, at=MARCH)
    cast.run(paid, at=MARCH + timedelta(minutes=5))
    rejected = cast.ask(at=MARCH)
    clock.at = APRIL
    seen = {"revision": 1, "step": 1, "reason": "Told by phone."}
    decide.reject(ref=rejected.ref, by=cast.approver, at=APRIL, key=cast.key(), **seen)
    clock.at = NOW
    still_open = cast.ask(at=NOW)
    seal(NOW)
    assert cast.get(paid.ref).state == State.DONE
    return {"paid": paid, "rejected": rejected, "open": still_open}


@pytest.fixture
def take_away(cast, tmp_path):
    def run(name: str = "2025-03", **changes: object) -> Path:
        said = {"with_private": False, "kept_months": 13, "by": cast.admin, "at": NOW}
        archive_month(name=name, folder=tmp_path, key=cast.key(), **{**said, **changes})
        return tmp_path / f"audit_event-{name}.jsonl.gz"

    return run


def lines(path: Path) -> list[dict]:
    with gzip.open(path) as file:
        return [json.loads(line) for line in file]


def rewrite(path: Path, rows: list[dict]) -> None:
    with gzip.open(path, "wb") as file:
        file.writelines(json.dumps(row).encode() + b"\n" for row in rows)


def broken(*files: Path) -> list[tuple[str, int, str]]:
    return [(one.stream, one.seq, str(one.kind)) for one in verify(files=files).breaks]


def test_a_month_is_in_its_file_and_the_record_is_intact(old, take_away):
    before = {e.pk: bytes(e.hash) for e in Event.objects.filter(recorded_at__lt=APRIL)}
    file = take_away()
    head, *rows = lines(file)
    assert head == {
        "form": archive.FORM,
        "table": "audit_event",
        "part": "2025-03",
        "with_private": False,
    }
    assert sorted(row["hash"] for row in rows) == sorted(h.hex() for h in before.values())
    assert not Event.objects.filter(recorded_at__lt=APRIL.replace(day=1)).exists()
    assert Leaf.objects.filter(stream=old["paid"].stream).exists()
    assert broken(file) == []
    assert doctor.examine() == []


def test_what_may_be_personal_stays_out_unless_it_is_asked_for(old, take_away, tmp_path):
    reasons = list(Event.objects.exclude(reason="").values_list("reason", flat=True))
    assert reasons
    text = json.dumps(lines(take_away()))
    assert "private" not in lines(tmp_path / "audit_event-2025-03.jsonl.gz")[1]
    assert not any(reason in text for reason in reasons)
    april = take_away("2025-04", with_private=True)
    assert "Told by phone." in json.dumps(lines(april))
    assert broken(april) == []


def test_attempts_go_with_their_month(old, take_away, tmp_path):
    assert Attempt.objects.count() == 1
    take_away()
    assert Attempt.objects.count() == 0
    _, row = lines(tmp_path / "approvals_attempt-2025-03.jsonl.gz")
    assert row["provider_reference"] == "re_9"


def test_pages_say_that_it_is_archived(old, take_away, cast):
    take_away()
    client = Client()
    client.force_login(cast.operator)
    rejected = client.get(f"/requests/{old['rejected'].ref}/").content.decode()
    assert "Event 2 is the newest; the first one is archived" in rejected
    paid = client.get(f"/requests/{old['paid'].ref}/").content.decode()
    assert "Its calls are archived: they are no longer here." in paid
    assert "Nothing was sent" not in paid
    past = client.get(f"/requests/{old['rejected'].ref}/", {"at": "2025-04-20T00:00:00Z"})
    assert "its first events are archived" in past.content.decode()
    receipt = client.get(f"/requests/{old['rejected'].ref}/receipt/").content.decode()
    assert "Its first event is archived" in receipt


def test_it_is_told_by_an_event(old, take_away, cast):
    file = take_away()
    told = Event.objects.get(action="record.archive", facts__table="audit_event")
    assert told.stream == "archives"
    assert told.actor_id == str(cast.admin.pk)
    assert told.facts["sha256"] == archive.digest(file)
    assert told.facts["rows"] == len(lines(file)) - 1


# --- What stands in its way --------------------------------------------------------------------------


def test_only_an_administrator(old, take_away, cast):
    with pytest.raises(NotAllowed):
        take_away(by=cast.operator)
    assert Event.objects.filter(outcome="denied", action="record.archive").count() == 1
    assert not Archive.objects.exists()


def test_a_month_that_there_is_not(old, take_away):
    with pytest.raises(NotFound):
        take_away("2019-01")


def refused(take_away, name: str = "2025-03", **changes: object) -> str:
    with pytest.raises(Invalid) as seen:
        take_away(name, **changes)
    assert not Archive.objects.exists()
    return seen.value.errors["month"]


def test_what_is_young(old, take_away):
    assert refused(take_away, kept_months=21) == "2025-03 of audit_event stays: 21 months are kept."
    assert refused(take_away, "2026-11") == "2026-11 of audit_event stays: 13 months are kept."
    take_away(kept_months=20)


def test_what_comes_after_an_older_one(old, take_away):
    assert "2025-03 is older and comes first." in refused(take_away, "2025-04")


def test_what_fits_no_month(old, take_away):
    assert "It holds what fits no month" in refused(take_away, "default")


def test_what_an_open_request_is_made_of(clock, cast, place, take_away):
    clock.at = MARCH
    item = cast.ask(at=MARCH)
    seal(NOW)
    assert f"Still open: {item.ref}." in refused(take_away)


def test_what_is_under_no_checkpoint(clock, cast, place, take_away):
    clock.at = MARCH
    item = cast.ask(at=MARCH)
    submit.withdraw(ref=item.ref, by=cast.requester, at=MARCH, key=cast.key(), reason="Twice.")
    assert "under no checkpoint" in refused(take_away)


def test_what_is_not_what_its_hash_says(old, take_away, committed_db, tmp_path):
    attacker.change(
        committed_db,
        "UPDATE audit_event SET action = 'x' WHERE stream = %(stream)s AND seq = 1",
        stream=old["paid"].stream,
    )
    with pytest.raises(NotArchived, match="#1 does not match its hash"):
        take_away()
    assert not Archive.objects.exists()
    assert not list(tmp_path.glob("*.gz"))


def test_a_copy_that_is_behind(old, take_away, settings, tmp_path):
    settings.AUDIT_PLACES = [*settings.AUDIT_PLACES, str(tmp_path / "new")]
    assert "lacks checkpoints" in refused(take_away)


def test_no_file_is_written_over(old, take_away, tmp_path):
    there = tmp_path / "audit_event-2025-03.jsonl.gz"
    there.write_text("mine")
    with pytest.raises(NotArchived, match="is there already"):
        take_away()
    assert there.read_text() == "mine"
    assert not Archive.objects.exists()


# --- Killed in the middle, and somebody beside it -----------------------------------------------------


def test_killed_after_it_was_said_it_goes_on(old, take_away, monkeypatch):
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archiving_command, "_take_out", die)
        with pytest.raises(KeyboardInterrupt):
            take_away()
    assert Archive.objects.count() == 2
    assert broken() == []  # the events are there as well
    file = take_away()
    assert not Event.objects.filter(recorded_at__lt=APRIL.replace(day=1)).exists()
    assert Event.objects.filter(action="record.archive").count() == 2
    assert broken(file) == []


def test_what_came_after_the_file_was_written_is_not_lost(old, take_away, cast, clock, monkeypatch):
    take_out = archiving_command._take_out

    def late(part: months.Part) -> None:
        clock.at = MARCH
        cast.ask(at=MARCH)
        take_out(part)

    monkeypatch.setattr(archiving_command, "_take_out", late)
    with pytest.raises(NotArchived, match="other rows than its file: nothing was removed"):
        take_away()
    assert Event.objects.filter(recorded_at__lt=APRIL.replace(day=1)).exists()
    assert "2025-03" in [part.name for part in months.parts("audit_event")]


# --- Tampering ----------------------------------------------------------------------------------------


def test_what_else_is_missing_is_found(old, take_away, committed_db):
    take_away()
    stream = old["rejected"].stream
    attacker.change(
        committed_db, "DELETE FROM audit_event WHERE stream = %(stream)s", stream=stream
    )
    assert (stream, 1, "truncated") in broken()


def test_an_archive_that_no_event_tells_of(old, take_away, committed_db):
    take_away()
    attacker.change(committed_db, "UPDATE audit_archive SET sha256 = repeat('0', 64)")
    assert ("archives", 0, "changed") in broken()


def test_an_archive_that_claims_more_than_it_holds(old, take_away, committed_db):
    """Who deletes an event and widens an archive over it."""
    take_away()
    leaf = Leaf.objects.get(stream=old["rejected"].stream, seq=2)
    ranges = json.dumps(
        [*Archive.objects.get(table="audit_event").ranges, [leaf.index, leaf.index + 1]]
    )
    attacker.change(
        committed_db,
        "DELETE FROM audit_event WHERE stream = %(stream)s",
        "UPDATE audit_archive SET ranges = %(ranges)s WHERE table = 'audit_event'".replace(
            "WHERE table", 'WHERE "table"'
        ),
        stream=leaf.stream,
        ranges=ranges,
    )
    assert ("archives", 0, "changed") in broken()


def test_a_list_of_archives_that_is_gone(old, take_away, committed_db):
    take_away()
    attacker.change(committed_db, "DELETE FROM audit_archive")
    found = broken()
    assert (old["paid"].stream, 1, "truncated") in found
    assert (old["rejected"].stream, 1, "missing") in found


def test_the_first_event_here_must_follow_the_archived_one(old, take_away, committed_db):
    take_away()
    attacker.change(
        committed_db,
        "UPDATE audit_event SET prev_hash = decode(repeat('00', 32), 'hex')"
        " WHERE stream = %(stream)s",
        stream=old["rejected"].stream,
    )
    assert (old["rejected"].stream, 2) in [found[:2] for found in broken()]


def test_also_where_no_checkpoint_holds_it(clock, cast, place, take_away, committed_db):
    """Somebody makes the first event that is here fit no other, and its hash fit itself."""
    clock.at = MARCH
    item = cast.ask(at=MARCH)
    seal(NOW)
    clock.at = APRIL
    said = {"by": cast.requester, "at": APRIL, "key": cast.key(), "reason": "Twice."}
    submit.withdraw(ref=item.ref, **said)
    clock.at = NOW
    take_away()
    event = Event.objects.get(stream=item.stream)
    event.prev_hash = bytes(32)
    attacker.change(
        committed_db,
        "UPDATE audit_event SET prev_hash = decode(repeat('00', 32), 'hex'), hash = %(hash)s"
        " WHERE stream = %(stream)s",
        "UPDATE audit_stream SET hash = %(hash)s WHERE stream = %(stream)s",
        stream=item.stream,
        hash=chain.link(bytes(32), event),
    )
    assert item.stream in [found[0] for found in broken()]


def changed(rows: list[dict]) -> list[dict]:
    rows[2]["covered"]["actor_label"] = "Somebody else"
    return rows


def with_words_put_in(rows: list[dict]) -> list[dict]:
    rows[1]["private"] = {"salt": "00" * 32, "reason": "It was Ana."}
    return rows


DAMAGE = {
    "changed": (changed, "changed"),
    "words": (with_words_put_in, "changed"),
    "missing": (lambda rows: [*rows[:2], *rows[3:]], "missing"),
    "reordered": (lambda rows: [rows[0], rows[2], rows[1], *rows[3:]], "missing"),
    "cut": (lambda rows: rows[:-1], "truncated"),
    "more": (lambda rows: [*rows, rows[-1]], "inserted"),
    "headless": (lambda rows: rows[1:], "changed"),
    "no events": (lambda rows: [rows[0], {"index": 0}], "changed"),
    "another month": (lambda rows: [{**rows[0], "part": "2024-01"}, *rows[1:]], "changed"),
    "a list": (lambda rows: [[]], "changed"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_that_was_changed(old, take_away, damage):
    file = take_away()
    do, kind = DAMAGE[damage]
    rewrite(file, do(lines(file)))
    assert [found[2] for found in broken(file)] == [kind]


NO_ARCHIVES = {
    "nothing": b"",
    "no gzip": b"no gzip",
    "no JSON": gzip.compress(b"{" * 100, mtime=0),
    "nothing in it": gzip.compress(b"", mtime=0),
}


@pytest.mark.parametrize("content", NO_ARCHIVES)
def test_what_is_no_archive(old, take_away, content):
    file = take_away()
    file.write_bytes(NO_ARCHIVES[content])
    assert broken(file) == [("archives", 0, "changed")]


def test_a_file_that_is_cut_in_its_packing(old, take_away):
    file = take_away()
    file.write_bytes(file.read_bytes()[:-20])
    assert [found[2] for found in broken(file)] == ["changed"]


def test_a_file_of_attempts_that_was_changed(old, take_away, tmp_path):
    take_away()
    file = tmp_path / "approvals_attempt-2025-03.jsonl.gz"
    assert broken(file) == []
    rewrite(file, lines(file))
    assert broken(file) == [("archives", 0, "changed")]


# --- The command and the parts ------------------------------------------------------------------------


def test_the_command_lists_and_archives(old, cast, tmp_path, monkeypatch):
    out = io.StringIO()
    call_command("archive_month", stdout=out)
    assert "2025-03" in out.getvalue()
    assert "It can be archived." in out.getvalue()
    assert "13 months are kept." in out.getvalue()
    cast.admin.set_password("a good long password")
    cast.admin.save()
    monkeypatch.setattr("sys.stdin", io.StringIO("a good long password\n"))
    call_command("archive_month", "2025-03", to=tmp_path, by=cast.admin.email, stdout=out)
    assert f"2025-03 is archived in {tmp_path}." in out.getvalue()
    out = io.StringIO()
    call_command("verify_audit", "--archive", str(tmp_path), stdout=out)
    assert "The record is intact." in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["2025-03"], "Name a folder"),
        (["2025-03", "--to", "/nowhere", "--by", "a@b.c"], "Name a folder"),
        (["--keep-months", "0"], "from 1 to 1200"),
    ],
)
def test_what_is_typed_wrongly(db, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("archive_month", *arguments)


def test_a_row_of_a_month_without_a_part_is_kept_and_told(clock, cast):
    clock.at = datetime(2001, 1, 1, tzinfo=UTC)
    item = cast.ask()
    assert Event.objects.filter(stream=item.stream).count() == 1
    assert months.in_default("audit_event")
    assert [found.invariant for found in doctor.examine()] == ["months"]
    assert months.make("audit_event", clock.at, clock.at) == 0


def test_parts_are_made_once_and_ahead(db):
    later = datetime(2031, 12, 5, tzinfo=UTC)
    assert months.make_ahead("audit_event", at=later) == 4
    assert months.make_ahead("audit_event", at=later) == 0
    part = next(one for one in months.parts("audit_event") if one.name == "2031-12")
    assert part.ends == datetime(2032, 1, 1, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tgenabled::text FROM pg_trigger WHERE tgrelid = %s::regclass"
            " AND NOT tgname LIKE 'RI_%%'",
            [part.relation],
        )
        assert cursor.fetchall() == [("A",)]
