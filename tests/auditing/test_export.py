"""The record as a file: recorded first, one line an event, no formula, and with what proves it."""

import csv
import io
import json

import pytest

from approvals.exporting import FORMULA
from audit.models import Event
from audit.recorder import Target
from auditing import exporting, searching
from tests.auditing.common import hash_of, tell

pytestmark = pytest.mark.usefixtures("db")
EVIL = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r\n=HYPERLINK(1)",
    "＝1＋1",
    "  =1",
    "\u200b=cmd|' /C calc'!A0",
]
BREAKING = "one\r\ntwo\nthree\u2028four\u2029five\x85six\x0bseven\x0ceight \u202eevil\u2066"


def taken(client, format: str, **filters: str) -> str:
    answer = client.post("/audit/export/", {"format": format, **filters})
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def rows(client, **filters: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(taken(client, "csv", **filters).removeprefix("\ufeff"))))


def lines(client, format: str, **filters: str) -> list[dict]:
    return [json.loads(line) for line in taken(client, format, **filters).splitlines()]


def test_exactly_what_the_filters_list_is_in_it_newest_first(cast, as_, monkeypatch):
    monkeypatch.setattr(searching, "CHUNK", 3)
    monkeypatch.setattr(searching, "LONGEST_LOOK", 4)
    denied = [tell(cast.now, outcome="denied", reason=str(n)) for n in range(8)]
    for _ in range(5):
        tell(cast.now)
    found = rows(as_("auditor"), what="person.settings", outcome="denied")
    assert [row["reason"] for row in found] == [event.reason for event in reversed(denied)]


def test_a_row_says_when_who_what_and_where_it_stands_in_the_chain(cast, as_):
    event = tell(cast.now, reason="Łucja said “no”, 🦄", facts={"a": [1]})
    [row] = rows(as_("auditor"), who="77")
    assert list(row) == list(exporting.COLUMNS)
    assert (row["stream"], row["seq"]) == (event.stream, str(event.seq))
    assert (row["hash"], row["prev_hash"]) == (event.hash.hex(), event.prev_hash.hex())
    assert row["occurred_at"] == "2026-11-24T09:12:00.000000Z"
    assert (row["reason"], row["facts"]) == ("Łucja said “no”, 🦄", '{"a": [1]}')
    assert row["sentence"] == "Own settings changed"


@pytest.mark.parametrize("evil", EVIL)
def test_no_cell_is_a_formula(cast, as_, evil):
    tell(cast.now, reason=evil, reason_code=evil[:60], policy=evil, facts={"x": evil})
    [row] = rows(as_("auditor"), who="77")
    for name, value in row.items():
        assert not value.startswith(FORMULA), (name, value)
        assert not value.lstrip().startswith(FORMULA), (name, value)


@pytest.mark.parametrize("format", exporting.FORMATS)
def test_one_line_an_event_whatever_stands_in_it(cast, as_, format):
    """T4.12"""
    for _ in range(3):
        tell(cast.now, reason=BREAKING, changes=[{"field": "f", "before": BREAKING, "after": ""}])
    file = taken(as_("auditor"), format, who="77")
    header = 1 if format == "csv" else 0
    assert len(file.splitlines()) == 3 + header
    assert file.endswith("\n")
    for character in "\u202e\u2066\u2028\u2029\x85\x0b\x0c":
        assert character not in file


def test_a_megabyte_is_one_line_too(cast, as_):
    tell(cast.now, reason="a\n" * 500_000)
    [line] = lines(as_("auditor"), "jsonl", who="77")
    assert line["reason"] == "a\n" * 500_000
    assert len(taken(as_("auditor"), "csv", who="77").splitlines()) == 2


def test_a_line_of_json_holds_all_that_its_hash_was_made_of(cast, as_):
    """Whoever has the file computes the hashes again, from nothing else."""
    item = cast.approve(cast.ask())
    found = lines(as_("auditor"), "jsonl", object=item.ref)
    assert [line["seq"] for line in found] == [2, 1]
    for line in found:
        assert hash_of(line) == line["hash"]
    assert found[0]["prev_hash"] == found[1]["hash"]


