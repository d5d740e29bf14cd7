"""T4.8: receipts, checked by the file that goes with them, without Django and without our database."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from approvals.commands import operate
from audit import notes, receipts, verify_receipt
from audit.models import Event
from tests.audit.common import place, seal

__all__ = ["place"]
FILE = Path(verify_receipt.__file__)


@pytest.fixture
def item(committed_db, cast, place):
    """A request with three sealed events, and one more that is not."""
    item = cast.ask()
    hard = 'Line one\nline two\r\t“quoted” \u202eright to left\u202c 🎉 \\ " \x7f é'
    operate.note(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), reason=hard)
    cast.approve(item)
    for _ in range(5):
        cast.ask()
    seal(cast.now)
    operate.claim(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key())
    return item


@pytest.fixture
def key(settings) -> notes.PublicKey:
    return settings.AUDIT_SIGNING_KEYS[0].public


@pytest.fixture
def found(item, key, now) -> dict:
    return receipts.receipt(item.stream, at=now, key=key)


def written(found: dict) -> str:
    return receipts.as_file(found)


def test_it_holds_and_says_what_is_proven(found, item, key):
    said = " ".join(verify_receipt.verify(written(found), str(key)))
    assert f"{item.stream}: 4 events" in said
    assert "3 of them are under checkpoint 1" in said
    assert "Under no checkpoint yet: 4." in said
    assert "--key" not in said


def test_it_is_checked_by_one_file_alone(found, key, tmp_path):
    """A folder with nothing but the file, and Python that sees none of our code."""
    script, receipt = tmp_path / "verify_receipt.py", tmp_path / "r.json"
    script.write_text(FILE.read_text())
    receipt.write_text(written(found))
    run = subprocess.run(
        [sys.executable, "-I", str(script), str(receipt), "--key", str(key)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (run.returncode, run.stdout.splitlines()[-1]) == (0, "HOLDS."), run.stdout + run.stderr


def test_without_the_key_it_says_so(found):
    assert "--key" in " ".join(verify_receipt.verify(written(found)))


def test_what_may_be_personal_can_be_left_out(item, key, now):
    found = receipts.receipt(item.stream, at=now, key=key, with_private=False)
    assert "Line one" not in written(found)
    assert "Ana" not in written(found)
    assert verify_receipt.verify(written(found), str(key))


def test_another_key_does_not_do(found):
    other = notes.SigningKey("approval-queue", bytes(32)).public
    with pytest.raises(verify_receipt.DoesNotHold, match="not signed with this key"):
        verify_receipt.verify(written(found), str(other))


def test_no_other_byte_holds(found, key):
    """The checkpoint's characters and each third of the rest, changed by one bit: never believed."""
    text = written(found)
    believed = [
        place
        for place in sorted({*range(0, len(text), 3), *range(text.index('"events"'))})
        if outcome(text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :], key) == 0
    ]
    indifferent = [i for i in believed if not in_a_field(text, i, ("made_at", "public_key"))]
    assert indifferent == []


def in_a_field(text: str, place: int, names: tuple[str, ...]) -> bool:
    """The time of the copy and the key that came with it: nobody is asked to trust them."""
    line = text[text.rfind("\n", 0, place) + 1 : place + 1]
    return any(line.startswith(f'"{name}": "') for name in names)


def outcome(text: str, key: notes.PublicKey) -> int:
    try:
        verify_receipt.verify(text, str(key))
    except verify_receipt.DoesNotHold:
        return 1
    except (verify_receipt.NotAReceipt, KeyError, TypeError, AttributeError):
        return 2
    return 0


@pytest.mark.parametrize("cut", [2, 10, 200, 2000])
def test_a_cut_file_is_no_receipt(found, key, cut):
    assert outcome(written(found)[:-cut], key) == 2


