"""A link with which somebody chooses a password of their own: mailed to them, or told to an operator.

Nobody chooses it for them, and no administrator sees the link: who could would be anybody.
"""

import logging
from smtplib import SMTPException

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import User

log = logging.getLogger(__name__)


def link(user: User) -> str:
    """Works once, within `PASSWORD_RESET_TIMEOUT` seconds."""
    where = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    return f"{settings.BASE_URL}{reverse('account_reset_password_from_key', kwargs=where)}"


def mail_link(user: User) -> bool:
    """Whether the mail server took it; who asks for it is an administrator and may know."""
    about = {"name": user.name, "link": link(user), "is_new": user.last_login is None}
    subject, body = (
        render_to_string(f"account/email/invitation_{part}.txt", about).strip()
        for part in ("subject", "message")
    )
    try:
        send_mail(subject, body, None, [user.email])
    except (OSError, SMTPException):
        log.exception("A link to choose a password could not be mailed")
        return False
    return True
