"""Letters: what is due and still true goes into one, and it leaves at most once."""

import smtplib
from datetime import time, timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from notifications import letters
from notifications.commands import read
from notifications.models import Letter, LetterState, Notice, Topic
from notifications.notices import tell
from notifications.telling import Telling
from tests.notifications.common import hear, prefer, soon

pytestmark = pytest.mark.django_db


class Failing(EmailBackend):
    """Raises what `errors` holds, in order; afterwards it sends."""

    errors: list[Exception] = []

    def send_messages(self, messages):
        if Failing.errors:
            raise Failing.errors.pop(0)
        return super().send_messages(messages)


@pytest.fixture
def failing(settings):
    settings.EMAIL_BACKEND = f"{Failing.__module__}.{Failing.__qualname__}"
    Failing.errors = []
    return Failing.errors


def write(cast, user, *, at=None) -> Letter | None:
    return letters.write(user.pk, at=at or soon(cast.now))


def send(letter: Letter, *, at=None) -> Letter:
    letters.send(letter.pk, at=at or letter.written_at)
    letter.refresh_from_db()
    return letter


def asked_and_written(cast) -> Letter:
    cast.ask()
    hear(cast)
    return write(cast, cast.approver)


def test_what_is_due_goes_into_one_letter(cast, settings):
    settings.BASE_URL = "https://queue.example.com"
    one, other = cast.ask(), cast.ask()
    hear(cast)
    assert write(cast, cast.approver, at=cast.now) is None  # more may come within the minute
    letter = send(write(cast, cast.approver))
    assert letter.state == LetterState.SENT
    (sent,) = mail.outbox
    assert sent.to == [cast.approver.email]
    assert f"https://queue.example.com/requests/{one.ref}/#decide" in sent.body
    assert f"https://queue.example.com/requests/{other.ref}/#decide" in sent.body
    assert sent.subject.endswith(", and 1 more")
    assert sent.extra_headers["Message-ID"] == letter.message_id
    assert write(cast, cast.approver) is None


def test_links_only_show(cast, client):
    letter = asked_and_written(cast)
    client.force_login(cast.approver)
    before = list(Notice.objects.values()), cast.get(Notice.objects.first().item.ref).version
    for line in letter.body.splitlines():
        if line.startswith("http"):
            assert client.get("/" + line.split("/", 3)[3].split("#")[0]).status_code == 200
    after = list(Notice.objects.values()), cast.get(Notice.objects.first().item.ref).version
    assert after == before


def test_what_was_decided_meanwhile_is_not_written(cast):
    item = cast.ask()
    hear(cast)
    cast.approve(item, cast.second_approver)
    assert write(cast, cast.approver) is None
    assert not Notice.objects.filter(mail_at__isnull=False, user=cast.approver).exists()


def test_what_was_read_is_not_written(cast):
    cast.ask()
    hear(cast)
    read(by=cast.approver, at=cast.now, until=Notice.objects.latest("pk").pk)
    assert write(cast, cast.approver) is None


def test_who_wants_no_mail_gets_none(cast):
    cast.ask()
    hear(cast)
    prefer(cast.approver, cast, by_email=False)
    cast.ask()
    hear(cast)
    assert write(cast, cast.approver) is None
    assert Notice.objects.filter(user=cast.approver).count() == 2


def test_a_closed_account_gets_none(cast):
    cast.ask()
    hear(cast)
    type(cast.approver).objects.filter(pk=cast.approver.pk).update(is_active=False)
    assert write(cast, cast.approver) is None
    assert letters.users_with_something_due(soon(cast.now)) == [
        user.pk for user in (cast.second_approver, cast.limited_approver)
    ]


