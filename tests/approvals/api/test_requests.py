"""Asking by API and reading what was asked."""

import pytest
from django.utils import timezone

from approvals.models import ApprovalRequest
from audit.models import Event
from tests.approvals.api.conftest import code, problem


@pytest.fixture
def support(calls, cast):
    return calls(cast.requester)


@pytest.fixture
def operator(calls, cast):
    return calls(cast.operator)


def test_a_request_is_made_and_shown(support, cast):
    response = support.post("/requests", cast.refund_arguments())
    assert response.status_code == 201, response.content
    body = response.json()
    assert response["Location"] == f"/api/v1/requests/{body['ref']}"
    assert response["ETag"] == '"1"'
    assert body["state"] == "pending"
    assert body["amount"] == 8800
    assert body["waiting"]["on"] == "Finance"
    assert body["steps"][0]["state"] == "open"
    assert body["links"]["self"] == response["Location"]
    assert body.pop("event")["stream"] == f"request/{body['ref']}"
    assert support.get(f"/requests/{body['ref']}").json() == body


def test_what_is_asked_by_api_says_so(support, cast):
    ref = support.post("/requests", cast.refund_arguments()).json()["ref"]
    event = Event.objects.get(stream=f"request/{ref}")
    assert event.auth_method == "token"
    assert event.context["token"]
    assert ApprovalRequest.objects.get(ref=ref).origin == "api"


def test_a_service_asks_like_a_person(calls, service, cast):
    response = calls(service).post("/requests", cast.refund_arguments())
    assert response.status_code == 201
    assert Event.objects.get(stream=f"request/{response.json()['ref']}").actor_type == "service"


def test_each_wrong_field_is_named(support, cast):
    body = problem(support.post("/requests", cast.refund_arguments(customer=" ")))
    assert body["type"] == "/problems/validation"
    assert body["errors"] == [{"pointer": "/customer", "detail": "Enter something here."}]
    wrong = cast.refund_arguments(payload={"amount": -1, "currency": "EURO"})
    pointers = {error["pointer"] for error in problem(support.post("/requests", wrong))["errors"]}
    assert pointers == {"/payload/amount", "/payload/currency"}


@pytest.mark.parametrize("amount", [1.0, 88.5, True, "8800", 0, -5, 2**63, None, [1], 1e15])
def test_only_a_whole_positive_number_is_an_amount(support, cast, amount):
    response = support.post("/requests", cast.refund_arguments(payload={"amount": amount}))
    assert code(response) == "validation"
    assert not ApprovalRequest.objects.exists()


def test_what_no_rule_speaks_of_may_be_sent_again_with_the_same_key(support, cast):
    """Once an administrator has added the rule, as the sentence advises."""
    wanted = cast.refund_arguments(payload={"currency": "USD"})
    for _ in range(2):
        response = support.post("/requests", wanted, key="usd")
        body = problem(response)
        assert (body["type"], body["errors"][0]["pointer"]) == ("/problems/validation", "")
        assert "Idempotent-Replayed" not in response
    wanted["payload"]["currency"] = "EUR"
    assert support.post("/requests", wanted, key="usd").status_code == 201


def test_who_may_not_ask_is_told_the_sentence_of_the_rule(calls, cast):
    response = calls(cast.approver).post("/requests", cast.refund_arguments())
    assert response.status_code == 403
    assert "cannot ask for anything" in problem(response)["detail"]


def test_the_same_thing_again_is_refused_with_a_link_to_the_open_one(support, cast):
    wanted = cast.refund_arguments()
    first = support.post("/requests", wanted).json()["ref"]
    body = problem(support.post("/requests", wanted))
    assert body["type"] == "/problems/duplicate-request"
    assert body["links"]["open"] == f"/api/v1/requests/{first}"


def test_what_one_may_not_see_is_not_there(calls, cast):
    item = cast.ask()
    stranger = calls(cast.stranger)
    for path in ("", "/events", "/attempts", "/answer", "/approvers"):
        assert code(stranger.get(f"/requests/{item.ref}{path}")) == "not-found"
    assert stranger.get("/requests").json()["items"] == []
    assert code(stranger.post(f"/requests/{item.ref}/claim")) == "not-found"


@pytest.mark.parametrize("ref", ["RF-999999", "rf", "%00", "RF-1%2F..", "%ED%A0%80", "x" * 300])
def test_what_does_not_exist_is_not_there_either(operator, ref):
    assert code(operator.get(f"/requests/{ref}")) in ("not-found", "malformed")


def test_references_are_found_in_any_case(operator, cast):
    item = cast.ask()
    assert operator.get(f"/requests/{item.ref.lower()}").json()["ref"] == item.ref


# --- Lists -------------------------------------------------------------------------------------------


def refs(response):
    return [item["ref"] for item in response.json()["items"]]


