from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from demo.simulator.__main__ import CannotStart, add_arguments, run


class Command(BaseCommand):
    help = "Runs the stand-in for the outside systems: refunds and account changes, with faults."
    requires_system_checks: ClassVar[list[str]] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run(options)
        except CannotStart as refusal:
            raise CommandError(str(refusal), returncode=2) from None
