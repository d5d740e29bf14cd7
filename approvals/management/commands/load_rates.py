"""`load_rates FILE`: what currencies are worth, for rules that ask for a value in another one."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from approvals.commands.rates import MalformedRates, load_rates


class Command(BaseCommand):
    help = "Load exchange rates (CSV: currency,base,rate,as_of)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: object, file: Path, **options: object) -> None:
        try:
            new = load_rates(file.read_text(encoding="utf-8"), at=timezone.now())
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        except MalformedRates as malformed:
            raise CommandError("\n".join(malformed.problems)) from malformed
        self.stdout.write(f"{new} rates are new.")
