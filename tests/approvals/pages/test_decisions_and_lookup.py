"""My decisions, the lookup, one's own first page and going to."""

import pytest

from tests.approvals.pages.common import text


def test_decisions_show_what_waits_for_me(cast, as_):
    item = cast.ask()
    page = text(as_("approver").get("/decisions/"))
    assert item.ref in page
    assert "1 waits for you, oldest 3 min. Total EUR 88.00." in page


def test_decisions_above_my_limit_come_with_the_reason(cast, as_):
    item = cast.ask(payload={"amount": 250_000})
    page = text(as_("limited_approver").get("/decisions/"))
    assert f"You can decide up to EUR 2,000.00; {item.ref} is above that." in page


def test_decided_requests_are_listed(cast, as_):
    item = cast.approve(cast.ask())
    assert item.ref in text(as_("approver").get("/decisions/?show=decided"))


def test_who_decides_nothing_has_an_empty_page(cast, as_):
    cast.ask()
    assert "Nothing waits for you." in text(as_("requester").get("/decisions/"))


@pytest.mark.parametrize("by", ["ref", "ticket", "order"])
def test_lookup_finds_by_what_customers_name(cast, as_, by):
    item = cast.ask()
    asked = item.payload["order"] if by == "order" else getattr(item, by)
    page = text(as_("requester").get("/lookup/", {"q": f"  {asked.lower()} "}))
    assert f"Your refund of EUR 88.00 for order {item.payload['order']} is being checked" in page


def test_lookup_of_a_customer_with_two_requests_asks_which(cast, as_):
    first, second = cast.ask(), cast.ask()
    page = text(as_("requester").get("/lookup/", {"q": "A. Silva"}))
    assert first.ref in page
    assert second.ref in page


def test_lookup_finds_nothing_of_others(cast, as_):
    item = cast.ask()
    page = text(as_("stranger").get("/lookup/", {"q": item.ref}))
    assert f"No request for “{item.ref}”." in page


@pytest.mark.parametrize("typed", ["", "   ", "nothing", "<b>", "%", "\u202e", "x" * 5000])
def test_lookup_of_anything_gives_a_page(cast, as_, typed):
    cast.ask()
    assert as_("requester").get("/lookup/", {"q": typed}).status_code == 200


@pytest.mark.parametrize(
    "who", ["requester", "operator", "approver", "auditor", "admin", "stranger"]
)
def test_everybody_has_a_first_page(cast, as_, who):
    response = as_(who).get("/", follow=True)
    assert response.status_code == 200


def test_go_leads_to_the_only_request_meant(cast, as_):
    item = cast.ask()
    response = as_("operator").get("/go/", {"q": item.ref})
    assert response["Location"] == f"/requests/{item.ref}/"
