"""E-mails: what is due for a person goes into one letter, and each letter leaves at most once.

Written and marked as being sent in one transaction, sent with none open, and its fate recorded in
another. A letter that may have left (the connection broke, the worker died) is not sent again: the
inbox holds the same and loses nothing.
"""

import logging
import smtplib
import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q
from django.template.loader import render_to_string

from accounts.models import User
from notifications import queries
from notifications.models import Letter, LetterState, Notice, Topic

log = logging.getLogger(__name__)

MOST_IN_ONE = 20
MOST_TRIES = 5
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120)]
GIVEN_UP_AFTER = timedelta(minutes=5)  # a letter that is “being sent” for longer lost its worker

# The server said no, or there was no server: nothing has left.
SURELY_NOT_SENT = (
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPNotSupportedError,
    smtplib.SMTPSenderRefused,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPDataError,
    ConnectionRefusedError,
)


def users_with_something_due(at: datetime) -> list[int]:
    """Whose notices are to be written to them by now."""
    found = Notice.objects.filter(mail_at__lte=at).values_list("user", flat=True)
    return list(found.order_by("user").distinct())


def write(user_id: int, *, at: datetime) -> Letter | None:
    """One letter with what is due for this person and is still true; None if nothing is."""
    with transaction.atomic():
        user = User.objects.select_for_update().filter(pk=user_id, is_active=True).first()
        due = Notice.objects.filter(user=user_id, mail_at__lte=at)
        if user is None:
            due.update(mail_at=None)
            return None
        still = due.filter(queries.is_new() | Q(topic=Topic.ACCOUNT))
        notices = list(still.order_by("-is_urgent", "at", "pk"))
        letter = _begun(user, notices, at) if notices else None
        due.update(mail_at=None)
        if letter is not None:
            Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(letter=letter)
        return letter


def _begun(user: User, notices: Sequence[Notice], at: datetime) -> Letter:
    more = len(notices) - MOST_IN_ONE
    body = render_to_string(
        "notifications/letter.txt",
        {
            "user": user,
            "notices": [
                {"sentence": one.sentence, "url": absolute(one.url)}
                for one in notices[:MOST_IN_ONE]
            ],
            "more": max(more, 0),
            "inbox_url": absolute("/inbox/"),
            "settings_url": absolute("/me/notify/"),
        },
    )
    first = notices[0].sentence.rstrip(".")
    subject = first if len(notices) == 1 else f"{first}, and {len(notices) - 1} more"
    return keep(user, subject=subject, body=body, at=at)


def keep(
    user: User,
    *,
    subject: str,
    body: str,
    at: datetime,
    day: date | None = None,
    address: str = "",
) -> Letter:
    """A letter that is due now; to their own address unless another is given."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return Letter.objects.create(
        user=user,
        message_id=f"<{uuid.uuid4()}@{host}>",
        subject=subject[:200],
        body=body,
        day=day,
        address=address,
        next_at=at,
        written_at=at,
    )


def write_to_old_address(user: User, address: str, sentence: str, *, at: datetime) -> None:
    """The new one may be somebody else's."""
    if settings.SENDS_MAIL:
        notices = [{"sentence": sentence, "url": absolute("/me/")}]
        body = render_to_string("notifications/letter.txt", {"user": user, "notices": notices})
        keep(user, subject=sentence, body=body, at=at, address=address)


def absolute(path: str) -> str:
    return f"{settings.BASE_URL}{path}"


# --- Sending --------------------------------------------------------------------------------------


def due(at: datetime) -> list[int]:
    found = Letter.objects.filter(state=LetterState.WAITING, next_at__lte=at)
    return list(found.order_by("next_at", "pk").values_list("pk", flat=True)[:100])


def send(letter_id: int, *, at: datetime) -> None:
    """Send it, if it waits; called twice, it leaves once."""
    letter = _taken(letter_id, at)
    if letter is None:
        return
    try:
        _post(letter)
    except SURELY_NOT_SENT as error:
        _not_sent(letter, error, at)
    except Exception as error:
        log.warning("letter may have left", extra={"letter": letter.pk, "error": repr(error)})
        _ended(letter, LetterState.UNKNOWN, cause=_words(error))
    else:
        _ended(letter, LetterState.SENT, sent_at=at)


def give_up_on_lost(*, at: datetime) -> int:
    """Letters whose worker died in the middle may have left; how many they were."""
    lost = Letter.objects.filter(state=LetterState.SENDING, tried_at__lt=at - GIVEN_UP_AFTER)
    return lost.update(state=LetterState.UNKNOWN, cause="The worker that sent it stopped.")


def _taken(letter_id: int, at: datetime) -> Letter | None:
    taken = Letter.objects.filter(pk=letter_id, state=LetterState.WAITING, next_at__lte=at).update(
        state=LetterState.SENDING, next_at=None, tried_at=at, tries=F("tries") + 1
    )
    return Letter.objects.select_related("user").get(pk=letter_id) if taken else None


def _post(letter: Letter) -> None:
    message = EmailMessage(
        subject=" ".join(letter.subject.split()),
        body=letter.body,
        to=[letter.address or letter.user.email],
        headers={"Message-ID": letter.message_id, "Auto-Submitted": "auto-generated"},
    )
    message.send()


def _not_sent(letter: Letter, error: Exception, at: datetime) -> None:
    """Try again later, unless the server will never take it or it was tried often enough."""
    if _is_final(error) or letter.tries >= MOST_TRIES:
        _ended(letter, LetterState.FAILED, cause=_words(error))
        return
    _ended(
        letter,
        LetterState.WAITING,
        cause=_words(error),
        next_at=at + WAITS[min(letter.tries, len(WAITS)) - 1],
    )


def _is_final(error: Exception) -> bool:
    """The server answered with 5xx to this letter; a refused login can be corrected meanwhile."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    refused = isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError)
    return refused and error.smtp_code >= 500


def _ended(letter: Letter, state: LetterState, **fields: object) -> None:
    """Only who holds it may say what became of it."""
    Letter.objects.filter(pk=letter.pk, state=LetterState.SENDING, tries=letter.tries).update(
        state=state, **fields
    )


def _words(error: Exception) -> str:
    """For the person's page: what went wrong, without addresses or passwords."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "The mail server refused our login."
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "The mail server does not take mail for this address."
    if isinstance(error, smtplib.SMTPResponseException):
        return f"The mail server answered {error.smtp_code}."
    if isinstance(error, ConnectionRefusedError):
        return "The mail server could not be reached."
    return "The connection to the mail server broke."


def forget_old(*, at: datetime, kept: timedelta = timedelta(days=30)) -> None:
    """Letters of long ago, and notices that were read or have settled themselves."""
    Letter.objects.filter(written_at__lt=at - kept).exclude(state=LetterState.WAITING).delete()
    Notice.objects.filter(~queries.is_new(), at__lt=at - kept).delete()