def test_quiet_hours_wait_until_they_end_but_not_for_what_is_urgent(cast):
    """09:12 UTC is 10:12 in Berlin."""
    prefer(cast.approver, cast, quiet_from=time(10), quiet_until=time(12))
    cast.ask()
    hear(cast)
    assert write(cast, cast.approver) is None
    tell([Telling(cast.approver.pk, Topic.MINE, "u", "Unknown.", "/", is_urgent=True)], at=cast.now)
    assert write(cast, cast.approver).subject == "Unknown"
    assert write(cast, cast.approver, at=cast.now + timedelta(hours=1, minutes=48)) is not None


def test_a_letter_that_is_sent_twice_leaves_once(cast):
    letter = asked_and_written(cast)
    send(letter)
    send(letter)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("no"),
        smtplib.SMTPConnectError(421, b"busy"),
        smtplib.SMTPAuthenticationError(535, b"bad login"),
        smtplib.SMTPRecipientsRefused({"a@b": (450, b"later")}),
        smtplib.SMTPDataError(451, b"later"),
    ],
)
def test_what_surely_did_not_leave_is_sent_again_later(cast, failing, error):
    letter = asked_and_written(cast)
    failing.append(error)
    send(letter)
    assert (letter.state, letter.next_at) == (
        LetterState.WAITING,
        letter.written_at + timedelta(minutes=1),
    )
    assert send(letter).state == LetterState.WAITING  # not yet
    assert send(letter, at=letter.next_at).state == LetterState.SENT
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPServerDisconnected("gone"),
        TimeoutError("slow"),
        OSError("reset"),
        ValueError("?"),
    ],
)
def test_what_may_have_left_is_not_sent_again(cast, failing, error):
    letter = asked_and_written(cast)
    failing.append(error)
    assert send(letter).state == LetterState.UNKNOWN
    assert send(letter, at=letter.written_at + timedelta(days=1)).state == LetterState.UNKNOWN
    assert mail.outbox == []


def test_what_the_server_will_never_take_is_given_up(cast, failing):
    letter = asked_and_written(cast)
    failing.append(smtplib.SMTPRecipientsRefused({"a@b": (550, b"no such user")}))
    assert send(letter).state == LetterState.FAILED
    assert letter.cause == "The mail server does not take mail for this address."


def test_it_is_tried_five_times(cast, failing):
    letter = asked_and_written(cast)
    failing.extend(ConnectionRefusedError() for _ in range(9))
    for _ in range(9):
        send(letter, at=letter.next_at or letter.written_at)
    assert (letter.state, letter.tries) == (LetterState.FAILED, 5)


def test_a_letter_whose_worker_died_is_not_sent_again(cast):
    letter = asked_and_written(cast)
    Letter.objects.filter(pk=letter.pk).update(
        state=LetterState.SENDING, next_at=None, tried_at=cast.now, tries=1
    )
    assert letters.give_up_on_lost(at=cast.now + timedelta(minutes=4)) == 0
    assert letters.give_up_on_lost(at=cast.now + timedelta(minutes=6)) == 1
    letter.refresh_from_db()
    assert letter.state == LetterState.UNKNOWN
    assert letters.due(cast.now + timedelta(days=1)) == []


def test_a_cause_never_holds_what_the_server_said(cast, failing):
    letter = asked_and_written(cast)
    failing.append(smtplib.SMTPAuthenticationError(535, b"user queue password hunter2"))
    assert "hunter2" not in send(letter).cause


def test_a_subject_cannot_carry_a_header(cast):
    tell([Telling(cast.approver.pk, Topic.MINE, "m", "One\r\nBcc: x@y.z", "/")], at=cast.now)
    letter = send(write(cast, cast.approver))
    assert letter.state == LetterState.SENT
    assert mail.outbox[0].subject == "One Bcc: x@y.z"


def test_old_letters_and_settled_notices_are_forgotten(cast):
    item = cast.ask()
    hear(cast)
    send(write(cast, cast.approver))
    cast.approve(item, cast.second_approver)
    unread = cast.ask()
    hear(cast)
    letters.forget_old(at=cast.now + timedelta(days=31))
    assert not Letter.objects.exists()
    assert set(Notice.objects.values_list("item__ref", flat=True)) == {unread.ref}
