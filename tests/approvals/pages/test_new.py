"""Asking for something in two pages, and changing it."""

import pytest

from accounts import grants
from approvals.commands import submit
from approvals.kinds.refund import Refund
from approvals.models import ApprovalRequest, IdempotencyRecord
from approvals.refusals import CommandInFlight, Invalid
from tests.approvals.pages.common import FORMS, form, hidden, text


@pytest.mark.parametrize("kind", FORMS)
def test_the_form_of_every_kind(cast, as_, kind):
    assert as_("requester").get(f"/requests/new/{kind}/").status_code == 200


def test_every_kind_can_be_chosen(cast, as_):
    page = text(as_("requester").get("/requests/new/"))
    assert all(f"/requests/new/{kind}/" in page for kind in FORMS)


@pytest.mark.parametrize("kind", FORMS)
def test_the_first_step_sends_nothing(cast, as_, examined, kind):
    page = as_("requester").post(f"/requests/new/{kind}/", form(kind))
    assert page.status_code == 200
    assert "Check your answers" in text(page)
    assert (ApprovalRequest.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)


@pytest.mark.parametrize("kind", FORMS)
def test_the_second_step_sends_what_the_first_one_showed(cast, as_, examined, kind):
    client = as_("requester")
    page = client.post(f"/requests/new/{kind}/", form(kind))
    fields = {name: hidden(page, name) for name in form(kind)}
    response = client.post(f"/requests/new/{kind}/check/", fields)
    item = ApprovalRequest.objects.get()
    assert (item.kind, item.customer, response["Location"]) == (
        kind,
        "A. Silva",
        f"/requests/{item.ref}/",
    )


def test_the_amount_is_what_was_typed(cast, as_, examined):
    as_("requester").post("/requests/new/refund/check/", form())
    assert ApprovalRequest.objects.get().amount == 124_000


def test_the_check_page_says_what_it_will_need(cast, as_, examined):
    page = text(as_("requester").post("/requests/new/refund/", form()))
    assert "This will need 2 Finance approvals" in page
    assert "EUR 2,000.00" in page


def test_the_check_page_of_a_small_refund_says_that_it_starts(cast, as_, examined):
    page = text(as_("requester").post("/requests/new/refund/", form(amount="9.00")))
    assert "Nobody has to approve this: it starts when you send it." in page


def test_changing_the_details_keeps_what_was_typed(cast, as_, examined):
    page = text(as_("requester").post("/requests/new/refund/", form(edit="1")))
    assert 'value="1,240.00"' in page


def test_sending_twice_makes_one_request(cast, as_, examined):
    """T1.13."""
    client = as_("requester")
    answers = [client.post("/requests/new/refund/check/", form()) for _ in range(2)]
    item = ApprovalRequest.objects.get()
    assert [answer["Location"] for answer in answers] == [f"/requests/{item.ref}/"] * 2


def test_sending_other_content_with_the_same_key_says_reload(cast, as_, examined):
    """T1.13."""
    client = as_("requester")
    client.post("/requests/new/refund/check/", form())
    again = client.post("/requests/new/refund/check/", form(amount="1,250.00"))
    assert (again.status_code, ApprovalRequest.objects.count()) == (422, 1)
    assert "Reload it" in text(again)


