"""New accounts and links to choose a password: nobody chooses somebody else's."""

import re

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from audit.models import Event, Outcome
from tests.conftest import PASSWORD

NEW = {"name": "Nora Novak", "email": "Nora.Novak@demo.test"}
CHOSEN = "rather-long-and-new-1"


@pytest.fixture
def mails(settings, db):
    settings.SENDS_MAIL = True
    return mail.outbox


@pytest.fixture
def admin(cast, as_) -> Client:
    return as_(cast.admin)


def text(response) -> str:
    return response.content.decode()


def make(admin: Client, key: str = "k-1", **changes: str):
    return admin.post("/people/new/", {**NEW, "idempotency_key": key, **changes}, follow=True)


def choose(address: str) -> Client:
    """By the link of the mail, as whoever got it."""
    client = Client()
    form = client.get(address, follow=True).redirect_chain[-1][0]
    assert client.post(form, {"password1": CHOSEN, "password2": CHOSEN}).status_code == 302
    return client


def link_in(text: str) -> str:
    return re.search(r"https?://[^/]+(/accounts/password/reset/key/\S+)", text)[1]


def can_sign_in(email: str, password: str) -> bool:
    client = Client()
    client.post("/accounts/login/", {"login": email, "password": password})
    return "_auth_user_id" in client.session


def test_a_new_account_has_no_password_and_no_rights(admin, mails):
    answer = make(admin)
    made = User.objects.get(email="nora.novak@demo.test")
    assert answer.redirect_chain == [(f"/people/{made.pk}/access/", 302)]
    assert "Nora Novak has an account, and no rights yet." in text(answer)
    assert not made.has_usable_password()
    assert (made.is_staff, made.is_superuser, made.is_service) == (False, False, False)
    assert not made.memberships.exists()
    [event] = Event.objects.filter(action="access.make_account")
    assert event.target_id == str(made.pk)


def test_its_owner_chooses_the_password_by_the_link(admin, mails):
    make(admin)
    [sent] = mails
    assert sent.to == ["nora.novak@demo.test"]
    assert sent.subject == "Your account at Approval Queue"
    choose(link_in(sent.body))
    assert can_sign_in("nora.novak@demo.test", CHOSEN)


def test_the_link_works_once(admin, mails):
    make(admin)
    address = link_in(mails[0].body)
    choose(address)
    assert "does not work any more" in text(Client().get(address, follow=True))


def test_a_repeated_form_makes_one_account_and_one_mail(admin, mails):
    for _ in range(2):
        assert make(admin).status_code == 200
    assert len(mails) == 1
    assert User.objects.filter(name="Nora Novak").count() == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "Enter the name."),
        ({"name": "x" * 201}, "Write at most 200 characters."),
        ({"name": "a\x00b"}, "character"),
        ({"email": "nora"}, "Enter an e-mail address."),
        ({"email": ""}, "Enter the address."),
        ({"email": "FINANCE1@demo.test"}, "Another account has this e-mail address."),
    ],
)
def test_what_cannot_be_used_is_said(admin, mails, changes, sentence):
    before = User.objects.count()
    answer = make(admin, **changes)
    assert answer.status_code in (400, 422)
    assert sentence in text(answer)
    assert (User.objects.count(), len(mails)) == (before, 0)


def test_a_program_gets_no_link(admin, mails):
    make(admin, is_program="on")
    assert User.objects.get(email="nora.novak@demo.test").is_service
    assert mails == []


def test_without_mail_it_is_said_who_can_make_a_link(admin, settings):
    settings.SENDS_MAIL = False
    assert "manage.py password_link nora.novak@demo.test" in text(make(admin))
    assert mail.outbox == []


def test_a_mail_server_that_fails_is_told_of(admin, mails, settings):
    settings.EMAIL_BACKEND = "tests.rights.test_accounts.Broken"
    answer = make(admin)
    assert "did not take the mail" in text(answer)
    assert User.objects.filter(name="Nora Novak").exists()


class Broken:
    def __init__(self, *args, **kwargs) -> None:
        pass

    def send_messages(self, messages) -> int:
        raise OSError("No route to host")


