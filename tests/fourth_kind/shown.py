"""Where a gift card is shown beside its own page: to customers, as it was, in files and reports. Run by
`test_fourth_kind`, in a process that has the package installed."""

import csv
import io
import json
import logging
from datetime import timedelta

import pytest

from accounts import grants
from approvals import kinds
from approvals.commands import decide, settle, submit
from approvals.models import State
from approvals.replies import LANGUAGES, reply_to
from audit import verify_receipt
from audit.models import Event
from config import env
from config.logging import formatter
from tests.approvals import reply_checks
from tests.approvals.pages.common import text
from tests.audit.common import place, seal
from tests.crash.common import assert_explained
from tests.fourth_kind.service import SECRET
from tests.handoffs.common import ALL_NONES, send, start, typed

__all__ = ["place"]  # a fixture

RECIPIENT, OTHER = "ann@example.test", "bob@example.test"


# --- What customers are told --------------------------------------------------------------------------


def done(cast, item, service):
    cast.run(cast.approve(item))


def in_doubt(cast, item, service):
    service.fault = "hang after effect"
    cast.run(cast.approve(item))


def settled(cast, item, service):
    """Two people find out that it was sent."""
    in_doubt(cast, item, service)
    said = {"at": cast.now + timedelta(minutes=9), "revision": 1}
    found = {"happened": True, "reason": "The service lists it.", "reference": "card-0"}
    settle.settle(ref=item.ref, by=cast.operator, key=cast.key(), **said, **found)
    settle.confirm_settlement(ref=item.ref, by=cast.second_operator, key=cast.key(), **said)


def rejected(cast, item, service):
    said = {"revision": 1, "step": 1, "reason": "Sent last week already."}
    decide.reject(ref=item.ref, by=cast.approver, at=cast.now, key=cast.key(), **said)


def withdrawn(cast, item, service):
    said = {"by": cast.requester, "at": cast.now, "key": cast.key()}
    submit.withdraw(ref=item.ref, reason="The parcel arrived.", **said)


