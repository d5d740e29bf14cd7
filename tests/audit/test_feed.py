"""T4.7 for the feed: whoever follows it is told every event once, whatever commits when."""

import threading
from datetime import datetime

import pytest
from django.db import connection, connections, transaction

from audit import feed
from audit.models import Event
from audit.recorder import Actor, Target, record
from tests.demo.conftest import until

pytestmark = pytest.mark.usefixtures("committed_db")
CLOCK = Actor(type="clock", id="clock", label="The clock")


def write(stream: str, now: datetime) -> None:
    with transaction.atomic():
        record(stream=stream, action="test", actor=CLOCK, target=Target("test", stream), at=now)


def streams_after(place: feed.Place) -> list[str]:
    return [event.stream for event in feed.after(place) if event.action == "test"]


def test_an_event_is_told_once_its_transaction_has_ended(now: datetime) -> None:
    until(feed.is_settled)
    start = feed.newest()
    write("first", now)
    until(feed.is_settled)
    assert streams_after(start) == ["first"]
    assert streams_after(feed.newest()) == []


def test_a_slow_transaction_with_a_lower_number_is_not_passed_over(now: datetime) -> None:
    start = feed.newest()
    is_written, may_commit = threading.Event(), threading.Event()

    def slowly() -> None:
        with transaction.atomic():
            record(stream="slow", action="test", actor=CLOCK, target=Target("test", "slow"), at=now)
            is_written.set()
            may_commit.wait(20)
        connections.close_all()

    thread = threading.Thread(target=slowly)
    thread.start()
    assert is_written.wait(20)
    write("fast", now)
    seen = list(feed.after(start))
    place = feed.Place.of(seen[-1]) if seen else start
    may_commit.set()
    thread.join(20)
    until(feed.is_settled)
    told = [event.stream for event in seen] + streams_after(place)
    assert sorted(told) == ["fast", "slow"]
    by_number = {event.stream: event.pk for event in Event.objects.filter(action="test")}
    assert by_number["slow"] < by_number["fast"]


def test_what_began_later_comes_later_whatever_its_number(now: datetime) -> None:
    """The first to begin writes last: its event has the higher number and is told first."""
    until(feed.is_settled)
    start = feed.newest()
    is_written, may_commit = threading.Event(), threading.Event()

    def later() -> None:
        with transaction.atomic():
            record(stream="later", action="test", actor=CLOCK, target=Target("t", "1"), at=now)
            is_written.set()
            may_commit.wait(20)
        connections.close_all()

    thread = threading.Thread(target=later)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
        thread.start()
        assert is_written.wait(20)
        record(stream="earlier", action="test", actor=CLOCK, target=Target("t", "2"), at=now)
    until(lambda: streams_after(start) == ["earlier"])
    place = feed.Place.of(feed.after(start).get())
    may_commit.set()
    thread.join(20)
    until(feed.is_settled)
    assert streams_after(place) == ["later"]


def test_the_order_does_not_depend_on_where_one_reads_from(now: datetime) -> None:
    start = feed.newest()
    for number in range(7):
        write(f"s{number}", now)
    until(feed.is_settled)
    whole = streams_after(start)
    pieces, place = [], start
    while piece := list(feed.after(place)[:2]):
        pieces += [event.stream for event in piece]
        place = feed.Place.of(piece[-1])
    assert pieces == whole == [f"s{number}" for number in range(7)]
