"""One request, its attempts, and what a foreign one answers."""

from datetime import timedelta

import pytest

from approvals.views.verbs import VERBS
from tests.approvals.pages.common import decision, page_bytes, text


@pytest.mark.parametrize("who", ["requester", "other_requester", "operator", "approver", "auditor"])
def test_everybody_who_sees_it_has_its_page(cast, as_, who):
    item = cast.ask()
    assert as_(who).get(f"/requests/{item.ref}/").status_code == 200


def test_a_foreign_request_is_the_same_page_as_a_missing_one(cast, as_):
    """T7.6."""
    item = cast.ask()
    client = as_("stranger")
    foreign = client.get(f"/requests/{item.ref}/")
    missing = client.get("/requests/RF-999999/")
    assert (foreign.status_code, page_bytes(foreign)) == (404, page_bytes(missing))


@pytest.mark.parametrize("verb", [v.replace("_", "-") for v in VERBS])
def test_every_page_of_a_foreign_request_is_the_same_as_a_missing_one(cast, as_, verb):
    """T7.6."""
    item = cast.ask()
    client = as_("stranger")
    foreign = client.get(f"/requests/{item.ref}/{verb}/")
    missing = client.get(f"/requests/RF-999999/{verb}/")
    assert (foreign.status_code, page_bytes(foreign)) == (404, page_bytes(missing))


@pytest.mark.parametrize("verb", [v.replace("_", "-") for v in VERBS])
def test_no_verb_works_on_a_foreign_request(cast, as_, verb):
    """T7.6."""
    item = cast.ask()
    body = decision(
        item,
        reason="Why?",
        happened="yes",
        customer="C",
        order="O",
        payment="pi_1",
        amount="1.00",
        currency="EUR",
        reason_code="other",
    )
    client = as_("stranger")
    foreign = client.post(f"/requests/{item.ref}/{verb}/", body)
    missing = client.post(f"/requests/RF-999999/{verb}/", {**body, "idempotency_key": "L"})
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert page_bytes(foreign) == page_bytes(missing)


def test_a_reference_in_small_letters_is_found(cast, as_):
    item = cast.ask()
    assert as_("operator").get(f"/requests/{item.ref.lower()}/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/requests/RF-1/explode/",
        "/requests/RF-1/take_back/",
        "/requests/nonsense/",
        "/requests/new/loan/",
        "/requests/RF-1/attempts/1/",
        "/nowhere/",
    ],
)
def test_what_does_not_exist_is_not_found(cast, as_, path):
    assert as_("operator").get(path).status_code == 404


def test_an_attempt_is_shown_to_operations(cast, as_, provider):
    item = cast.approve(cast.ask())
    cast.run(item)
    assert as_("operator").get(f"/requests/{item.ref}/attempts/1/").status_code == 200


def test_an_attempt_is_not_shown_to_support(cast, as_, provider):
    item = cast.approve(cast.ask())
    cast.run(item)
    assert as_("requester").get(f"/requests/{item.ref}/attempts/1/").status_code == 404


def test_support_does_not_see_the_effect(cast, as_, provider):
    item = cast.approve(cast.ask())
    assert item.effect.key not in text(as_("requester").get(f"/requests/{item.ref}/"))


# --- From one to the next, and back --------------------------------------------------------------


def test_decisions_are_numbered_and_lead_to_the_next(cast, as_):
    first, second, third = (cast.ask(at=cast.now + timedelta(minutes=n)) for n in range(3))
    finance = as_("approver")
    for item, words, following in (
        (first, "Decision 1 of 3", second),
        (second, "Decision 2 of 3", third),
        (third, "Decision 3 of 3", first),
    ):
        page = finance.get(f"/requests/{item.ref}/").content.decode()
        assert words in page
        assert f'href="/requests/{following.ref}/#decide"' in page


def test_after_deciding_the_next_is_offered_and_the_last_has_none(cast, as_):
    first, second = cast.ask(), cast.ask(at=cast.now + timedelta(minutes=1))
    cast.approve(first)
    page = as_("approver").get(f"/requests/{first.ref}/").content.decode()
    assert "1 decision waits for you" in page
    assert f'href="/requests/{second.ref}/#decide"' in page
    cast.approve(second)
    assert "#decide" not in as_("approver").get(f"/requests/{second.ref}/").content.decode()


def test_who_cannot_decide_it_is_in_no_series(cast, as_):
    item = cast.ask(payload={"amount": 250_000})
    cast.ask()
    for who in ("limited_approver", "requester", "operator"):
        assert "Decision 1" not in as_(who).get(f"/requests/{item.ref}/").content.decode()


def test_back_leads_to_the_same_filters_and_row(cast, as_):
    item = cast.ask()
    ops = as_("operator")
    ops.get("/queue/?view=people&kind=refund&unknown=1")
    page = ops.get(f"/requests/{item.ref}/").content.decode()
    assert f'href="/queue/?kind=refund&amp;view=people#open-{item.ref}"' in page


@pytest.mark.parametrize(
    "cookie", ["", "https://example.com", "//example.com", "x=1", "&" * 5000, "a=1&" * 60, '"><b>']
)
def test_a_forged_place_leads_to_all_open_requests(cast, as_, cookie):
    item = cast.ask()
    ops = as_("operator")
    ops.cookies["aq_place"] = cookie
    page = ops.get(f"/requests/{item.ref}/").content.decode()
    assert f'href="/queue/?view=all#open-{item.ref}"' in page
