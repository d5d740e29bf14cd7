"""The life of a gift card. Run by `test_fourth_kind`, in a process that has the package installed."""

from pathlib import Path

import pytest
from django.core.management import call_command

from accounts import grants
from accounts.models import Team
from approvals import kinds
from approvals.models import ApprovalRequest, Policy, Queue, State
from approvals.replies import reply_to
from tests.approvals.api.conftest import calls  # noqa: F401 - fixture
from tests.approvals.pages.common import hidden, text
from tests.approvals.pages.conftest import as_, fixed_time  # noqa: F401 - fixtures
from tests.crash.common import assert_explained, settle_down
from tests.fourth_kind.service import GiftCardService

POLICY = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-kind" / "gift-cards.toml"
RIGHTS = {
    "Support": ("view_queue", "submit_request", "answer_request"),
    "Finance": ("view_queue", "decide_request"),
    "Operations": ("view_queue", "operate_request"),
}
FORM = {
    "order": "O-7",
    "recipient": "ann@example.test",
    "amount": "25.00",
    "currency": "EUR",
    "customer": "A. Silva",
    "ticket": "ZD-7",
    "reason": "Parcel was late.",
    "idempotency_key": "K",
}


@pytest.fixture
def service(monkeypatch):
    service = GiftCardService()
    monkeypatch.setenv("GIFT_CARD_URL", service.url)
    monkeypatch.setenv("GIFT_CARD_SECRET", "a secret for tests")
    monkeypatch.setenv("GIFT_CARD_TIMEOUT_S", "0.5")
    yield service
    service.stop()


@pytest.fixture
def desk(cast):
    """The queue and its rule, as the page says they are set up."""
    call_command("load_policy", str(POLICY), verbosity=0)
    queue = Queue.objects.create(
        slug="gift-cards",
        name="Gift cards",
        kinds=["gift_card"],
        policy=Policy.objects.get(slug="gift-cards"),
    )
    for team, rights in RIGHTS.items():
        for right in rights:
            grants.give(right, to=Team.objects.get(name=team), on=queue)
    return queue


@pytest.fixture
def item(desk, service, as_):  # noqa: F811
    """Asked for on the page."""
    client = as_("requester")
    page = client.post("/requests/new/gift_card/", FORM)
    client.post("/requests/new/gift_card/check/", {name: hidden(page, name) for name in FORM})
    return ApprovalRequest.objects.get(kind="gift_card")


def told(cast, item, language="en") -> str:
    reply = reply_to(cast.get(item.ref), kinds.kind_of("gift_card"), language, cast.now)
    assert reply.name.startswith(f"{language}/gift_card/")
    return reply.text


def test_the_form_shows_its_fields(desk, as_):  # noqa: F811
    page = text(as_("requester").get("/requests/new/gift_card/"))
    assert all(f'name="{name}"' in page for name in ("order", "recipient", "amount", "currency"))


def test_by_api_it_is_asked_for_with_the_same_words(desk, calls, cast):  # noqa: F811
    payload = {"order": "O-8", "recipient": "b@example.test", "amount": 2500, "currency": "EUR"}
    wanted = {"kind": "gift_card", "payload": payload, "customer": "B.", "reason": "Late."}
    answer = calls(cast.requester, "read", "submit").post("/requests", wanted)
    assert answer.status_code == 201
    assert answer.json()["ref"].startswith("GC-")


def test_it_is_approved_and_sent_once(item, cast, service, as_):  # noqa: F811
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


def test_a_cause_of_its_own_is_told_with_its_runbook(item, cast, service, as_):  # noqa: F811
    item = cast.approve(item)
    service.fault = "sold_out"
    cast.run(item)
    assert cast.get(item.ref).state == State.RETRYING
    client = as_("operator")
    page = text(client.get(f"/requests/{item.ref}/"))
    assert "no gift cards are left in stock" in page
    assert "/runbooks/gift-card-stock/" in page
    assert "no gift cards are left in stock" in text(client.get("/failures/")).casefold()
    assert "Gift card not sent" in text(client.get("/runbooks/gift-card-stock/"))
    assert "takes longer than usual" in told(cast, item)
    service.fault = ""
    assert settle_down(cast, item) == State.DONE
    assert len(service.made) == 1
    assert_explained()


def test_what_is_refused_for_good_needs_a_person(item, cast, service, as_):  # noqa: F811
    item = cast.approve(item)
    service.fault = "recipient_refused"
    cast.run(item)
    assert cast.get(item.ref).state == State.NEEDS_PERSON
    page = text(as_("operator").get(f"/requests/{item.ref}/"))
    assert "recipient&#x27;s address was refused" in page
    assert "could not be sent so far" in told(cast, item)
    assert service.made == []
    assert_explained()


@pytest.mark.parametrize("answer", [None, "done", ValueError("broken")])
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