@pytest.mark.parametrize("step", ["", "check/"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "1.5"},
        {"amount": "-1"},
        {"amount": "99999999999999999999"},
        {"amount": ""},
        {"currency": "XXX"},  # ISO 4217 for “no currency”
        {"currency": "USD"},
        {"payment": "88120"},
        {"order": ""},
        {"order": "   "},
        {"order": "a\x00b"},
        {"customer": ""},
        {"customer": "x" * 101},
        {"reason": " "},
        {"reason": "x" * 2001},
        {"ticket": "x" * 101},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_a_form_with_a_mistake_comes_back(cast, as_, examined, step, wrong):
    page = as_("requester").post(f"/requests/new/refund/{step}", form(**wrong))
    assert (page.status_code, ApprovalRequest.objects.count()) == (422, 0)


def test_a_form_with_a_mistake_keeps_its_key(cast, as_, examined):
    """T1.14."""
    page = as_("requester").post("/requests/new/refund/", form(amount="1.5"))
    assert hidden(page, "idempotency_key") == "K"


def test_a_corrected_request_is_sent_with_the_same_key(cast, as_, examined):
    """T1.14."""
    client = as_("requester")
    client.post("/requests/new/refund/check/", form(amount="1.5"))
    client.post("/requests/new/refund/check/", form())
    assert ApprovalRequest.objects.count() == 1


def test_what_the_provider_knows_better_comes_back_at_its_field(cast, as_, monkeypatch):
    def examine_again(self, payload, key):
        raise Invalid({"amount": "Enter an amount up to EUR 12.00."})

    monkeypatch.setattr(Refund, "examine_again", examine_again)
    page = as_("requester").post("/requests/new/refund/", form())
    assert page.status_code == 422
    assert "Enter an amount up to EUR 12.00." in text(page)


def test_a_duplicate_is_shown_with_the_open_one(cast, as_, examined):
    item = cast.ask()
    page = as_("requester").post(
        "/requests/new/refund/check/", form(payment=item.payload["payment"])
    )
    assert page.status_code == 422
    assert item.ref in text(page)


def test_another_one_is_sent_when_its_requester_says_so(cast, as_, examined):
    item = cast.ask()
    as_("requester").post(
        "/requests/new/refund/check/", form(payment=item.payload["payment"], is_another="on")
    )
    assert ApprovalRequest.objects.count() == 2


@pytest.mark.parametrize("step", ["", "check/"])
def test_a_duplicate_that_i_may_not_see_is_not_named(cast, as_, examined, step):
    """T7.6."""
    item = cast.ask()
    grants.give("submit_request", to=cast.stranger, on=item.queue)
    page = as_("stranger").post(
        f"/requests/new/refund/{step}",
        form(payment=item.payload["payment"], amount="88.00"),
    )
    assert item.ref not in text(page)


@pytest.mark.parametrize("who", ["auditor", "admin", "stranger"])
def test_who_may_not_ask_sends_nothing(cast, as_, examined, who):
    page = as_(who).post("/requests/new/refund/check/", form())
    assert (page.status_code, ApprovalRequest.objects.count()) == (403, 0)


@pytest.mark.parametrize("who", ["auditor", "admin", "stranger"])
def test_who_may_not_ask_learns_nothing_of_a_payment(cast, as_, examined, who):
    """I7: the check page shows what was paid."""
    page = as_(who).post("/requests/new/refund/", form())
    assert (examined, "EUR 2,000.00" in text(page)) == ([], False)


def test_the_requester_changes_it_on_its_page(cast, as_):
    item = cast.ask()
    client = as_("requester")
    page = client.get(f"/requests/{item.ref}/resubmit/")
    client.post(
        f"/requests/{item.ref}/resubmit/",
        form(
            order=item.payload["order"],
            payment=item.payload["payment"],
            amount="99.00",
            revision=hidden(page, "revision"),
        ),
    )
    assert (cast.get(item.ref).revision, cast.get(item.ref).amount) == (2, 9900)


def test_a_change_onto_another_open_request_comes_back(cast, as_):
    other, item = cast.ask(), cast.ask()
    page = as_("requester").post(
        f"/requests/{item.ref}/resubmit/",
        form(payment=other.payload["payment"], revision="1"),
    )
    assert page.status_code in (409, 422)


def test_an_empty_form_names_what_is_missing(client, cast):
    client.force_login(cast.requester)
    page = client.post("/requests/new/refund/", {}).content.decode()
    for sentence in (
        "Enter the order.",
        "Enter the amount.",
        "Choose the category.",
        "Enter the reason.",
    ):
        assert sentence in page
    assert "This field is required" not in page


def test_who_sends_it_twice_at_once_is_told_that_it_is_in_flight(cast, as_, examined, monkeypatch):
    """The words of all pages: a second later the same form gets the answer of the first."""

    def in_flight(**_: object) -> None:
        raise CommandInFlight("Nothing was recorded; try again.")

    monkeypatch.setattr(submit, "submit", in_flight)
    page = as_("requester").post("/requests/new/refund/check/", form())
    assert page.status_code == 409
    assert "Somebody is changing this right now" in text(page)
    assert 'href="/requests/new/"' in page.content.decode()
