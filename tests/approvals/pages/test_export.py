"""The queue as a file: exactly what the page lists, streamed, and safe in a spreadsheet."""

import csv
import io
import json
from datetime import timedelta

import pytest

from approvals import exporting
from approvals.exporting import COLUMNS, cell
from audit.models import Event
from tests.approvals.pages.common import queries_of


def file_of(client, query: str = "", format: str = "csv"):
    answer = client.get(f"/queue/export/?format={format}&{query}")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def lines_of(client, query: str = "") -> list[dict]:
    return list(csv.DictReader(io.StringIO(file_of(client, query).removeprefix("\ufeff"))))


def test_all_that_the_filters_match_is_in_it_in_the_queue_s_order(cast, as_, monkeypatch):
    monkeypatch.setattr(exporting, "CHUNK", 2)
    refs = [cast.ask(at=cast.now - timedelta(hours=n), customer="Acme").ref for n in range(5)]
    cast.ask(customer="Other")
    found = lines_of(as_("operator"), "view=all&q=Acme")
    assert [line["ref"] for line in found] == list(reversed(refs))


def test_a_line_says_what_the_row_says(cast, as_):
    item = cast.ask(ticket="ZD-1")
    [line] = lines_of(as_("operator"), "view=all")
    assert list(line) == list(COLUMNS)
    assert (line["ref"], line["amount"], line["currency"]) == (item.ref, "8800", "EUR")
    assert line["waiting_since"] == "2026-11-24T09:12:00Z"
    assert line["why"].startswith("Needs 1 more Finance approval")
    assert line["link"].endswith(f"/requests/{item.ref}/")


@pytest.mark.parametrize(
    "evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")']
)
def test_no_cell_is_a_formula(cast, as_, evil):
    assert cell(evil) == f"'{evil}"
    cast.ask(customer=f"{evil} GmbH".strip() or evil)
    [line] = lines_of(as_("operator"), "view=all")
    assert not line["customer"].startswith(exporting.FORMULA)


def test_names_of_all_scripts_survive(cast, as_):
    cast.ask(customer="مريم 🦄 “Łucja”, Ltd")
    [line] = lines_of(as_("operator"), "view=all")
    assert line["customer"] == "مريم 🦄 “Łucja”, Ltd"


def test_json_is_one_array_with_plain_numbers(cast, as_):
    assert json.loads(file_of(as_("operator"), "view=all", "json")) == []
    cast.ask(customer="=1")
    [line] = json.loads(file_of(as_("operator"), "view=all", "json"))
    assert (line["amount"], line["customer"], line["due_at"][-1]) == (8800, "=1", "Z")


def test_what_one_may_not_see_is_not_in_it(cast, as_):
    cast.ask()
    assert lines_of(as_("stranger"), "view=all") == []
    mine = cast.ask(by=cast.other_requester)
    assert mine.ref in {line["ref"] for line in lines_of(as_("other_requester"), "view=all")}


def test_an_export_is_an_event_of_the_person(cast, as_):
    file_of(as_("operator"), "view=stuck&kind=refund", "json")
    told = Event.objects.get(action="queue.export")
    assert told.stream == f"person/{cast.operator.person_key}"
    assert (told.facts["format"], "view=stuck" in told.facts["query"]) == ("json", True)


def test_an_unknown_format_is_refused_and_is_no_export(as_):
    assert as_("operator").get("/queue/export/?format=xlsx").status_code == 400
    assert not Event.objects.filter(action="queue.export").exists()


def test_the_first_lines_leave_before_the_last_are_read(cast, as_, monkeypatch):
    """Streamed: closing it in the middle reads no further."""
    monkeypatch.setattr(exporting, "CHUNK", 1)
    for _ in range(4):
        cast.ask()
    asked = []
    explained = exporting.queries.explained
    monkeypatch.setattr(
        exporting.queries, "explained", lambda items, now: asked.append(1) or explained(items, now)
    )
    answer = as_("operator").get("/queue/export/?view=all")
    stream = iter(answer.streaming_content)
    next(stream), next(stream)
    answer.close()
    assert len(asked) == 1


def test_a_list_that_is_too_long_is_refused_before_it_begins(cast, as_, monkeypatch):
    monkeypatch.setattr(exporting, "MOST", 2)
    for _ in range(2):
        cast.ask()
    assert len(lines_of(as_("operator"), "view=all")) == 2
    cast.ask()
    assert as_("operator").get("/queue/export/?view=all").status_code == 400
    assert Event.objects.filter(action="queue.export").count() == 1


def test_it_starts_with_a_few_questions(cast, as_):
    cast.ask()
    assert queries_of(as_("operator"), "/queue/export/?view=all") < 15
