"""`draw_states`: write docs/states.md from the transitions in the code."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from approvals.states_page import page


class Command(BaseCommand):
    help = "Write docs/states.md from the transitions in the code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail when it would change")

    def handle(self, *args: object, check: bool, **options: object) -> None:
        path = settings.BASE_DIR / "docs" / "states.md"
        if check and (not path.exists() or path.read_text(encoding="utf-8") != page()):
            raise CommandError(f"{path.name} is not what the code says: run draw_states.")
        path.write_text(page(), encoding="utf-8")
        self.stdout.write(f"{path.name} is what the code says.")
