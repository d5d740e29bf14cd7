"""`create_token`: a token of the API for one account, made by whoever may run commands here."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import tokens
from accounts.command_line import OPERATOR
from accounts.models import Scope, User


class Command(BaseCommand):
    help = "Make a token of the API. Prints the token alone; it is never shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="Whose token it is.")
        parser.add_argument("--name", required=True, help="What it is for, such as “zendesk”.")
        parser.add_argument(
            "--scope", action="append", required=True, choices=Scope.values, help="May be repeated."
        )
        parser.add_argument("--days", type=int, default=90, help="1 to 90; 90 unless told.")

    def handle(
        self, *args: object, email: str, name: str, scope: list[str], days: int, **options: object
    ) -> None:
        owner = User.objects.filter(email__iexact=email).first()
        if owner is None:
            raise CommandError(f"There is no account {email}.")
        try:
            made = tokens.make(
                owner, name=name, scopes=scope, days=days, at=timezone.now(), by=OPERATOR
            )
        except tokens.TokenRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(made.secret)
