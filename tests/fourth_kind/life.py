"""The life of a gift card. Run by `test_fourth_kind`, in a process that has the package installed."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from approvals import kinds
from approvals.kinds.base import Done
from approvals.models import State
from approvals.replies import reply_to
from tests.approvals.pages.common import decision, text
from tests.crash.common import assert_explained, settle_down
from tests.fourth_kind.conftest import FORM


def told(cast, item, language="en") -> str:
    reply = reply_to(cast.get(item.ref), kinds.kind_of("gift_card"), language, cast.now)
    assert reply.name.startswith(f"{language}/gift_card/")
    return reply.text


def decided(client, item, verb: str, **changes):
    """Decided on the page; where that leads."""
    answer = client.post(f"/requests/{item.ref}/{verb}/", decision(item, **changes))
    assert answer.status_code == 302, text(answer)
    return answer


def test_the_form_shows_its_fields(desk, as_):
    page = text(as_("requester").get("/requests/new/gift_card/"))
    assert all(f'name="{name}"' in page for name in ("order", "recipient", "amount", "currency"))


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("amount", "25,5", "Enter the amount in EUR like"),
        ("amount", "600.00", "at most 50000"),
        ("recipient", "nobody", "valid email address"),
        ("order", "", "Enter the order."),
    ],
)
def test_the_form_says_what_is_wrong(desk, as_, name, typed, said):
    answer = as_("requester").post("/requests/new/gift_card/", FORM | {name: typed})
    assert answer.status_code == 422
    assert said in text(answer)


def test_its_rule_sends_it_to_the_team(item, as_):
    assert (item.policy_rule, item.waiting_team.name) == ("Gift cards", "Finance")
    assert (item.amount, item.currency) == (2500, "EUR")
    assert item.ref in text(as_("operator").get("/queue/?view=people&kind=gift_card"))
    assert item.ref in text(as_("approver").get("/decisions/"))
    assert item.ref not in text(as_("operator").get("/queue/?view=people&kind=refund"))


def test_it_is_approved_on_the_page(item, cast, service, as_):
    decided(as_("approver"), item, "approve")
    assert cast.get(item.ref).state == State.APPROVED
    assert cast.run(item, at=cast.now + timedelta(minutes=4)) == "done"
    assert "EUR 25.00 for order O-7 was sent" in told(cast, item)


def test_by_api_it_is_asked_for_with_the_same_words(desk, calls, cast):
    payload = {"order": "O-8", "recipient": "b@example.test", "amount": 2500, "currency": "EUR"}
    wanted = {"kind": "gift_card", "payload": payload, "customer": "B.", "reason": "Late."}
    answer = calls(cast.requester, "read", "submit").post("/requests", wanted)
    assert answer.status_code == 201
    assert answer.json()["ref"].startswith("GC-")


def test_it_is_approved_and_sent_once(item, cast, service, as_):
    assert item.ref.startswith("GC-")
    assert "has not been sent yet" in told(cast, item)
    item = cast.approve(item)
    assert [cast.run(item) for _ in range(3)] == ["done", "nothing", "nothing"]
    assert len(service.made) == 1
    assert "EUR 25.00 for order O-7 was sent" in told(cast, item)
    assert "wurde am" in told(cast, item, "de")
    page = text(as_("operator").get(f"/requests/{item.ref}/"))
    assert "ann@example.test" not in page
    assert item.ref in text(as_("requester").get(f"/lookup/?q={item.ref}"))
    assert_explained()


def test_a_lost_answer_is_found_and_nothing_is_sent_twice(item, cast, service):
    item = cast.approve(item)
    service.fault = "hang after effect"
    assert cast.run(item) == "in doubt"
    assert "whether your gift card" in told(cast, item)
    service.fault = ""
    assert settle_down(cast, item) == State.DONE
    assert (len(service.made), service.sendings) == (1, 1)
    assert_explained()


def test_a_cause_of_its_own_is_told_with_its_runbook(item, cast, service, as_):
    item = cast.approve(item)
    service.fault = "sold_out"
    cast.run(item)
    assert cast.get(item.ref).state == State.RETRYING
    client = as_("operator")
    page = text(client.get(f"/requests/{item.ref}/"))
    assert "no gift cards are left in stock" in page
    assert "/runbooks/gift-card-stock/" in page
    assert "no gift cards are left in stock" in text(client.get("/failures/")).casefold()
    board = text(client.get("/failures/gift-cards-sold-out/"))
    assert "New ones arrive every morning" in board
    assert item.ref in board
    runbook = text(client.get("/runbooks/gift-card-stock/"))
    assert "Gift card not sent" in runbook
    assert item.ref in runbook
    assert "takes longer than usual" in told(cast, item)
    service.fault = ""
    assert settle_down(cast, item) == State.DONE
    assert len(service.made) == 1
    assert_explained()


def test_what_is_refused_for_good_needs_a_person(item, cast, service, as_):
    item = cast.approve(item)
    service.fault = "recipient_refused"
    cast.run(item)
    assert cast.get(item.ref).state == State.NEEDS_PERSON
    page = text(as_("operator").get(f"/requests/{item.ref}/"))
    assert "recipient&#x27;s address was refused" in page
    assert "could not be sent so far" in told(cast, item)
    runbook = text(as_("operator").get(f"/runbooks/gift-card-stock/?request={item.ref}"))
    assert f'href="/requests/{item.ref}/withdraw/"' in runbook
    assert service.made == []
    assert_explained()


def test_by_api_its_causes_are_told_like_ours(item, cast, service, calls):
    item = cast.approve(item)
    service.fault = "sold_out"
    cast.run(item)
    caller = calls(cast.operator, "read")
    shown = caller.get(f"/requests/{item.ref}").json()
    assert shown["execution"]["last_cause"] == "gift-cards-sold-out"
    assert shown["waiting"]["runbook"].endswith("/runbooks/gift-card-stock/")
    assert "no gift cards are left in stock" in shown["waiting"]["sentence"]
    [call] = caller.get(f"/requests/{item.ref}/attempts").json()["items"]
    assert (call["outcome"], call["meaning"]) == ("refused", "no gift cards are left in stock")
    found = caller.get("/requests?kind=gift_card&cause=gift-cards-sold-out").json()["items"]
    assert [one["ref"] for one in found] == [item.ref]
    assert_explained()


def test_its_schema_is_published(cast, calls):
    document = calls(cast.operator, "read").get("/openapi.json").json()
    assert "Send a customer a gift card by e-mail." in str(document)


@pytest.mark.parametrize("answer", [None, "done", Done("card-1", None), ValueError("broken")])
def test_nonsense_from_its_code_is_a_doubt(item, cast, monkeypatch, answer):
    def send(self, effect):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(type(kinds.kind_of("gift_card")), "send", send)
    assert cast.run(cast.approve(item)) == "in doubt"


def test_what_is_installed_can_be_used():
    call_command("check", fail_level="ERROR", verbosity=0)
    call_command("review_replies", verbosity=0)
