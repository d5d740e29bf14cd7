"""How money, times and names are written, and read."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import wording
from approvals.currencies import DIGITS
from approvals.wording import MalformedMoney, clock, decimal, duration, money, parse_money

NOW = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (124_000, "EUR", "EUR 1,240.00"),
        (1, "EUR", "EUR 0.01"),
        (0, "EUR", "EUR 0.00"),
        (-550, "EUR", "EUR -5.50"),
        (1240, "JPY", "JPY 1,240"),
        (1_240_500, "KWD", "KWD 1,240.500"),
        (10**12, "EUR", "EUR 10,000,000,000.00"),
    ],
)
def test_money_is_written_with_its_currency_and_digits(amount, currency, written):
    assert money(amount, currency) == written
    assert f"{currency} {decimal(amount, currency)}" == written.replace(",", "")


@pytest.mark.parametrize(
    ("typed", "currency", "amount"),
    [
        ("1,240.00", "EUR", 124_000),
        ("1240", "EUR", 124_000),
        ("1240.50", "EUR", 124_050),
        (" EUR 12.00 ", "EUR", 1_200),
        ("0.01", "EUR", 1),
        ("1,240", "JPY", 1_240),
        ("1.500", "KWD", 1_500),
    ],
)
def test_money_is_read_as_people_write_it(typed, currency, amount):
    assert parse_money(typed, currency) == amount


@pytest.mark.parametrize(
    ("typed", "currency"),
    [
        ("", "EUR"),
        ("0", "EUR"),
        ("0.00", "EUR"),
        ("-5", "EUR"),
        ("+5", "EUR"),
        ("1.5", "EUR"),
        ("1.555", "EUR"),
        ("12.", "EUR"),
        (".50", "EUR"),
        ("1,24", "EUR"),
        ("1.240,00", "EUR"),
        ("12,3456", "EUR"),
        ("1 240", "EUR"),
        ("1e3", "EUR"),
        ("0x10", "EUR"),
        ("\u0661\u0662", "EUR"),
        ("USD 12.00", "EUR"),
        ("nan", "EUR"),
        ("12.5", "JPY"),
        ("9" * 14, "EUR"),
        ("9" * 5000, "EUR"),
        ("1\n2", "EUR"),
        ("0,500", "EUR"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_everything_doubtful_is_refused_with_a_sentence(typed, currency):
    with pytest.raises(MalformedMoney) as caught:
        parse_money(typed, currency)
    assert str(caught.value).endswith(".")


@given(amount=st.integers(1, 10**12), currency=st.sampled_from(sorted(DIGITS)))
def test_what_is_written_is_read_as_the_same_amount(amount, currency):
    assert parse_money(money(amount, currency), currency) == amount


@given(typed=st.text(max_size=20), currency=st.sampled_from(["EUR", "JPY", "KWD"]))
def test_any_text_is_read_as_a_positive_amount_or_refused(typed, currency):
    try:
        assert parse_money(typed, currency) > 0
    except MalformedMoney:
        pass


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (NOW, "09:12 UTC"),
        (NOW.replace(hour=0, minute=0), "00:00 UTC"),
        (NOW + timedelta(days=1), "Wed 25 Nov 09:12 UTC"),
        (NOW - timedelta(days=20), "Wed 4 Nov 09:12 UTC"),
        (datetime(2027, 1, 1, 0, 5, tzinfo=UTC), "Fri 1 Jan 2027 00:05 UTC"),
        (NOW.astimezone(timezone(timedelta(hours=14))), "09:12 UTC"),
    ],
)
def test_a_time_names_its_day_and_year_where_they_differ(at, written):
    assert clock(at, NOW) == written


@pytest.mark.parametrize(
    ("length", "written"),
    [
        (timedelta(0), "under 1 min"),
        (timedelta(seconds=59), "under 1 min"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=28, seconds=59), "28 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(hours=3, minutes=12), "3 h 12 min"),
        (timedelta(days=2), "2 d"),
        (timedelta(days=2, hours=4, minutes=50), "2 d 4 h"),
        (timedelta(hours=-3), "3 h"),
    ],
)
def test_a_duration_reads_as_people_say_it(length, written):
    assert duration(length) == written


def test_relative_times_look_forward_and_back():
    assert (
        wording.relative(NOW + timedelta(minutes=4), NOW),
        wording.relative(NOW - timedelta(minutes=4), NOW),
    ) == ("in 4 min", "4 min ago")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Ines Weber", "I. Weber"),
        ("Maria del Pilar", "M. del Pilar"),
        (" Ines  Weber ", "I. Weber"),
        ("Plato", "Plato"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_names_are_shortened(name, short):
    assert wording.short_name(name) == short


@pytest.mark.parametrize(
    ("words", "written"),
    [([], ""), (["A"], "A"), (["A", "B"], "A and B"), (["A", "B", "C"], "A, B and C")],
)
def test_lists_read_as_sentences(words, written):
    assert wording.listed(words) == written


def test_short_text_stays():
    assert wording.shortened("a  b\nc", 10) == "a b c"


def test_long_text_is_cut_at_a_word():
    assert wording.shortened("one two three", 10) == "one two…"


def test_a_word_too_long_for_its_place_is_cut_itself():
    assert wording.shortened("W. Featherstonehaugh", 12) == "W. Feathers…"


@given(text=st.text(), length=st.integers(1, 40))
def test_text_is_never_longer_than_asked(text, length):
    assert len(wording.shortened(text, length)) <= length


@pytest.mark.parametrize(
    "hidden", ["\u202e", "\u200b", "\u2066", "\ufeff", "\x00", "\x1b", "\ue000", "\ud83d"]
)
def test_what_cannot_be_seen_is_taken_out(hidden):
    assert wording.visible(f"pay{hidden}ment") == "payment"


@given(text=st.text())
def test_visible_text_stays_as_it_is(text):
    assert wording.visible(wording.visible(text)) == wording.visible(text)
