"""The hash of an event can be computed again from what the database gives back."""

import threading
from datetime import datetime, timedelta, timezone

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import chain, correlation
from audit.models import Event
from audit.recorder import Actor, Target, record
from audit.verify import verify

SOMEBODY = Actor(type="person", id="0", label="Somebody")
STREAM = "person/0"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
WHOLE = st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
JSON = st.dictionaries(
    TEXT,
    st.recursive(
        st.none() | st.booleans() | WHOLE | TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
        max_leaves=6,
    ),
    max_size=4,
)


def record_something(at: datetime, **fields: object) -> Event:
    with transaction.atomic():
        return record(
            stream=STREAM,
            action="something",
            actor=SOMEBODY,
            target=Target("thing", "1"),
            at=at,
            **fields,
        )


def rebuilt(event: Event) -> bytes:
    again = Event.objects.get(pk=event.pk)
    return chain.link(bytes(again.prev_hash), again)


@pytest.mark.parametrize(
    "reason",
    [
        "Zoë está contenta. Γειά. 你好",
        "🙈 👩‍👩‍👧 🇳🇴",
        "first\r\nsecond\rthird\nfourth\ttab",
        "e\u0301 is not \u00e9",
        "\u202eright to left\u202c",
        "\u2028 \u2029 \ufeff \x7f \x01",
        'quotes " and \\ backslash \\u0041',
        "a" * 1_000_000,
        "",
    ],
    ids=["scripts", "emoji", "CR LF", "decomposed", "bidi", "odd", "quotes", "1 MB", "empty"],
)
def test_text_comes_back_with_the_same_hash(db, now, reason):
    """T4.12"""
    event = record_something(now, reason=reason)
    assert rebuilt(event) == event.hash


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(reason=TEXT, facts=JSON, changes=st.lists(JSON, max_size=2))
def test_any_text_and_any_facts_come_back_with_the_same_hash(db, now, reason, facts, changes):
    """T4.12"""
    with transaction.atomic():
        event = record_something(now, reason=reason, facts=facts, changes=changes)
        assert rebuilt(event) == event.hash
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    "facts",
    [{"number": 1.5}, {"number": 1.0}, {"number": 0.1}, {"number": -0.0}, {"number": 2**53 - 1}],
    ids=lambda facts: str(facts["number"]),
)
def test_numbers_come_back_with_the_same_hash(db, now, facts):
    event = record_something(now, facts=facts)
    assert rebuilt(event) == event.hash


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 11, 24, 9, 12, 0, 1, tzinfo=timezone.utc),  # noqa: UP017 - beside the other
        datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        datetime(1, 1, 2, tzinfo=timezone.utc),  # noqa: UP017
    ],
    ids=["microsecond", "another zone", "year 1"],
)
def test_times_come_back_with_the_same_hash(db, at):
    event = record_something(at)
    assert rebuilt(event) == event.hash


def test_the_correlation_comes_back_with_the_same_hash(db, now):
    """T4.9"""
    with correlation.correlated(request_id="r-1", source_ip="192.0.2.1"):
        event = record_something(now)
    assert rebuilt(event) == event.hash


def test_the_first_event_follows_nothing(db, now):
    assert record_something(now).prev_hash == chain.FIRST


def test_an_event_follows_the_one_before_it(db, now):
    first = record_something(now)
    assert record_something(now).prev_hash == first.hash


def test_the_order_of_facts_does_not_matter(db, now):
    event = record_something(now, facts={"a": 1, "b": 2})
    event.facts = {"b": 2, "a": 1}
    assert chain.link(event.prev_hash, event) == event.hash


def test_an_idempotency_key_is_kept_as_its_hash_only(db, now):
    """T4.10"""
    event = record_something(now, key="key-secret")
    assert "key-secret" not in chain.canonical(event).decode()


def test_eight_writers_on_one_stream_leave_no_gap(committed_db, now):
    """T4.6"""
    ready = threading.Barrier(8)
    errors: list[BaseException] = []

    def write() -> None:
        try:
            ready.wait(timeout=30)
            for _ in range(5):
                record_something(now)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert errors == []
    numbers = Event.objects.filter(stream=STREAM).order_by("id").values_list("seq", flat=True)
    assert sorted(numbers) == list(range(1, 41))
    assert verify(STREAM).is_intact
