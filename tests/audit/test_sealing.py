"""Checkpoints: every event under exactly one new one, signed, and copied outside."""

import threading

import pytest
from django.db import connection, connections, transaction

from audit import feed, merkle, notes, outside, sealing, tree
from audit.models import Checkpoint, Event, Leaf, Node
from audit.recorder import Actor, Target, record
from tests.audit.common import hashes, place, seal
from tests.demo.conftest import until

__all__ = ["place"]
pytestmark = pytest.mark.usefixtures("committed_db", "place")
CLOCK = Actor(type="clock", id="clock", label="The clock")


def write(count: int, now, stream: str = "test/{}") -> None:
    with transaction.atomic():
        for number in range(count):
            name = stream.format(number)
            record(stream=name, action="test", actor=CLOCK, target=Target("test", name), at=now)


def root(leaves: list[bytes]) -> bytes:
    growing = merkle.GrowingTree()
    for leaf in leaves:
        growing.add(merkle.leaf_hash(leaf))
    return growing.root


def test_a_checkpoint_is_signed_and_about_every_event_that_is_settled(now, settings):
    write(5, now)
    made = seal(now)
    said = notes.read(made.note, settings.AUDIT_TRUSTED_KEYS)
    assert (said.number, said.size, said.root) == (1, Event.objects.count(), root(hashes()))
    assert said.previous == notes.NOTHING_BEFORE


def test_the_next_names_the_one_before(now, settings):
    write(3, now)
    first = seal(now)
    write(4, now, "more/{}")
    said = notes.read(seal(now).note, settings.AUDIT_TRUSTED_KEYS)
    assert (said.number, said.size, said.root) == (2, Event.objects.count(), root(hashes()))
    assert said.previous == notes.parse(first.note)[0].digest


def test_nothing_new_makes_no_checkpoint(now):
    write(1, now)
    assert seal(now) is not None
    assert seal(now) is None
    assert Checkpoint.objects.count() == 1


def test_without_a_key_there_are_none(now, settings):
    settings.AUDIT_SIGNING_KEYS = []
    write(1, now)
    assert seal(now) is None


def test_a_key_is_changed_by_signing_with_both_for_a_while(now, settings):
    old = settings.AUDIT_SIGNING_KEYS[0]
    new = notes.SigningKey.read(old.name, notes.new_seed())
    settings.AUDIT_SIGNING_KEYS = [new, old]
    write(1, now)
    note = seal(now).note
    assert notes.read(note, [old.public]) == notes.read(note, [new.public])


@pytest.mark.parametrize("at_once", [1, 7, 16, 40])
def test_many_are_taken_some_at_a_time(now, monkeypatch, at_once):
    monkeypatch.setattr(sealing, "AT_ONCE", at_once)
    write(40 - Event.objects.count(), now)
    until(feed.is_settled)
    assert sealing.seal_all(at=now) == -(-40 // at_once)
    leaves = [bytes(leaf) for leaf in Leaf.objects.order_by("index").values_list("hash", flat=True)]
    assert leaves == hashes()
    assert sorted(Node.objects.values_list("level", "number")) == [(4, 0), (4, 1)]


def test_an_event_of_a_transaction_that_is_open_is_under_a_later_checkpoint(now):
    """T4.7: it took its numbers before, and committed after."""
    is_open, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            record(stream="slow", action="test", actor=CLOCK, target=Target("test", "slow"), at=now)
            is_open.set()
            may_end.wait(30)
        connections["default"].close()

    thread = threading.Thread(target=slow)
    thread.start()
    is_open.wait(30)
    write(3, now)
    made = sealing.seal(at=now)
    may_end.set()
    thread.join()
    assert made is None or not Leaf.objects.filter(stream="slow").exists()
    seal(now)
    assert Leaf.objects.filter(stream="slow").count() == 1
    indexes = sorted(Leaf.objects.values_list("index", flat=True))
    assert indexes == list(range(Event.objects.count()))


def test_two_at_the_same_moment_make_one_checkpoint(now):
    write(5, now)
    until(feed.is_settled)
    made: list[object] = []

    def work() -> None:
        made.append(sealing.seal(at=now))
        connections["default"].close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4  # none of them failed
    assert sum(one is not None for one in made) == 1
    assert Leaf.objects.count() == Event.objects.count()


@pytest.mark.parametrize("size", [2, 3, 15, 16, 17, 63, 64, 100])
def test_the_stored_tree_proves_each_leaf_and_that_it_only_grew(now, size):
    write(size - Event.objects.count(), now)
    seal(now)
    leaves = hashes()
    for index in {0, size // 2, size - 1}:
        path = merkle.inclusion(index, size, tree.StoredTree().root_of)
        leaf = merkle.leaf_hash(leaves[index])
        assert merkle.root_from_inclusion(leaf, index, size, path) == root(leaves)
    for first in {1, (size + 1) // 2, size}:
        proof = merkle.consistency(first, size, tree.StoredTree().root_of)
        assert merkle.is_consistent(first, root(leaves[:first]), size, root(leaves), proof)


@pytest.mark.parametrize("table", ["leaf", "node", "checkpoint", "copy"])
@pytest.mark.parametrize(
    "sql", ["DELETE FROM audit_{}", "UPDATE audit_{} SET {} = {}", "TRUNCATE audit_{}"]
)
def test_the_application_cannot_take_any_of_it_back(now, table, sql):
    write(16, now)
    seal(now)
    column = {"leaf": "seq", "node": "level", "checkpoint": "size", "copy": "place"}[table]
    with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(sql.format(table, column, column))


# --- Outside -------------------------------------------------------------------------------------


def test_a_folder_gets_each_checkpoint_and_the_list_of_its_events(now, place):
    write(2, now)
    first = seal(now)
    write(1, now, "more/{}")
    seal(now)
    assert (place / "000000000001.note").read_text() == first.note
    lines = (place / "000000000002.events").read_text().splitlines()
    assert [line.split(" ")[0::2] for line in lines] == [[str(first.size), "1"]]
    assert lines[0].endswith(" more/0")


def test_what_stands_there_is_never_written_over(now, place):
    write(1, now)
    place.mkdir()
    (place / "000000000001.note").write_text("something else")
    until(feed.is_settled)
    sealing.seal(at=now)
    assert "holds something else already" in outside.publish(at=now)[0]
    assert (place / "000000000001.note").read_text() == "something else"
    assert outside.behind(str(place)) == 1


def test_a_copy_whose_row_was_lost_is_written_once(now, place):
    """Killed after the file and before the row."""
    write(1, now)
    made = seal(now)
    outside._write(str(place), made)
    assert (place / "000000000001.note").read_text() == made.note


def test_a_place_that_cannot_be_written_holds_nothing_up(now, settings, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    good = tmp_path / "good"
    settings.AUDIT_PLACES = [str(blocked / "in"), str(good)]
    write(1, now)
    until(feed.is_settled)
    sealing.seal(at=now)
    assert len(outside.publish(at=now)) == 1
    assert (good / "000000000001.note").exists()
