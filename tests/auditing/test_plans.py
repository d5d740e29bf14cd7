"""However many events there are, a page reads along an index and stops: no filter scans or sorts all."""

from datetime import UTC, datetime

import pytest
from django.db.models import Q, QuerySet

from audit import months
from audit.models import Event, Outcome
from auditing import searching
from auditing.rules import readable_by
from auditing.searching import Place, Wanted
from tests import postgres
from tests.audit import attacker

pytestmark = pytest.mark.usefixtures("committed_db")
ROWS = 60_000
FULL = "audit_event_2026_01"
MANY = """
INSERT INTO audit_event (stream, seq, occurred_at, recorded_at, actor_type, actor_id, actor_label,
  on_behalf_of, auth_method, action, target_type, target_id, outcome, reason_code, reason, policy,
  changes, facts, context, key_hash, schema_version, prev_hash, hash, row, private_row, commitments)
SELECT 'request/ZZ-' || n / 8, n %% 8 + 1, at, at, (ARRAY['person', 'worker', 'clock'])[1 + n %% 3],
  (n %% 400)::text, 'Somebody', '', '', 'request.' || (ARRAY['start', 'note', 'hold'])[1 + n %% 3],
  CASE WHEN n %% 1000 = 0 THEN 'policy' ELSE 'request' END, 'ZZ-' || n / 8,
  CASE WHEN n %% 500 = 0 THEN 'denied' ELSE 'success' END, '', '', '', '[]', '{}',
  jsonb_build_object('correlation_id', 'cause-' || n / 5), '', 1, decode(repeat('00', 32), 'hex'),
  decode(repeat('00', 32), 'hex'), '{}', '{}', '{}'
FROM (SELECT n, timestamptz '2026-01-01' + n * interval '10 seconds' AS at
      FROM generate_series(1, %(rows)s) n) numbered
"""
PERIOD = {"since": "2026-01-02T00:00:00Z", "until": "2026-01-02T06:00:00Z"}
COMBINATIONS = {
    "everything": Wanted(),
    "a person": Wanted(actor="77"),
    "an action": Wanted(action="request.note"),
    "an action that never was": Wanted(action="audit.export"),
    "what was refused": Wanted(outcome=Outcome.DENIED),
    "what was done": Wanted(outcome=Outcome.SUCCESS),
    "one request": Wanted(target_type="request", target_id="ZZ-77"),
    "a type of object": Wanted(target_type="policy"),
    "an interaction": Wanted(interaction="cause-77"),
    "workers": Wanted(actor_type="worker"),
    "a person and an action": Wanted(actor="77", action="request.start"),
    "a person and what was refused": Wanted(actor="77", outcome=Outcome.DENIED),
    "an action and what was refused": Wanted(action="request.hold", outcome=Outcome.DENIED),
    "a person and a type": Wanted(actor="77", target_type="policy"),
    "all at once": Wanted(
        actor="77",
        action="request.note",
        outcome=Outcome.SUCCESS,
        target_type="request",
        target_id="ZZ-77",
        interaction="cause-77",
    ),
}


@pytest.fixture
def many(committed_db, cast) -> None:
    cast.ask()
    months.make("audit_event", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    attacker.change(committed_db, MANY, rows=ROWS)
    with postgres.admin(committed_db) as owner:
        owner.execute("ANALYZE")


def plans(monkeypatch, wanted: Wanted, readable: Q, **arguments) -> list[str]:
    """The plan of every question that one look asks."""
    found: list[str] = []
    fetch = QuerySet._fetch_all

    def explained(queryset: QuerySet) -> None:
        if queryset.model is Event and queryset._result_cache is None:
            found.append(queryset.explain())
        fetch(queryset)

    monkeypatch.setattr(QuerySet, "_fetch_all", explained)
    searching.look(wanted, readable, **arguments)
    monkeypatch.setattr(QuerySet, "_fetch_all", fetch)
    return found


def along_an_index(plan: str) -> bool:
    """The part that holds them all; others are empty, and scanned at no cost."""
    return "on audit_event" in plan and f"Seq Scan on {FULL}" not in plan


def test_every_combination_reads_along_an_index(many, cast, monkeypatch):
    readers = {
        "auditor": readable_by(cast.access(cast.auditor)),
        "operator": readable_by(cast.access(cast.operator)),
    }
    middle = Event.objects.order_by("recorded_at")[ROWS // 2]
    places = {"first": None, "later": Place(middle.recorded_at, middle.pk)}
    wrong = []
    for words, wanted in COMBINATIONS.items():
        for who, readable in readers.items():
            for where, place in places.items():
                for period in ({}, PERIOD):
                    asked = Wanted(**{**vars(wanted), **period})
                    for plan in plans(monkeypatch, asked, readable, after=place):
                        if not along_an_index(plan):
                            wrong.append(f"{words}, {who}, {where}:\n{plan}")
    assert wrong == []


def test_a_look_reads_no_more_than_it_may(many, cast):
    """What one look touches is bounded, for whoever sees next to nothing."""
    readable = readable_by(cast.access(cast.operator))
    looked = searching.look(Wanted(actor_type="person"), readable)
    assert looked.ended_early
    newest = Event.objects.order_by("-recorded_at", "-id")[searching.LONGEST_LOOK - 1]
    assert looked.next == Place(newest.recorded_at, newest.pk)


def test_an_action_that_stopped_is_not_looked_for_among_all_events(many, committed_db, monkeypatch):
    """It was frequent in this month, so going along all events would seem to find it soon."""
    attacker.change(
        committed_db, "UPDATE audit_event SET action = 'request.start' WHERE id > 30000"
    )
    with postgres.admin(committed_db) as owner:
        owner.execute("VACUUM ANALYZE audit_event")
    found = plans(monkeypatch, Wanted(action="request.note"), Q())
    assert f"Index Only Scan Backward using {FULL}_action_recorded_at_id_idx" in found[0]