# By what became of it: the situation, and what is said of it in the languages that the package brings.
SAID = {
    done: ("done", {"en": "was sent on 24 November", "de": "wurde am 24. November ausgeführt"}),
    settled: ("done_by_people", {"en": "We have checked it", "de": "Wir haben es geprüft"}),
    in_doubt: ("in_doubt", {"en": "whether your gift card", "de": "ob Ihre Geschenkkarte"}),
    rejected: ("ended", {"en": "no card was sent", "de": "es wurde keine Karte gesendet"}),
    withdrawn: ("ended", {"en": "no card was sent", "de": "es wurde keine Karte gesendet"}),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("became", SAID)
def test_customers_are_told_in_every_language(item, cast, service, as_, became, language):
    """In the package's words where it brings some, else in the neutral ones."""
    became(cast, item, service)
    situation, said = SAID[became]
    found = cast.get(item.ref)
    assert (found.state == State.DONE) == (became in (done, settled))
    reply = reply_to(found, kinds.kind_of("gift_card"), language, cast.now)
    whose = "gift_card" if language in said else "neutral"
    assert reply.name == f"{language}/{whose}/{situation}"
    assert said.get(language, "") in reply.text
    assert RECIPIENT not in reply.text
    reply_checks.check(found, reply, reply_checks.hidden_words())
    assert reply.text in page_text(as_("requester"), item, language)
    assert_explained()


def page_text(client, item, language: str) -> str:
    """What the lookup offers to be copied, as a person reads it."""
    page = text(client.get("/lookup/", {"q": item.ref, "language": language}))
    return page.replace("&#x27;", "'").replace("&nbsp;", "\u00a0")


# --- As it was, and what proves it ------------------------------------------------------------------


def test_it_is_shown_as_it_was(item, cast, service, as_):
    cast.now += timedelta(minutes=5)
    done(cast, item, service)
    client = as_("operator")
    before = text(client.get(f"/requests/{item.ref}/?at=2026-11-24T09:16:00Z"))
    after = text(client.get(f"/requests/{item.ref}/?at=2026-11-24T09:20:00Z"))
    assert ("Waiting for approval" in before, "Waiting for approval" in after) == (True, False)
    for page in (before, after):
        assert "Gift card EUR 25.00" in page
        assert "a…@example.test" in page
        assert RECIPIENT not in page


def test_its_receipt_holds(committed_db, item, cast, service, as_, place, settings):
    done(cast, item, service)
    seal(cast.now)
    address = f"/requests/{item.ref}/receipt/"
    grants.give("audit_queue", to=cast.auditor, on=item.queue)
    shown = text(as_("auditor").get(address))
    assert "under checkpoint 1" in shown
    assert RECIPIENT not in shown
    key = str(settings.AUDIT_SIGNING_KEYS[0].public)
    file = text(as_("auditor").post(address))
    assert "under checkpoint 1" in " ".join(verify_receipt.verify(file, key))
    assert RECIPIENT not in text(as_("auditor").post(address, {"personal": "without"}))


# --- Files and reports ------------------------------------------------------------------------------


def test_the_list_as_a_file_has_it(item, as_):
    answer = as_("operator").get("/queue/export/?view=all&kind=gift_card")
    lines = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")
    [line] = csv.DictReader(io.StringIO(lines))
    assert (line["ref"], line["kind"], line["queue"]) == (item.ref, "gift_card", "gift-cards")
    assert (line["title"], line["amount"], line["currency"]) == (
        "Gift card EUR 25.00",
        "2500",
        "EUR",
    )
    assert RECIPIENT not in lines


def test_a_handoff_has_it_with_its_cause(item, cast, service, as_):
    service.fault = "recipient_refused"
    cast.run(cast.approve(item))
    draft = start(cast)
    [line] = draft.lines.filter(item=item)
    assert line.title == "Gift card EUR 25.00"
    page = text(as_("operator").get(f"/handoff/{draft.pk}/"))
    assert "recipient&#x27;s address was refused" in page
    send(cast, draft, typed=typed(draft, nones=ALL_NONES))
    report = text(as_("second_operator").get(f"/handoff/{draft.pk}/"))
    for shown in (page, report):
        assert item.ref in shown
        assert RECIPIENT not in shown


# --- What is hidden ---------------------------------------------------------------------------------


def test_neither_its_secret_nor_its_recipient_is_kept_of_an_answer(
    item, cast, service, as_, calls, caplog
):
    caplog.set_level(logging.DEBUG, "approvals")
    service.fault = "recipient_refused"  # says both
    cast.run(cast.approve(item))
    client = as_("operator")
    evidence = item.effect.tries.get().evidence
    assert "[secret]" in evidence
    assert "a…@example.test" in evidence
    shown = [
        evidence,
        caplog.text,
        json.dumps(list(Event.objects.values("facts", "reason", "changes")), default=str),
        text(client.get(f"/requests/{item.ref}/")),
        text(client.get(f"/requests/{item.ref}/attempts/1/")),
        text(client.get("/failures/gift-card-recipient-refused/")),
        text(calls(cast.operator, "read").get(f"/requests/{item.ref}/attempts")),
    ]
    for place_ in shown:
        assert SECRET not in place_
        assert RECIPIENT not in place_


def test_its_secret_is_in_no_log():
    said = logging.LogRecord("gift_cards", logging.ERROR, "f", 1, f"No: {SECRET}", (), None)
    written = formatter(env.read({"SECRET_KEY": "k" * 50})).format(said)
    assert "No: [secret]" in written


@pytest.fixture
def changed(item, cast):
    """Asked for with another recipient."""
    said = {"customer": item.customer, "reason": item.reason, "ticket": item.ticket}
    payload = {**item.payload, "recipient": OTHER}
    by = {"by": cast.requester, "at": cast.now, "key": cast.key()}
    submit.resubmit(ref=item.ref, revision=1, payload=payload, **said, **by)
    return cast.get(item.ref)


def test_a_change_of_it_shows_only_ends(changed, cast, desk, as_):
    grants.give("audit_queue", to=cast.auditor, on=desk)
    event = Event.objects.get(action="request.resubmit")
    assert event.changes[0]["field"] == "Recipient"
    for address in (f"/requests/{changed.ref}/", f"/audit/events/{event.pk}/"):
        page = text(as_("auditor").get(address))
        assert "a…@example.test" in page
        assert "b…@example.test" in page
        assert RECIPIENT not in page
        assert OTHER not in page


def test_who_asks_is_shown_it_and_that_is_recorded(item, as_):
    page = text(as_("operator").post(f"/requests/{item.ref}/reveal/"))
    assert RECIPIENT in page
    assert Event.objects.get(action="request.reveal").facts == {"fields": "Recipient"}
