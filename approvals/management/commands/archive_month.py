"""`archive_month`: which months of the record there are, and an old one out into files."""

import uuid
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.management.password import signed_in
from approvals import archiving
from approvals.commands.archive import archive_month
from approvals.refusals import Invalid, Refusal
from audit import months
from audit.archive import NotArchived


class Command(BaseCommand):
    help = (
        "Put an old month of events and attempts into files. Without a month: say which there are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", nargs="?", default="", help="2025-01, or a name from the list")
        parser.add_argument("--to", type=Path, metavar="FOLDER", help="where the files go")
        parser.add_argument("--by", default="", metavar="EMAIL", help="an administrator")
        parser.add_argument(
            "--with-private",
            action="store_true",
            help="also what may be personal; it can never be forgotten in a file",
        )
        parser.add_argument(
            "--keep-months", type=int, default=archiving.KEPT_MONTHS, help="default: %(default)s"
        )

    def handle(
        self, *args: object, month: str, to: Path | None, by: str, **options: object
    ) -> None:
        kept = options["keep_months"]
        if not 1 <= kept <= 1200:
            raise CommandError("--keep-months takes a number from 1 to 1200.")
        if not month:
            self._list(kept)
            return
        if to is None or not to.is_dir() or not by:
            raise CommandError("Name a folder that is there with --to, and who does it with --by.")
        try:
            answer = archive_month(
                name=month,
                folder=to.resolve(),
                with_private=options["with_private"],
                kept_months=kept,
                by=signed_in(by),
                at=timezone.now(),
                key=str(uuid.uuid4()),
            )
        except Invalid as invalid:
            raise CommandError(" ".join(invalid.errors.values())) from invalid
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        except (NotArchived, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(answer.sentence)

    def _list(self, kept: int) -> None:
        for table in archiving.KEY_OF:
            for part in months.parts(table):
                if part.is_default and not months.in_default(table):
                    continue
                found = archiving.hindrances(part, kept_months=kept, at=timezone.now())
                state = next(found, "It can be archived.")
                rows = "" if part.is_default else f"{archiving.rows_of(part).count():>9,} "
                self.stdout.write(f"{table:<18} {part.name:<15} {rows}{state}")
