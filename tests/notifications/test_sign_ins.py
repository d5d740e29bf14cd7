"""What changes about how somebody signs in is told to them, whoever did it, and always by mail."""

import re
from datetime import time, timedelta

import pytest
from django.test import Client

from accounts.models import User
from audit.models import Event, Outcome
from notifications import letters
from notifications.commands import read
from notifications.models import Letter, Notice, Topic
from rights.commands import proposals
from tests.accounts.test_second_factor import _forget_used_codes, code_for, set_up, signed_in
from tests.conftest import PASSWORD
from tests.notifications.common import hear, prefer, soon, told

pytestmark = pytest.mark.django_db

NEW = "another long enough secret"


def changed_password(user: User) -> Client:
    client = signed_in(user)
    said = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    assert client.post("/accounts/password/change/", said).status_code == 302
    return client


def about_sign_in(user: User) -> list[str]:
    return [sentence.split(". If")[0] for sentence in told(user, Topic.ACCOUNT)]


def test_a_changed_password_is_told_to_whose_it_is(cast):
    changed_password(cast.approver)
    hear(cast)
    assert about_sign_in(cast.approver) == ["Your password was changed"]
    assert about_sign_in(cast.second_approver) == []


def test_factors_and_codes_are_told(cast):
    client = signed_in(cast.approver)
    set_up(client)
    client.post("/accounts/2fa/totp/deactivate/")
    hear(cast)
    assert about_sign_in(cast.approver) == [
        "A second factor of yours was set up",
        "New recovery codes were made for your account",
        "A second factor of yours was removed",
    ]


def test_it_is_mailed_to_who_wants_no_mail_and_has_read_it(cast, mailoutbox):
    """Whoever took the account over can turn mail off and read the inbox first."""
    prefer(cast.approver, cast, by_email=False, quiet_from=time(0), quiet_until=time(23, 59))
    changed_password(cast.approver)
    hear(cast, at=Event.objects.latest("pk").occurred_at)
    at = Notice.objects.latest("pk").at
    prefer(cast.approver, cast, by_email=False)
    read(by=cast.approver, at=at, until=Notice.objects.latest("pk").pk)
    letter = letters.write(cast.approver.pk, at=soon(at))
    letters.send(letter.pk, at=soon(at))
    [mail] = mailoutbox
    assert mail.to == [cast.approver.email]
    assert "Your password was changed." in mail.body
    assert NEW not in mail.body


def test_other_news_that_was_read_is_still_not_mailed(cast):
    cast.ask()
    hear(cast)
    read(by=cast.approver, at=cast.now, until=Notice.objects.latest("pk").pk)
    assert letters.write(cast.approver.pk, at=soon(cast.now)) is None


def test_without_a_mail_server_nothing_is_written_to_anybody(cast, settings):
    settings.SENDS_MAIL = False
    changed_password(cast.approver)
    hear(cast)
    assert about_sign_in(cast.approver) == ["Your password was changed"]
    assert not Notice.objects.exclude(mail_at=None).exists()
    assert not Letter.objects.exists()


def change_address(cast, address: str) -> None:
    other = User.objects.get(email="admin2@demo.test")
    change = {"what": "address", "person": cast.approver.pk, "address": address}
    said = {"changes": [change], "reason": "Moved.", "by": cast.admin, "at": cast.now}
    asked = proposals.propose(**said, key=cast.key())
    proposals.accept(pk=int(asked.ref), by=other, at=cast.now, key=cast.key())


def test_each_old_address_is_written_to_when_it_changed_twice(cast):
    change_address(cast, "typo@demo.test")
    change_address(cast, "new@demo.test")
    hear(cast)
    old = Letter.objects.filter(body__contains="You no longer sign in with this address")
    assert sorted(letter.address for letter in old) == ["finance1@demo.test", "typo@demo.test"]


def test_a_changed_address_is_told_to_the_old_one_too(cast, mailoutbox):
    change_address(cast, "new@demo.test")
    hear(cast)
    assert about_sign_in(cast.approver) == ["You sign in with another address from now on"]
    letters.write(cast.approver.pk, at=soon(cast.now))
    for pk in letters.due(soon(cast.now)):
        letters.send(pk, at=soon(cast.now))
    assert sorted(mail.to[0] for mail in mailoutbox) == ["finance1@demo.test", "new@demo.test"]
    [old] = [mail for mail in mailoutbox if mail.to == ["finance1@demo.test"]]
    assert "You no longer sign in with this address" in old.body
    assert "new@demo.test" not in old.body


@pytest.mark.parametrize(("wrong", "is_told"), [(2, False), (3, True)])
def test_a_sign_in_after_several_wrong_passwords_is_told(cast, wrong, is_told):
    for _ in range(wrong):
        said = {"login": cast.approver.email.upper(), "password": "wrong wrong wrong"}
        Client().post("/accounts/login/", said)
    signed_in(cast.approver)
    event = Event.objects.filter(action="person.sign_in", outcome=Outcome.SUCCESS).latest("id")
    assert event.facts["wrong_before"] == wrong
    hear(cast)
    words = f"Somebody signed in as you after {wrong} wrong passwords or codes"
    assert about_sign_in(cast.approver) == ([words] if is_told else [])


def test_wrong_passwords_before_the_last_sign_in_are_not_counted_again(cast):
    for _ in range(3):
        Client().post("/accounts/login/", {"login": cast.approver.email, "password": "w" * 16})
    signed_in(cast.approver)
    signed_in(cast.approver)
    hear(cast)
    assert len(about_sign_in(cast.approver)) == 1


def test_wrong_codes_after_a_right_password_are_told_once(cast):
    set_up(signed_in(cast.approver))
    Notice.objects.all().delete()
    client = Client()
    client.post("/accounts/login/", {"login": cast.approver.email, "password": PASSWORD})
    for _ in range(4):
        _forget_used_codes()
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    hear(cast)
    wrong = [one for one in about_sign_in(cast.approver) if "wrong codes" in one]
    assert wrong == ["Somebody who knows your password typed 3 wrong codes"]


def test_no_sentence_holds_a_secret(cast):
    client = signed_in(cast.approver)
    secret = set_up(client)
    page = client.get("/accounts/2fa/recovery-codes/").content.decode()
    hear(cast)
    text = " ".join(told(cast.approver)) + " ".join(str(one.facts) for one in Event.objects.all())
    for mark in (secret, PASSWORD, *re.findall(r"\b\d{8}\b", page)):
        assert mark not in text
    assert code_for(secret)


def test_news_of_long_ago_is_in_the_inbox_only(cast):
    changed_password(cast.approver)
    hear(cast, at=Event.objects.latest("pk").occurred_at + timedelta(days=2))
    assert not Notice.objects.exclude(mail_at=None).exists()
