"""`verify_audit`: exit 0 when every chain is intact, 1 with the first broken place of each."""

import json
from argparse import ArgumentParser
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandError

from audit.verify import verify


class Command(BaseCommand):
    help = "Check every chain of events against its hashes and its head."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: object, json: bool = False, **options: object) -> None:
        report = verify()
        if json:
            self.stdout.write(_as_json(report))
        else:
            self.stdout.write(f"{report.events} events in {report.streams} streams checked.")
            for broken in report.breaks:
                self.stdout.write(f"{broken.stream} #{broken.seq}: {broken.sentence}")
        if not report.is_intact:
            first = report.breaks[0]
            raise CommandError(f"The record is broken at {first.stream} #{first.seq}.")
        if not json:
            self.stdout.write("The record is intact.")


def _as_json(report: object) -> str:
    return json.dumps(asdict(report))
