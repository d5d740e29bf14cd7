"""A comment whose session had ended is there again after the sign-in."""

import time

import pytest
from django.test import Client

from accounts.sessions import IDLE, SEEN
from approvals.views import kept
from audit.models import Event
from tests.approvals.pages.common import hidden, text

COMMENT = "Called twice, needs an answer <today>."


@pytest.fixture
def ended(cast, as_):
    """A browser whose session ended while a note was written, with the note's address and token."""
    item = cast.ask()
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.operator)
    address = f"/requests/{item.ref}/note/"
    page = client.get(address)
    form = {name: hidden(page, name) for name in ("csrfmiddlewaretoken", "writer")}
    del client.cookies["aq_session"]
    return client, address, form


def send(client: Client, address: str, form: dict, comment: str = COMMENT):
    return client.post(address, {**form, "reason": comment, "idempotency_key": "K"})


def test_it_stands_in_its_form_after_the_sign_in_and_nothing_was_recorded(cast, ended):
    client, address, form = ended
    before = Event.objects.filter(action="request.note").count()
    answer = send(client, address, form)
    assert answer.status_code == 401
    assert "Your comment is kept for 30 minutes." in text(answer)
    assert Event.objects.filter(action="request.note").count() == before
    client.force_login(cast.operator)
    assert "Called twice, needs an answer &lt;today&gt;.</textarea>" in text(client.get(address))


def test_the_browser_is_not_told_to_clear_it_when_the_time_of_a_session_was_over(cast, ended):
    client, address, form = ended
    client.force_login(cast.operator)
    session = client.session
    session[SEEN] = time.time() - IDLE.total_seconds() - 1
    session.save()
    answer = send(client, address, form)
    assert "Your comment is kept for 30 minutes." in text(answer)
    assert answer.cookies[kept.NAME].value
    assert "Clear-Site-Data" not in answer.headers


def test_it_is_gone_once_it_was_sent(cast, ended):
    client, address, form = ended
    send(client, address, form)
    client.force_login(cast.operator)
    form["csrfmiddlewaretoken"] = hidden(client.get(address), "csrfmiddlewaretoken")
    assert send(client, address, form).status_code == 302
    assert "Called twice" not in text(client.get(address))


def test_another_site_puts_no_words_into_somebodys_mouth(ended):
    client, address, form = ended
    answer = send(client, address, {**form, "csrfmiddlewaretoken": "x" * 64})
    assert answer.status_code == 401
    assert kept.NAME not in answer.cookies
    assert "is kept" not in text(answer)


def test_it_belongs_to_its_own_page(cast, ended):
    client, address, form = ended
    send(client, address, form)
    client.force_login(cast.operator)
    client.cookies[kept.NAME]["path"] = "/"
    assert "Called twice" not in text(client.get(address.replace("note", "withdraw")))


def test_who_signs_in_next_in_this_browser_does_not_get_it(cast, ended):
    client, address, form = ended
    send(client, address, form)
    client.force_login(cast.approver)
    answer = client.get(address)
    assert answer.status_code == 200
    assert "Called twice" not in text(answer)


@pytest.mark.parametrize("writer", ["", "1", "x:y"])
def test_a_form_that_does_not_say_who_wrote_keeps_nothing(ended, writer):
    client, address, form = ended
    answer = send(client, address, {**form, "writer": writer})
    assert kept.NAME not in answer.cookies
    assert COMMENT.split("<")[0] in text(answer)


def test_what_does_not_fit_is_still_given_back_to_copy(ended):
    client, address, form = ended
    comment = "".join(chr(0x4E00 + (number * 7919) % 20000) for number in range(2000))
    answer = send(client, address, form, comment)
    assert kept.NAME not in answer.cookies
    assert comment in text(answer)


@pytest.mark.parametrize("made_up", ["", "x", "eyJ:a:b", "a:b:c:d"])
def test_a_made_up_one_is_none(cast, as_, made_up):
    item = cast.ask()
    client = as_("operator")
    client.cookies[kept.NAME] = made_up
    assert client.get(f"/requests/{item.ref}/note/").status_code == 200
