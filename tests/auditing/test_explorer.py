"""The list: filters, garbage in each of them, and pages that show every event once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals.commands import operate
from audit import correlation
from audit.models import Event
from audit.recorder import Actor, Target
from auditing import searching
from tests.approvals.pages.common import queries_of, text
from tests.auditing.common import actions, cursor_in, listed, tell

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def auditor(as_):
    return as_("auditor")


def ids(*events: Event) -> list[int]:
    return [event.pk for event in events]


def test_newest_first_with_seconds_who_what_and_why(cast, auditor):
    item = cast.ask()
    operate.note(
        ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="<b>It waits.</b>"
    )
    page = auditor.get("/audit/?to=2026-11-24")
    assert actions(page)[:2] == ["request.note", "request.submit"]
    shown = text(page)
    assert "09:15:00 UTC" in shown
    assert "happened" in shown
    assert "&lt;b&gt;It waits.&lt;/b&gt;" in shown
    assert f'href="/requests/{item.ref}/"' in shown
    assert cast.operator.name in shown


# --- Filters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["Eleni Markou", "ops@demo.test", "eleni", "{pk}"])
def test_who_by_name_address_or_number(cast, auditor, who):
    item = cast.ask()
    operate.note(ref=item.ref, by=cast.operator, at=cast.now, key=cast.key(), reason="Seen.")
    found = auditor.get("/audit/", {"who": who.format(pk=cast.operator.pk)})
    assert actions(found) == ["request.note"]


def test_a_name_that_may_be_several_is_asked_about(auditor):
    page = auditor.get("/audit/", {"who": "demo.test"})
    assert page.status_code == 422
    assert "may be several people" in text(page)
    assert text(page).count('data-size="small" href="/audit/?who=') == 10


def test_who_may_be_a_machine(cast, auditor):
    clock = tell(cast.now, actor=Actor("clock", "clock", "Approval Queue"))
    assert listed(auditor.get("/audit/", {"who": "clock"})) == ids(clock)


def test_what_outcome_and_object(cast, auditor):
    refund = cast.ask()
    policy = tell(cast.now, action="policy.load", target=Target("policy", "r2"), stream="policy/r2")
    denied = tell(cast.now, outcome="denied", target=Target("request", refund.ref))
    submit = Event.objects.get(stream=refund.stream)
    for query, wanted in [
        ({"what": "request.submit"}, [submit]),
        ({"outcome": "denied"}, [denied]),
        ({"object": refund.ref.lower()}, [denied, submit]),
        ({"object": "policy/r2"}, [policy]),
        ({"object": refund.ref, "outcome": "success"}, [submit]),
        ({"object": refund.ref, "what": "person.settings", "who": "77"}, [denied]),
        ({"object": refund.ref, "what": "person.settings", "who": str(cast.operator.pk)}, []),
    ]:
        assert listed(auditor.get("/audit/", query)) == ids(*wanted), query
    assert policy.pk in listed(auditor.get("/audit/", {"object": "policy"}))


def test_all_events_of_one_interaction(cast, auditor):
    with correlation.correlated(correlation_id="a.b-c_1"):
        events = [tell(cast.now), tell(cast.now, stream="person/y")]
    tell(cast.now)
    assert listed(auditor.get("/audit/", {"interaction": "a.b-c_1"})) == ids(*reversed(events))
    details = text(auditor.get(f"/audit/events/{events[0].pk}/"))
    assert 'href="/audit/?interaction=a.b-c_1"' in details


def test_days_are_whole_and_in_utc(cast, auditor, monkeypatch):
    events = []
    for offset in (timedelta(days=-1, hours=-9, minutes=-16), timedelta(hours=-9, minutes=-15)):
        monkeypatch.setattr(timezone, "now", lambda offset=offset: cast.now + offset + OFFSET)
        events.append(tell(cast.now))
    monkeypatch.setattr(timezone, "now", lambda: cast.now + OFFSET)
    before, midnight = events
    assert str(midnight.recorded_at).startswith("2026-11-24 00:00")
    assert str(before.recorded_at).startswith("2026-11-22 23:59")
    only = {"what": "person.settings"}
    assert listed(auditor.get("/audit/", {**only, "since": "2026-11-24"})) == ids(midnight)
    assert listed(auditor.get("/audit/", {**only, "to": "2026-11-23"})) == ids(before)
    both = {**only, "since": "2026-11-22", "to": "2026-11-24"}
    assert listed(auditor.get("/audit/", both)) == ids(midnight, before)


OFFSET = timedelta(minutes=3)
LONG = "x" * 201


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"who": "\u202enobody"}, "Nobody is called “nobody”"),
        ({"who": LONG}, "at most 200"),
        ({"what": "request.explode"}, "There is no such action."),
        ({"what": "' OR 1=1 --"}, "There is no such action."),
        ({"outcome": "maybe"}, "There is no such outcome."),
        ({"object": "\u202eRF-1"}, "Write a reference"),
        ({"object": "nothing"}, "Write a reference"),
        ({"object": "RF-" + "9" * 16}, "Write a reference"),
        ({"object": LONG}, "at most 200"),
        ({"object": "RF-١٢"}, "Write a reference"),
        ({"interaction": LONG}, "at most 200"),
        ({"since": "2026-13-45"}, "Write a day like 2026-11-24."),
        ({"since": "yesterday"}, "Write a day like 2026-11-24."),
        ({"since": "0001-01-01"}, "Write a day of this millennium."),
        ({"to": "9999-12-31"}, "Write a day of this millennium."),
        ({"since": "2026-11-24", "to": "2026-11-23"}, "The last day is before the first."),
        ({"to": "٢٠٢٦-11-24"}, ""),
    ],
)
def test_what_cannot_be_understood_is_said_and_nothing_is_listed(cast, auditor, query, sentence):
    """A filter that is silently ignored would list what nobody asked for."""
    tell(cast.now)
    before = Event.objects.count()
    page = auditor.get("/audit/", query)
    assert page.status_code in (200, 422)
    if sentence:
        assert page.status_code == 422
        assert sentence in text(page)
        assert 'scope="row"' not in text(page)
        assert Event.objects.count() == before
    assert "\u202e" not in text(page).replace('value="\u202e', "")


@pytest.mark.parametrize("name", ["who", "what", "outcome", "object", "interaction", "since", "to"])
def test_a_character_that_cannot_be_stored_is_refused_in_every_filter(auditor, name):
    assert auditor.get("/audit/", {name: "a\x00b"}).status_code == 400


@pytest.mark.parametrize("name", ["who", "object", "interaction"])
def test_half_a_character_breaks_nothing(auditor, name):
    assert auditor.get(f"/audit/?{name}=%ED%A0%80").status_code in (200, 400, 422)


@pytest.mark.parametrize("cursor", ["x", "1", "a:b:c", "\u202e", "x" * 5000])
def test_a_cursor_that_is_not_ours_is_refused(auditor, cursor):
    assert auditor.get("/audit/", {"cursor": cursor}).status_code == 400


def test_filters_that_are_on_can_be_taken_off(cast, auditor):
    page = text(auditor.get("/audit/?outcome=denied&object=RF-1"))
    assert 'href="/audit/?object=RF-1"' in page
    assert "No event matches these filters." in page


# --- Pages -----------------------------------------------------------------------------------------


def paged(client, query: dict, *, meanwhile=lambda: None) -> list[int]:
    """All ids, page by page; `meanwhile` happens between two pages."""
    found, cursor = [], None
    while cursor != "":
        page = client.get("/audit/", {**query, **({"cursor": cursor} if cursor else {})})
        found += listed(page)
        meanwhile()
        cursor = cursor_in(page)
    return found


def test_every_event_stands_on_exactly_one_page_while_new_ones_arrive(cast, auditor, monkeypatch):
    monkeypatch.setattr(searching, "PAGE", 5)
    old = [tell(cast.now, stream=f"person/{n % 3}").pk for n in range(17)]  # all in one moment
    found = paged(auditor, {"what": "person.settings"}, meanwhile=lambda: tell(cast.now))
    assert found == list(reversed(old))


def test_a_look_ends_after_so_many_events_and_the_next_goes_on(cast, auditor, monkeypatch):
    """However rare what is wanted, one page looks through a bounded number of events."""
    monkeypatch.setattr(searching, "LONGEST_LOOK", 4)
    rare = tell(cast.now, actor=Actor("clock", "clock", "Approval Queue"))
    for _ in range(10):
        tell(cast.now)
    first = auditor.get("/audit/", {"who": "clock"})
    assert "Looked through 5,000 events" in text(first)
    assert "Nothing among the" in text(first)
    assert paged(auditor, {"who": "clock"}) == ids(rare)


def test_people_with_some_queues_page_through_theirs(cast, as_, monkeypatch):
    monkeypatch.setattr(searching, "LONGEST_LOOK", 3)
    mine = [Event.objects.get(stream=cast.ask().stream).pk for _ in range(4)]
    for _ in range(7):
        tell(cast.now)
    found = paged(as_("operator"), {"what": "request.submit"})
    assert found == list(reversed(mine))
    assert paged(as_("operator"), {}) == list(reversed(mine))


def test_nothing_is_counted_and_questions_are_few(cast, auditor):
    for _ in range(60):
        tell(cast.now)
    assert queries_of(auditor, "/audit/") <= 12
    assert queries_of(auditor, "/audit/?who=77&outcome=success&object=person/77") <= 12
    assert queries_of(auditor, f"/audit/events/{tell(cast.now).pk}/") <= 12
    assert queries_of(auditor, "/audit/verify/") <= 12


def test_a_part_of_the_page_is_given_to_the_script(cast, auditor):
    page = auditor.get("/audit/?outcome=denied", headers={"HX-Request": "true"})
    assert text(page).lstrip().startswith('<div id="region">')
    assert "<html" not in text(page)


# --- One event -------------------------------------------------------------------------------------


def test_an_event_shows_everything_that_was_recorded_of_it(cast, auditor):
    with correlation.correlated(
        request_id="req-1", correlation_id="cause-1", source_ip="192.0.2.7"
    ):
        event = tell(
            cast.now,
            reason="Because \u202e<i>.",
            reason_code="some-rule",
            policy="refunds 3",
            changes=[{"field": "amount", "before": "1", "after": None}],
            facts={"fields": ["a", "b"], "deep": {"<x>": 1}},
            key="K",
            outcome="denied",
        )
    page = text(auditor.get(f"/audit/events/{event.pk}/"))
    for words in (
        *("req-1", "cause-1", "192.0.2.7", "some-rule", "refunds 3", "Somebody", "person 77"),
        *(event.hash.hex(), event.prev_hash.hex(), event.key_hash, "amount", "empty"),
        *("Because &lt;i&gt;.", "&lt;x&gt;", "Refused: settings", "person/x"),
    ):
        assert words in page, words
    assert "\u202e" not in page


def test_neighbours_of_the_chain_are_linked(cast, auditor):
    first, second, third = (tell(cast.now) for _ in range(3))
    page = text(auditor.get(f"/audit/events/{second.pk}/"))
    assert f'href="/audit/events/{first.pk}/"' in page
    assert f'href="/audit/events/{third.pk}/"' in page


def test_an_event_whose_facts_are_not_those_of_its_sentence_is_shown(cast, auditor):
    event = tell(cast.now, action="audit.export", facts={"format": None})
    strange = tell(cast.now, action="person.unheard_of")
    page = text(auditor.get("/audit/"))
    assert "The record was exported as none" in page
    assert "person.unheard_of" in page
    for one in (event, strange):
        assert auditor.get(f"/audit/events/{one.pk}/").status_code == 200
