"""Checkpoints as notes: what was signed is read, and nothing else is."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from audit import notes

KEY = notes.SigningKey("approval-queue", bytes(range(32)))
OTHER = notes.SigningKey("approval-queue", bytes(32))
CHECKPOINT = notes.Checkpoint(
    origin="approval-queue",
    size=1204,
    root=bytes([7] * 32),
    number=7,
    at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    previous=bytes([9] * 32),
)


def test_what_was_signed_is_read():
    assert notes.read(notes.signed(CHECKPOINT, [KEY]), [KEY.public]) == CHECKPOINT


def test_the_signature_is_ed25519_over_the_text():
    """RFC 8032 §7.1, test 1, by way of the form of a note."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    key = notes.SigningKey("x", seed)
    assert key.public.raw.hex() == public
    assert key.sign("").hex().startswith("e5564300c360ac729086e2cc806e828a")


def test_a_new_key_and_an_old_one_both_do():
    note = notes.signed(CHECKPOINT, [KEY, OTHER])
    assert notes.read(note, [OTHER.public]) == CHECKPOINT
    assert notes.read(note, [KEY.public]) == CHECKPOINT


def test_a_key_that_is_not_trusted_does_not():
    with pytest.raises(notes.BrokenNote, match="trusted"):
        notes.read(notes.signed(CHECKPOINT, [OTHER]), [KEY.public])


@pytest.mark.parametrize(
    "change",
    [
        {"size": 1203},
        {"root": bytes(32)},
        {"number": 8},
        {"origin": "elsewhere"},
        {"at": datetime(2026, 11, 24, 9, 1, tzinfo=UTC)},
        {"previous": bytes(32)},
    ],
)
def test_a_changed_text_is_not_what_was_signed(change):
    signatures = notes.signed(CHECKPOINT, [KEY]).partition("\n\n")[2]
    forged = f"{replace(CHECKPOINT, **change).text}\n{signatures}"
    with pytest.raises(notes.BrokenNote, match="not that of its text"):
        notes.read(forged, [KEY.public])


def test_any_other_byte_is_refused():
    note = notes.signed(CHECKPOINT, [KEY])
    for place in range(len(note)):
        forged = note[:place] + chr(ord(note[place]) ^ 1) + note[place + 1 :]
        with pytest.raises(notes.BrokenNote):
            notes.read(forged, [KEY.public])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "x",
        "\n\n",
        CHECKPOINT.text,
        notes.signed(CHECKPOINT, []),
        notes.signed(CHECKPOINT, [KEY])[:-20],
        notes.signed(CHECKPOINT, [KEY]).replace("1204", "01204"),
        notes.signed(CHECKPOINT, [KEY]).replace("\n", "\r\n"),
        "\x00" * 100,
        "x" * 20_000,
        "\ud800",
    ],
)
def test_what_is_no_note_is_refused(note):
    with pytest.raises(notes.BrokenNote):
        notes.read(note, [KEY.public])


def test_a_public_key_is_read_as_it_is_written():
    assert notes.PublicKey.read(str(KEY.public)) == KEY.public


@pytest.mark.parametrize(
    "text",
    ["", "x", "a+b+c", "a++", str(KEY.public)[:-4], str(KEY.public).replace("+", " "), "ä+1+2"],
)
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(notes.MalformedKey):
        notes.PublicKey.read(text)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "é", "A" * 44])
def test_what_is_no_signing_key_is_refused(text):
    with pytest.raises(notes.MalformedKey):
        notes.SigningKey.read("approval-queue", text)


def test_a_signing_key_is_not_told():
    assert "seed" not in repr(KEY)
    assert "seed" not in str(KEY)
