"""`password_link`: for installations that send no mail, made by whoever may run commands here."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts import invitations
from accounts.command_line import OPERATOR
from accounts.models import User
from rights.commands.accounts import tell_of_link


class Command(BaseCommand):
    help = "Print a link with which somebody chooses a password. It works once, within an hour."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="Whose password it is.")

    def handle(self, *args: object, email: str, **options: object) -> None:
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            raise CommandError(f"There is no account {email}.")
        if not user.is_active or user.is_service:
            raise CommandError(f"{email} is closed or a program: nobody signs in with it.")
        with transaction.atomic():
            tell_of_link(user, actor=OPERATOR, at=timezone.now())
        self.stdout.write(invitations.link(user))