def test_filters_narrow_each_other(operator, cast):
    small, large = cast.ask(customer="A. Silva"), cast.ask(customer="B. Berg", ticket="ZD-77")
    account = cast.ask_for_account_change()
    everything = {small.ref, large.ref, account.ref}
    assert set(refs(operator.get("/requests"))) == everything
    assert refs(operator.get("/requests?kind=account_change")) == [account.ref]
    assert refs(operator.get("/requests?ticket=ZD-77&state=pending")) == [large.ref]
    assert refs(operator.get("/requests?ticket=ZD-77&state=done")) == []
    assert set(refs(operator.get("/requests?waiting_on=Finance"))) == {small.ref, large.ref}
    assert refs(operator.get(f"/requests?q={small.ref}")) == [small.ref]
    assert refs(operator.get("/requests?owner=me")) == []
    operator.post(f"/requests/{small.ref}/claim")
    assert refs(operator.get("/requests?owner=me")) == [small.ref]
    assert refs(operator.get("/requests?owner=ops@demo.test&queue=refunds")) == [small.ref]
    assert set(refs(operator.get("/requests?created_after=2026-11-24T09:00:00Z"))) == everything
    assert refs(operator.get("/requests?created_before=2026-11-24T09:00:00%2B00:00")) == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "stuck=maybe",
        "created_after=yesterday",
        "created_after=2026-13-01T00:00:00Z",
        "created_after=1700000000",
        "nonsense=1",
        "state=pending&state=done",
        "access_token=aq_x",
    ],
)
def test_a_filter_that_means_nothing_is_refused(operator, query):
    assert code(operator.get(f"/requests?{query}")) == "validation"


def test_what_is_shown_as_stuck_is_found_as_stuck(operator, cast):
    """I7: a request that is overdue, and one that was asked for just now."""
    overdue, fresh = cast.ask(), cast.ask(at=timezone.now())
    assert refs(operator.get("/requests?stuck=true")) == [overdue.ref]
    assert refs(operator.get("/requests?stuck=false")) == [fresh.ref]
    items = operator.get("/requests").json()["items"]
    shown = {one["ref"]: one["waiting"]["stuck"] for one in items}
    assert shown == {overdue.ref: True, fresh.ref: False}


def test_pages_hold_each_request_once_though_others_are_made_meanwhile(operator, cast):
    """T5.4, small: the property for many rows is in the benchmark's data."""
    old = [cast.ask().ref for _ in range(7)]
    seen, cursor = [], ""
    while cursor is not None:
        page = operator.get(f"/requests?limit=2{cursor and '&cursor=' + cursor}").json()
        seen += [item["ref"] for item in page["items"]]
        cursor = page["next_cursor"]
        cast.ask()
    assert sorted(seen) == sorted(set(seen))
    assert set(old) <= set(seen)


def test_a_tampered_cursor_is_refused(operator, cast):
    for _ in range(3):
        cast.ask()
    cursor = operator.get("/requests?limit=1").json()["next_cursor"]
    assert code(operator.get(f"/requests?limit=1&cursor={cursor[:-2]}xx")) == "cursor"
    assert code(operator.get(f"/requests?limit=1&state=pending&cursor={cursor}")) == "cursor"
    assert code(operator.get(f"/events?after={cursor}")) == "cursor"


# --- Around one ----------------------------------------------------------------------------------------


def test_its_history_and_its_receipts(operator, cast):
    item = cast.approve(cast.ask())
    page = operator.get(f"/requests/{item.ref}/events?limit=1").json()
    assert [event["action"] for event in page["items"]] == ["request.approve"]
    rest = operator.get(f"/requests/{item.ref}/events?cursor={page['next_cursor']}").json()
    assert [event["action"] for event in rest["items"]] == ["request.submit"]
    assert rest["next_cursor"] is None
    stored = Event.objects.get(stream=item.stream, seq=2)
    assert page["items"][0]["hash"] == bytes(stored.hash).hex()


def test_calls_are_shown_to_those_who_may_see_them(operator, support, cast):
    item = cast.approve(cast.ask())
    cast.run(item)
    found = operator.get(f"/requests/{item.ref}/attempts").json()
    assert found["key"] == cast.get(item.ref).effect.key
    assert found["items"][0]["number"] == 1
    assert code(support.get(f"/requests/{item.ref}/attempts")) == "not-allowed"


def test_what_support_may_say(support, cast):
    item = cast.ask()
    said = support.get(f"/requests/{item.ref}/answer").json()
    assert "is being checked" in said["customer"]
    assert "Finance" not in said["customer"]


def test_who_can_decide_and_why_others_cannot(operator, cast):
    item = cast.ask(payload={"amount": 900000})
    found = operator.get(f"/requests/{item.ref}/approvers").json()
    by_name = {person["name"]: person for person in found["approvers"]}
    assert by_name[cast.approver.name]["can_decide"]
    limited = by_name[cast.limited_approver.name]
    assert (limited["can_decide"], limited["rule"]) == (False, "over-limit")
    assert "up to EUR 2,000.00" in limited["why_not"]


def test_a_list_needs_as_many_queries_for_many_as_for_one(
    operator, cast, django_assert_max_num_queries
):
    """T7.10"""
    for _ in range(12):
        cast.ask()
    with django_assert_max_num_queries(30):
        assert len(refs(operator.get("/requests"))) == 12
