"""The harness's people may do what its clients have them do: nothing else of a run would say so soon."""

import uuid

import pytest
from django.test import Client

from tests.crash.harness.history import OK
from tests.crash.harness.web import classified
from tests.crash.harness.world import PEOPLE, _account

pytestmark = pytest.mark.usefixtures("db")


def test_each_may_decide_what_asks_who_is_there(cast):
    """Also where a step wants to know anew that it is really them."""
    item = cast.ask(payload={"amount": 200_000})
    assert item.open_steps[0].person_present
    name, person, teams = next(one for one in PEOPLE if one[2] == "Finance")
    account = _account(name, person, teams)
    client = Client()
    client.cookies["aq_session"] = account.session
    form = {"revision": "1", "step": "1", "reason": "", "idempotency_key": str(uuid.uuid4())}
    answer = client.post(f"/requests/{item.ref}/approve/", form)
    place = answer.headers.get("Location", "")
    assert classified(answer.status_code, place, answer.content) == OK
