"""Commands that somebody must stand behind ask for their password, or take the first line of input."""

import getpass
import sys

from django.core.management.base import CommandError

from accounts.models import User


def signed_in(email: str) -> User:
    """Who gives this command. Raises `CommandError` when there is no such account."""
    person = User.objects.filter(email__iexact=email, is_active=True).first()
    typed = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if person is None or not person.check_password(typed):
        raise CommandError("There is no such account with this password.")
    return person
