"""Where a customer is paid is hidden on every page, and shown in full to who asks, which is recorded."""

import pytest

from approvals.commands import decide, submit
from audit.models import Event
from tests.approvals.pages.common import text

IBAN, OTHER = "DE89370400440532013000", "GB33BUKB20201555555555"


@pytest.fixture
def item(cast):
    """An account change that was changed once."""
    payload = {"account": "acct_5498", "change": "payout_account", "to": IBAN}
    said = {"customer": "Ana Silva", "reason": "She moved.", "ticket": ""}
    by = {"at": cast.now, "key": cast.key()}
    made = submit.submit(
        kind="account_change", payload=payload, by=cast.requester, origin="page", **said, **by
    )
    by["key"] = cast.key()
    decide.send_back(
        ref=made.ref, by=cast.operator, revision=1, step=1, reason="Which country?", **by
    )
    by["key"] = cast.key()
    changed = {**payload, "to": OTHER}
    submit.resubmit(ref=made.ref, payload=changed, by=cast.requester, revision=1, **said, **by)
    return cast.get(made.ref)


@pytest.mark.parametrize("who", ["operator", "approver", "requester", "auditor"])
@pytest.mark.parametrize("where", ["", "?at=2999-01-01T00:00"])
def test_no_page_of_it_shows_it(item, as_, who, where):
    shown = text(as_(who).get(f"/requests/{item.ref}/{where}"))
    assert "GB33 ..5555" in shown
    assert "DE89 ..3000" in shown  # before it was changed
    assert IBAN not in shown
    assert OTHER not in shown


def test_an_event_of_the_record_shows_it_no_more_than_its_page(item, as_):
    event = Event.objects.get(stream=item.stream, action="request.resubmit")
    shown = text(as_("auditor").get(f"/audit/events/{event.pk}/"))
    assert "GB33 ..5555" in shown
    assert OTHER not in shown


def test_it_is_shown_to_who_asks_and_that_is_recorded(item, as_, cast):
    shown = text(as_("operator").post(f"/requests/{item.ref}/reveal/"))
    assert OTHER in shown
    told = Event.objects.get(action="request.reveal")
    assert (told.stream, told.target_id) == (f"person/{cast.operator.person_key}", item.ref)
    assert told.facts == {"fields": "To"}
    assert OTHER not in str(vars(told))


@pytest.mark.parametrize("who", ["requester", "stranger", "superuser"])
def test_who_may_not_inspect_it_is_shown_nothing(item, as_, who):
    client = as_(who)
    assert client.post(f"/requests/{item.ref}/reveal/").status_code == 404
    assert "Reveal" not in text(client.get(f"/requests/{item.ref}/"))
    assert not Event.objects.filter(action="request.reveal").exists()


def test_it_is_not_shown_by_a_link(item, as_):
    assert as_("operator").get(f"/requests/{item.ref}/reveal/").status_code == 405


def test_where_nothing_is_hidden_nothing_is_revealed(cast, as_):
    refund = cast.ask()
    client = as_("operator")
    assert "Reveal" not in text(client.get(f"/requests/{refund.ref}/"))
    assert client.post(f"/requests/{refund.ref}/reveal/").status_code == 404