def changed(found: dict, change) -> str:
    other = copy.deepcopy(found)
    change(other)
    return written(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["events"].pop(0),
        lambda r: r["events"].pop(1),
        lambda r: r["events"].reverse(),
        lambda r: r["events"].insert(1, r["events"][0]),
        lambda r: r["events"][1]["covered"].update(action="request.reject"),
        lambda r: r["events"][1]["private"].update(reason="Another."),
        lambda r: r["events"][1]["private"].pop("reason"),
        lambda r: r["events"][0]["private"]["private_row"].update(customer="Another"),
        lambda r: r["events"][1]["private"].update(salt="00" * 32),
        lambda r: r["proofs"][0].update(index=r["proofs"][0]["index"] + 1),
        lambda r: r["proofs"][0]["path"].pop(),
        lambda r: r["proofs"][0]["path"].append("00" * 32),
        lambda r: r.update(stream="request/RF-9999"),
    ],
)
def test_a_changed_receipt_does_not_hold(found, key, change):
    assert outcome(changed(found, change), key) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.update(events=[]),
        lambda r: r.update(events="x"),
        lambda r: r.update(form="approval-queue receipt 2"),
        lambda r: r.update(checkpoint="x"),
        lambda r: r["proofs"].append(r["proofs"][0]),
        lambda r: r["proofs"].append({"seq": 99, "index": 0, "path": []}),
        lambda r: r["events"][0].update(hash="zz"),
        lambda r: r["events"][0].update(covered=None),
        lambda r: r["events"][0]["covered"].update(seq=1.0),
    ],
)
def test_what_is_no_receipt_is_said(found, key, change):
    assert outcome(changed(found, change), key) == 2


def test_cutting_the_end_off_shows_less_but_proves_nothing_false(found, key):
    """A receipt is of what it holds. That nothing came after is said by a newer one."""
    shorter = changed(found, lambda r: (r["events"].pop(), r["proofs"].__delitem__(slice(3, None))))
    assert "3 events" in " ".join(verify_receipt.verify(shorter, str(key)))


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"\x00" * 100, b"[" * 100_000, b"\xff\xfe", b"{}", b"[]", b"null", b'{"form": 1}'],
)
def test_any_file_gets_a_sentence(tmp_path, capsys, data):
    path = tmp_path / "r.json"
    path.write_bytes(data)
    assert verify_receipt.main([str(path)]) == 2
    assert capsys.readouterr().out.startswith("Not a receipt that can be read.")


def test_a_huge_file_is_not_read(tmp_path, capsys):
    path = tmp_path / "r.json"
    with path.open("wb") as file:
        file.truncate(5 * 1024**3)
    assert verify_receipt.main([str(path)]) == 2
    assert "too large" in capsys.readouterr().out


def test_a_file_that_is_not_there_gets_a_sentence(capsys):
    assert verify_receipt.main(["/nowhere"]) == 2


def test_before_the_first_checkpoint_there_is_a_chain(cast, settings, db):
    item = cast.ask()
    key = settings.AUDIT_SIGNING_KEYS[0].public
    found = receipts.receipt(item.stream, at=cast.now, key=key)
    assert "No event is under a checkpoint yet." in verify_receipt.verify(written(found), str(key))


def test_of_nothing_there_is_none(db, settings, now):
    with pytest.raises(receipts.NoReceipt):
        receipts.receipt("request/RF-1", at=now, key=settings.AUDIT_SIGNING_KEYS[0].public)


def test_without_a_key_there_is_none(cast, now):
    with pytest.raises(receipts.NoReceipt, match="AUDIT_SIGNING_KEY"):
        receipts.receipt(cast.ask().stream, at=now, key=None)


def test_the_verifier_hashes_as_the_product_does(item):
    """Its own RFC 8785 and the package's agree over every event there is."""
    from audit import chain

    for event in Event.objects.all():
        plain = json.loads(json.dumps(chain.covered(event)))
        assert verify_receipt.to_bytes(plain) == chain.canonical(event)
