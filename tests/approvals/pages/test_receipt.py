"""The receipt of a request: who gets it, that taking it along is recorded, and that it holds."""

import json

import pytest

from audit import verify_receipt
from audit.models import Event
from tests.approvals.pages.common import text
from tests.audit.common import place, seal

__all__ = ["place"]


@pytest.fixture
def sealed(committed_db, cast, place):
    item = cast.approve(cast.ask())
    seal(cast.now)
    return item


def address(item) -> str:
    return f"/requests/{item.ref}/receipt/"


def test_the_page_says_what_is_proven(sealed, as_, settings):
    shown = text(as_("operator").get(address(sealed)))
    assert "2 of 2 events under checkpoint 1" in shown
    assert str(settings.AUDIT_SIGNING_KEYS[0].public).replace("+", "&#x2B;") in shown or (
        str(settings.AUDIT_SIGNING_KEYS[0].public) in shown
    )
    assert Event.objects.filter(action="request.receipt").count() == 0


@pytest.mark.parametrize(("form", "has_private"), [({}, True), ({"personal": "without"}, False)])
def test_the_file_holds_and_its_leaving_is_recorded(sealed, as_, cast, settings, form, has_private):
    answer = as_("auditor").post(address(sealed), form)
    assert (
        answer.headers["Content-Disposition"] == f'attachment; filename="{sealed.ref}.receipt.json"'
    )
    key = str(settings.AUDIT_SIGNING_KEYS[0].public)
    assert "2 of them are under checkpoint 1" in " ".join(verify_receipt.verify(text(answer), key))
    assert any("private" in event for event in json.loads(text(answer))["events"]) is has_private
    told = Event.objects.get(action="request.receipt")
    assert (told.stream, told.target_id) == (f"person/{cast.auditor.person_key}", sealed.ref)
    assert told.facts["personal_data"] == ("with" if has_private else "without")


@pytest.mark.parametrize("who", ["requester", "stranger", "superuser"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may_not_inspect_it_gets_none(sealed, as_, who, method):
    assert getattr(as_(who), method)(address(sealed)).status_code == 404
    assert Event.objects.filter(action="request.receipt").count() == 0


def test_without_a_key_that_is_said(sealed, as_, settings):
    settings.AUDIT_SIGNING_KEYS = []
    answer = as_("operator").get(address(sealed))
    assert answer.status_code == 400
    assert "AUDIT_SIGNING_KEY is not set" in text(answer)


def test_the_verifier_is_given_as_it_is(as_, cast):
    answer = as_("requester").get("/help/verify_receipt.py")
    assert b"".join(answer.streaming_content).startswith(b"#!/usr/bin/env python3")
