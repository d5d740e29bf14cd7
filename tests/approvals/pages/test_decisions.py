"""My decisions, one's own first page and going to."""

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
