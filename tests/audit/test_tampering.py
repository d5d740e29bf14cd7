"""The five kinds of tampering by a superuser, by one who leaves the hashes alone and by one who makes
them fit again: found, named by stream and number, and told apart where they can be (T4.4, T4.5)."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from approvals.commands import operate
from audit import chain, commitments, notes
from audit.models import Checkpoint, Event
from audit.verify import verify
from audit.verify.breaks import CHECKPOINTS
from tests import postgres
from tests.audit import attacker
from tests.audit.common import place, seal

__all__ = ["place"]


@pytest.fixture
def stream(committed_db, cast, place) -> str:
    """Of a request with five events, all under a checkpoint; a second checkpoint is about later ones."""
    item = cast.ask()
    for text in ("One.", "Two.", "Three.", "Four."):
        operate.note(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), reason=text)
    seal(cast.now)
    cast.ask()
    seal(cast.now + timedelta(minutes=1))
    return item.stream


@pytest.fixture
def attack(committed_db, stream):
    def run(*statements: str, **values: object) -> None:
        attacker.change(committed_db, *statements, stream=stream, **values)

    return run


def found() -> list[tuple[str, int, str]]:
    return [(one.stream, one.seq, str(one.kind)) for one in verify().breaks]


CHANGE = "UPDATE audit_event SET facts = '{\"x\": 1}' WHERE stream = %(stream)s AND seq = 3"
TAKE_OUT = "DELETE FROM audit_event WHERE stream = %(stream)s AND seq = 3"
CLOSE_UP = "UPDATE audit_event SET seq = seq - 1 WHERE stream = %(stream)s AND seq > 3"
CUT = "DELETE FROM audit_event WHERE stream = %(stream)s AND seq > 3"
MOVE_ON = [  # in two steps: a number is given once
    "UPDATE audit_event SET seq = seq + 100 WHERE stream = %(stream)s AND seq >= 3",
    "UPDATE audit_event SET seq = seq - 99 WHERE stream = %(stream)s AND seq >= 100",
]
COLUMNS = ", ".join(
    field.column for field in Event._meta.concrete_fields if field.name not in ("id", "seq")
)
PUT_IN = (
    f"INSERT INTO audit_event (seq, {COLUMNS}) SELECT 3, {COLUMNS} FROM audit_event"
    " WHERE stream = %(stream)s AND seq = 2"
)
APPEND = PUT_IN.replace("SELECT 3", "SELECT 6")
SWAP = [
    "UPDATE audit_event SET seq = 103 WHERE stream = %(stream)s AND seq = 3",
    "UPDATE audit_event SET seq = 3 WHERE stream = %(stream)s AND seq = 4",
    "UPDATE audit_event SET seq = 4 WHERE stream = %(stream)s AND seq = 103",
]
ALL_GONE = [
    "DELETE FROM audit_event WHERE stream = %(stream)s",
    "DELETE FROM audit_stream WHERE stream = %(stream)s",
]


def test_nothing_is_found_where_nothing_was_done(stream):
    assert found() == []
    assert verify().remarks == []


@pytest.mark.parametrize(
    ("statements", "seq", "kind"),
    [
        ([CHANGE], 3, "changed"),
        ([TAKE_OUT], 3, "missing"),
        ([TAKE_OUT, CLOSE_UP], 3, "missing"),
        ([*MOVE_ON, PUT_IN], 3, "inserted"),
        ([APPEND], 6, "inserted"),
        ([CUT], 4, "truncated"),
        (SWAP, 3, "reordered"),
    ],
    ids=["changed", "missing", "closed-up", "inserted", "appended", "truncated", "reordered"],
)
def test_by_somebody_who_leaves_the_hashes_alone(stream, attack, statements, seq, kind):
    attack(*statements)
    assert found() == [(stream, seq, kind)]


@pytest.mark.parametrize(
    ("statements", "seq", "kind"),
    [
        ([CHANGE], 3, "changed"),
        # Who makes everything behind it fit changes all that follows.
        ([TAKE_OUT, CLOSE_UP], 3, "changed"),
        ([*MOVE_ON, PUT_IN], 3, "changed"),
        (SWAP, 3, "changed"),
        ([APPEND], 6, "inserted"),
        ([CUT], 4, "truncated"),
        (ALL_GONE, 1, "truncated"),
    ],
    ids=["changed", "missing", "inserted", "reordered", "appended", "truncated", "all-gone"],
)
def test_by_somebody_who_makes_the_hashes_fit(committed_db, stream, attack, statements, seq, kind):
    attack(*statements)
    make_hashes_fit(committed_db, stream)
    assert verify(stream).breaks == []  # the chain alone says nothing
    assert found() == [(stream, seq, kind)]


def make_hashes_fit(database: str, stream: str) -> None:
    """Hash the whole stream anew, and set its head."""
    with postgres.admin(database) as connection, connection.transaction():
        for table in attacker.GUARDED:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        before, last = chain.FIRST, 0
        for event in Event.objects.filter(stream=stream).order_by("seq"):
            hashed = chain.link(before, event)
            connection.execute(
                "UPDATE audit_event SET prev_hash = %s, hash = %s WHERE id = %s",
                [before, hashed, event.pk],
            )
            before, last = hashed, event.seq
        connection.execute(
            "UPDATE audit_stream SET seq = %s, hash = %s WHERE stream = %s", [last, before, stream]
        )


def test_who_changes_the_leaves_too_does_not_have_the_signed_root(committed_db, stream, attack):
    attack(CHANGE)
    make_hashes_fit(committed_db, stream)
    attack(
        "UPDATE audit_leaf l SET hash = e.hash FROM audit_event e"
        " WHERE e.stream = l.stream AND e.seq = l.seq AND l.hash <> e.hash"
    )
    assert found() == [(CHECKPOINTS, 1, "changed")]


FORGET_TREE = [
    "DELETE FROM audit_copy WHERE checkpoint_id = 2",
    "DELETE FROM audit_leaf WHERE index >= (SELECT size FROM audit_checkpoint WHERE number = 1)",
    "DELETE FROM audit_checkpoint WHERE number = 2",
]


def test_who_takes_checkpoints_away_is_told_by_the_copies(stream, attack):
    """And the list beside them says which event was the first under it."""
    newest = Event.objects.get(stream="request/RF-1002")
    attack(
        *FORGET_TREE,
        "DELETE FROM audit_event WHERE stream = 'request/RF-1002'",
        "DELETE FROM audit_stream WHERE stream = 'request/RF-1002'",
    )
    told = found()
    assert (CHECKPOINTS, 2, "truncated") in told
    assert (newest.stream, 1, "truncated") in told


def test_a_checkpoint_signed_by_somebody_else_is_none(stream, attack):
    said = notes.parse(Checkpoint.objects.get(number=2).note)[0]
    forged = notes.signed(said, [notes.SigningKey(said.origin, bytes(32))])
    attack("UPDATE audit_checkpoint SET note = %(note)s WHERE number = 2", note=forged)
    assert (CHECKPOINTS, 2, "changed") in found()


def test_a_missing_checkpoint_shows(stream, attack):
    attack(
        "DELETE FROM audit_copy WHERE checkpoint_id = 1",
        "DELETE FROM audit_checkpoint WHERE number = 1",
    )
    assert (CHECKPOINTS, 1, "missing") in found()


def test_a_copy_that_was_changed_or_taken_away_shows(stream, place: Path):
    note = place / "000000000002.note"
    good = note.read_text()
    note.write_text(good.replace("number 2", "number 3"))
    assert found() == [(CHECKPOINTS, 2, "changed")]
    note.write_text(good)
    assert found() == []
    note.unlink()
    assert found() == [(CHECKPOINTS, 1, "missing")]


def test_what_was_forgotten_without_an_event_is_missing(stream, attack):
    attack(
        "UPDATE audit_event SET salt = NULL, reason = '', changes = '[]', private_row = '{}'"
        " WHERE stream = %(stream)s AND seq = 3"
    )
    assert found() == [(stream, 3, "missing")]


def test_a_commitment_is_kept_also_by_its_salt(stream):
    event = Event.objects.get(stream=stream, seq=3)
    assert event.reason == "Two."
    assert commitments.commitment(event.salt, "reason", "Two.") == event.commitments["reason"]
    assert commitments.commitment(bytes(32), "reason", "Two.") != event.commitments["reason"]


# --- Against a checkpoint that somebody kept ---------------------------------------------------------


def test_a_kept_checkpoint_finds_what_the_database_no_longer_knows(
    stream, attack, place, settings, tmp_path
):
    kept = tmp_path / "kept.note"
    kept.write_text(Checkpoint.objects.get(number=2).note)
    call_command("verify_audit", checkpoint=[str(kept)])
    settings.AUDIT_PLACES = []
    attack(*FORGET_TREE)
    assert found() == []
    with pytest.raises(CommandError, match="truncated"):
        call_command("verify_audit", checkpoint=[str(kept)])


@pytest.mark.parametrize("text", ["", "x", "\x00" * 20_000, "approval-queue\n1\n"])
def test_what_is_no_checkpoint_is_said(stream, tmp_path, text):
    kept = tmp_path / "kept.note"
    kept.write_text(text)
    with pytest.raises(CommandError, match="broken at checkpoints"):
        call_command("verify_audit", checkpoint=[str(kept)])


@pytest.mark.parametrize("path", ["/nowhere/at-all", "/"])
def test_what_cannot_be_read_is_said(stream, path):
    with pytest.raises(CommandError, match="No such file|holds no checkpoint"):
        call_command("verify_audit", checkpoint=[path])