@pytest.mark.parametrize("who", ["operator", "approver", "auditor"])
def test_only_administrators_make_accounts_and_send_links(cast, as_, mails, who):
    client = as_(getattr(cast, who))
    assert make(client).status_code == 404
    assert client.post(f"/people/{cast.admin.pk}/link/").status_code == 404
    assert mails == []


def test_nobody_adds_accounts_with_a_password_in_the_administration(admin):
    assert admin.get("/admin/accounts/user/add/").status_code == 403


# --- A link for somebody who has an account -----------------------------------------------------------


def ask(admin: Client, user: User, key: str = "k-2"):
    return admin.post(f"/people/{user.pk}/link/", {"idempotency_key": key}, follow=True)


def test_a_link_is_mailed_and_the_password_stays_until_it_is_used(cast, admin, mails):
    answer = ask(admin, cast.approver)
    assert f"mailed to {cast.approver.email}." in text(answer)
    [sent] = mails
    address = link_in(sent.body)
    assert address not in text(answer)
    assert can_sign_in(cast.approver.email, PASSWORD)
    [event] = Event.objects.filter(action="access.send_link")
    assert (event.target_id, event.actor_id) == (str(cast.approver.pk), str(cast.admin.pk))


def test_after_it_they_decide_nothing_for_a_day(cast, admin, mails):
    """As after every renewed sign-in: whoever reads their mail is not them yet."""
    User.objects.filter(pk=cast.approver.pk).update(last_login=cast.now)
    ask(admin, cast.approver)
    choose(link_in(mails[0].body))
    cast.approver.refresh_from_db()
    assert cast.approver.held_until is not None


def test_it_is_mailed_once_for_a_repeated_form(cast, admin, mails):
    ask(admin, cast.approver)
    assert "was sent before" in text(ask(admin, cast.approver))
    assert len(mails) == 1


def test_a_closed_account_and_a_program_get_none(cast, admin, mails):
    closed, program = cast.approver, cast.requester
    User.objects.filter(pk=closed.pk).update(is_active=False)
    User.objects.filter(pk=program.pk).update(is_service=True)
    assert ask(admin, closed).status_code == 409
    assert ask(admin, program, "k-3").status_code == 404
    assert mails == []
    assert Event.objects.filter(action="access.send_link", outcome=Outcome.DENIED).count() == 2


def test_without_mail_nothing_is_sent_and_no_button_says_so(cast, admin, settings):
    settings.SENDS_MAIL = False
    page = f"/people/{cast.approver.pk}/access/"
    assert "Mail a link" not in text(admin.get(page))
    answer = ask(admin, cast.approver)
    assert answer.status_code == 409
    assert "password_link" in text(answer)


# --- On the server ------------------------------------------------------------------------------------


def test_an_operator_makes_a_link(committed_db, cast, capsys):
    call_command("password_link", cast.approver.email.upper())
    choose(link_in(capsys.readouterr().out))
    assert can_sign_in(cast.approver.email, CHOSEN)
    [event] = Event.objects.filter(action="access.send_link")
    assert event.actor_id == "command-line"


def test_a_link_stands_in_no_log(cast, admin, mails, caplog):
    caplog.set_level("INFO", "approvals.access")
    ask(admin, cast.approver)
    address = link_in(mails[0].body)
    choose(address)
    lines = [vars(line) for line in caplog.records if line.name == "approvals.access"]
    assert "/accounts/password/reset/key/" in {line["path"] for line in lines}
    assert address.rstrip("/").rpartition("-")[2] not in str(lines)


def test_what_is_pasted_into_a_shell_is_one_word(cast, admin, settings):
    settings.SENDS_MAIL = False
    assert "&#x27;a&amp;reboot&amp;@demo.test&#x27;" in text(
        make(admin, email="a&reboot&@demo.test")
    )


def test_an_operator_is_told_why_there_is_none(cast):
    User.objects.filter(pk=cast.approver.pk).update(is_active=False)
    for email in ("nobody@demo.test", cast.approver.email):
        with pytest.raises(CommandError):
            call_command("password_link", email)
