"""Status, time, money and names: written in one way everywhere."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from approvals.templatetags.components import ICON_OF_TONE
from approvals.views.parts.example import (
    ARABIC,
    EMOJI,
    HEBREW,
    LONG,
    Example,
    Part,
    as_person,
    component,
    of,
)
from approvals.wording import MalformedMoney, money, parse_money

LABELS = {
    "waiting": "Waiting for Finance",
    "running": "Sending to Stripe",
    "retrying": "Retrying, 2 of 8",
    "unknown": "Outcome unknown",
    "failed": "Needs a person",
    "done": "Done",
    "neutral": "Withdrawn",
}


def parts(now: datetime) -> list[Part]:
    return [_tag(), _when(now), _money(), _person()]


def _tag() -> Part:
    tags = [{"tone": tone, "label": LABELS[tone]} for tone in ICON_OF_TONE]
    odd = [
        {"tone": "something new", "label": "A tone that nobody knows"},
        {"tone": "waiting", "label": f"Sent back to {HEBREW}"},
        {"tone": "waiting", "label": f"Sent back to {LONG}"},
    ]
    return Part(
        "tag",
        "Tag",
        "The status of a request in two or three words, with a shape. Flat: it is never pressed.",
        [component("tag")],
        of("approvals/parts/tags.html", {"Every tone": {"tags": tags}, "At worst": {"tags": odd}}),
    )


def _when(now: datetime) -> Part:
    times = [
        ("Soon", now + timedelta(minutes=4)),
        ("A while ago", now - timedelta(hours=3, minutes=12)),
        ("Another day", now + timedelta(days=2, hours=5)),
        ("Another year", now - timedelta(days=400)),
        ("None", None),
    ]
    return Part(
        "when",
        "When",
        "A moment. Absolute and in UTC, the reader’s own time where it differs, and how far away.",
        ["approvals/templatetags/wording.py"],
        [
            Example("Read in UTC", "approvals/parts/times.html", _read_in(now, None, "", times)),
            Example(
                "Read in Athens",
                "approvals/parts/times.html",
                _read_in(now, ZoneInfo("Europe/Athens"), "Athens", times),
            ),
            Example(
                "Read where the day is another one",
                "approvals/parts/times.html",
                _read_in(now, ZoneInfo("Pacific/Kiritimati"), "Kiritimati", times[:2]),
            ),
        ],
    )


def _read_in(now: datetime, zone: ZoneInfo | None, city: str, times: list) -> dict:
    rows = [{"label": label, "at": at} for label, at in times]
    return {"times": rows, "clock": {"at": now.astimezone(UTC), "zone": zone, "city": city}}


def _money() -> Part:
    amounts = {
        "Small": money(5, "EUR"),
        "Ordinary": money(124_000, "EUR"),
        "Huge": money(9_999_999_999_999, "USD"),
        "No minor unit": money(124_000, "JPY"),
        "Three digits": money(1_240_500, "KWD"),
        "Below zero": money(-124_000, "EUR"),
    }
    refused = {
        f"“{typed}”": _refusal(typed, currency)
        for typed, currency in (("-5.00", "EUR"), ("0.00", "EUR"), ("12.5", "JPY"), ("1.2", "KWD"))
    }
    return Part(
        "money",
        "Money",
        "An amount: the code of the currency first, in minor units inside and never rounded.",
        ["approvals/wording.py"],
        of(
            component("facts_list"),
            {
                "Written": {"facts": _facts(amounts)},
                "Typed, and refused": {"facts": _facts(refused)},
            },
        ),
    )


def _refusal(typed: str, currency: str) -> str:
    try:
        return money(parse_money(typed, currency), currency)
    except MalformedMoney as refused:
        return str(refused)


def _person() -> Part:
    names = {
        "Ordinary": "Ines Weber",
        "One word": "Madonna",
        "200 characters": LONG,
        "Right to left": HEBREW,
        "Right to left, joined": ARABIC,
        "With signs": EMOJI,
        "Turns the direction": "Ann\u202e Silva",
    }
    return Part(
        "person",
        "Person",
        "Who did or can do it: initial and family name, at most 30 characters, in the sentence.",
        ["approvals/wording.py"],
        of(
            component("facts_list"),
            {"Names": {"facts": _facts({kind: as_person(name) for kind, name in names.items()})}},
        ),
    )


def _facts(values: dict[str, str]) -> list[dict]:
    return [{"label": label, "value": value} for label, value in values.items()]
