"""The feed is followed to its end: nothing is left out, nothing told twice, whoever dies in between."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import feed
from audit.feed import is_settled
from notifications import following
from notifications.models import Follower, Notice
from tests.demo.conftest import until

pytestmark = pytest.mark.usefixtures("committed_db")


def everything_told(at) -> None:
    until(is_settled)
    following.run(at=at)


def test_what_happens_tells_once(cast):
    item = cast.ask()
    for _ in range(3):
        everything_told(cast.now)
    assert Notice.objects.filter(user=cast.approver, item=item).count() == 1
    assert Follower.objects.get().place == feed.newest()


def test_who_dies_before_the_commit_leaves_the_place_where_it_was(cast, monkeypatch):
    item = cast.ask()
    until(is_settled)
    before = Follower.objects.get().place

    def die(self, *args, **kwargs):
        raise SystemExit

    monkeypatch.setattr(Follower, "save", die)
    with pytest.raises(SystemExit):
        following.run(at=cast.now)
    assert Follower.objects.get().place == before
    assert not Notice.objects.exists()
    monkeypatch.undo()
    everything_told(cast.now)
    assert Notice.objects.filter(user=cast.approver, item=item).count() == 1


def test_two_workers_at_once_tell_once(cast):
    refs = {cast.ask().ref for _ in range(3)}
    until(is_settled)
    begin = threading.Barrier(4)

    def work():
        begin.wait()
        following.run(at=datetime.now(UTC))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mine = Notice.objects.filter(user=cast.approver)
    assert {notice.item.ref for notice in mine} == refs
    assert mine.count() == 3


def test_many_events_are_read_together(cast):
    """A worker follows all that happens; asking for each by itself took half of its time."""

    def questions(requests: int) -> int:
        for _ in range(requests):
            cast.approve(cast.ask())
        until(is_settled)
        with CaptureQueriesContext(connection) as seen:
            following.run(at=cast.now)
        return len(seen)

    assert questions(12) == questions(2)


def test_each_is_told_when_it_happened(cast):
    earlier = cast.ask()
    cast.now += timedelta(hours=25)
    later = cast.ask()
    everything_told(cast.now)
    first, second = (Notice.objects.get(user=cast.approver, item=one) for one in (earlier, later))
    assert second.at - first.at == timedelta(hours=25)
    assert first.mail_at is None
