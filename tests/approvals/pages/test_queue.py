"""The queue and its rows."""

import re

import pytest

from approvals import queries
from tests.approvals.pages.common import queries_of, text


@pytest.mark.parametrize("who", ["operator", "approver", "auditor"])
@pytest.mark.parametrize("view", ["", "me", "stuck", "people", "systems", "all", "nonsense"])
def test_the_queue_has_all_its_views(cast, as_, who, view):
    cast.ask()
    assert as_(who).get("/queue/", {"view": view}).status_code == 200


def test_the_queue_shows_why_a_request_waits(cast, as_):
    item = cast.ask()
    page = text(as_("operator").get("/queue/"))
    assert item.ref in page
    assert "Needs 1 more Finance approval since 09:12 UTC (3 min)." in page


def test_the_queue_shows_nothing_to_a_stranger(cast, as_):
    item = cast.ask()
    assert item.ref not in text(as_("stranger").get("/queue/"))


def test_the_queue_of_a_superuser_without_team_is_empty(cast, as_):
    """T7.6."""
    item = cast.ask()
    assert item.ref not in text(as_("superuser").get("/queue/"))


def test_text_of_unknown_people_is_shown_as_text(cast, as_):
    cast.ask(customer="<script>alert(1)</script>")
    page = text(as_("operator").get("/queue/"))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "query",
    [
        {"q": "ZD-1"},
        {"q": "'; DROP TABLE"},
        {"q": "%"},
        {"q": "x" * 500},
        {"kind": "refund"},
        {"kind": "loan"},
        {"team": "1"},
        {"team": "abc"},
        {"team": "9" * 30},
        {"due": "overdue"},
        {"due": "2h"},
        {"due": "whenever"},
        {"state": "done"},
        {"state": "new"},
        {"view": ["me", "all"]},
        {"colour": "red"},
    ],
    ids=str,
)
def test_any_filter_gives_a_page(cast, as_, query):
    cast.ask()
    assert as_("operator").get("/queue/", query).status_code == 200


def test_a_search_finds_by_ticket(cast, as_):
    first, second = cast.ask(), cast.ask()
    page = text(as_("operator").get("/queue/", {"q": first.ticket}))
    assert (f"/requests/{first.ref}/" in page, f"/requests/{second.ref}/" in page) == (True, False)


@pytest.mark.parametrize("cursor", ["x", "a:b:c", "", "9" * 3000, "\u2028", "../.."])
def test_a_page_address_that_is_not_ours_is_a_bad_request(cast, as_, cursor):
    response = as_("operator").get("/queue/", {"cursor": cursor})
    assert response.status_code == (400 if cursor else 200)


@pytest.mark.parametrize(
    "path",
    [
        "/queue/?q=%00",
        "/queue/?cursor=%00",
        "/lookup/?q=a%00b",
        "/go/?q=%00",
        "/decisions/?show=%00",
        "/requests/new/refund/?order=%00",
    ],
)
def test_nul_in_a_query_is_a_bad_request(cast, as_, path):
    assert as_("operator").get(path).status_code == 400


def test_every_request_stands_on_exactly_one_page(cast, as_, monkeypatch):
    monkeypatch.setitem(queries.queue_page.__kwdefaults__, "size", 3)
    refs = {cast.ask().ref for _ in range(8)}
    client, found, path = as_("operator"), [], "/queue/"
    while path:
        page = text(client.get(path))
        found += re.findall(r'href="/requests/(RF-\d+)/"', page)
        following = re.search(r'href="([^"]*cursor=[^"]*)"[^>]*>[^<]*(?:<[^>]*>)*\s*Next', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert (set(found), len(set(found))) == (refs, 8)


def test_the_queue_needs_as_many_queries_for_60_rows_as_for_10(cast, as_):
    """T7.10."""
    client = as_("operator")
    for _ in range(10):
        cast.ask()
    few = queries_of(client, "/queue/")
    for number in range(50):
        cast.ask(payload={"amount": 150_000 if number % 2 else 8_800})
    assert queries_of(client, "/queue/") == few


def test_the_decisions_need_as_many_queries_for_20_as_for_5(cast, as_):
    """T7.10."""
    client = as_("approver")
    for _ in range(5):
        cast.ask()
    few = queries_of(client, "/decisions/")
    for _ in range(15):
        cast.ask()
    assert queries_of(client, "/decisions/") == few


def test_claiming_from_a_row_makes_it_mine(cast, as_):
    item = cast.ask()
    as_("operator").post(
        f"/requests/{item.ref}/claim/", {"idempotency_key": "K", "version": item.version}
    )
    assert cast.get(item.ref).owner == cast.operator