def test_an_export_is_recorded_before_it_leaves(cast, as_):
    tell(cast.now)
    taken(as_("auditor"), "ocsf", who="77", object="person/77")
    event = Event.objects.get(action="audit.export")
    assert event.stream == f"person/{cast.auditor.person_key}"
    assert event.facts == {
        "filters": {"who": "77", "object": "person/77"},
        "format": "ocsf",
    }


def test_each_export_is_recorded(cast, as_):
    for _ in range(2):
        taken(as_("auditor"), "csv", who="77")
    assert Event.objects.filter(action="audit.export").count() == 2


@pytest.mark.parametrize(
    "body",
    [{"format": "xlsx"}, {}, {"format": "csv", "what": "x.y"}, {"format": "csv", "since": "never"}],
)
def test_what_cannot_be_exported_is_refused_and_is_no_export(as_, body):
    assert as_("auditor").post("/audit/export/", body).status_code == 400
    assert not Event.objects.filter(action="audit.export").exists()


def test_a_nul_in_a_form_takes_nothing_out(as_):
    answer = as_("auditor").post("/audit/export/", {"format": "csv", "who": "a\x00b"})
    assert answer.status_code == 400
    assert not Event.objects.filter(action="audit.export").exists()


def test_the_first_lines_leave_before_the_last_are_read(cast, as_, monkeypatch):
    """Constant memory: a chunk at a time, and closing it in the middle reads no further."""
    monkeypatch.setattr(searching, "CHUNK", 2)
    for _ in range(9):
        tell(cast.now)
    asked, look = [], searching.look
    monkeypatch.setattr(searching, "look", lambda *a, **k: asked.append(1) or look(*a, **k))
    answer = as_("auditor").post("/audit/export/", {"format": "jsonl", "who": "77"})
    stream = iter(answer.streaming_content)
    next(stream)
    answer.close()
    assert len(asked) == 1


def test_new_events_meanwhile_change_nothing_of_what_is_under_way(cast, as_, monkeypatch):
    monkeypatch.setattr(searching, "CHUNK", 2)
    old = [tell(cast.now).seq for _ in range(5)]
    answer = as_("auditor").post("/audit/export/", {"format": "jsonl", "who": "77"})
    found = []
    for line in answer.streaming_content:
        found.append(json.loads(line)["seq"])
        tell(cast.now)
    assert found == list(reversed(old))


# --- OCSF ------------------------------------------------------------------------------------------

REQUIRED = {
    *("class_uid", "category_uid", "activity_id", "type_uid", "time", "severity_id", "metadata"),
    *("status_id", "actor", "src_endpoint"),
}


def test_every_event_has_the_required_fields_of_ocsf(cast, as_):
    cast.run(cast.approve(cast.ask()))
    for event in lines(as_("auditor"), "ocsf"):
        assert set(event) >= REQUIRED
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["category_uid"] == event["class_uid"] // 1000
        assert event["metadata"]["product"]["name"] == "Approval Queue"
        assert event["unmapped"]["hash"]
        assert event["src_endpoint"].keys() & {"ip", "name"}
        needs = {3001: "user", 3002: "user", 6003: "api"}[event["class_uid"]]
        assert event[needs]


def test_a_sign_in_is_authentication_and_a_refused_one_a_failure(cast, as_, client):
    client.post("/accounts/login/", {"login": "nobody@demo.test", "password": "wrong"})
    found = lines(as_("auditor"), "ocsf", what="person.sign_in")
    assert {one["type_uid"] for one in found} == {300201}
    assert {one["status_id"] for one in found} == {1, 2}


def test_an_edit_of_an_account_is_account_change_and_the_rest_api_activity(cast, as_):
    tell(cast.now, action="admin.delete", facts={"name": "Ann"})
    from_user = tell(
        cast.now, action="admin.delete", target=Target("user", "5"), facts={"name": "Ann"}
    )
    tell(cast.now, action="audit.export", outcome="denied", reason="No.", reason_code="no-grant")
    found = {one["metadata"]["uid"]: one for one in lines(as_("auditor"), "ocsf", who="77")}
    by_type = sorted(one["type_uid"] for one in found.values())
    assert by_type == [300106, 600302, 600304]
    assert found[f"{from_user.stream}#{from_user.seq}"]["user"]["name"] == "Ann"
    [read] = [one for one in found.values() if one["type_uid"] == 600302]
    assert (read["status"], read["status_code"], read["status_detail"]) == (
        "Failure",
        "no-grant",
        "No.",
    )
