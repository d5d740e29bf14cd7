"""`doctor`: exit 0 when every invariant holds on the data, 1 with each violation."""

import json
from argparse import ArgumentParser
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandError

from approvals import doctor


class Command(BaseCommand):
    help = "Check on the data every invariant that can be checked there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: object, json: bool = False, **options: object) -> None:
        found = doctor.examine()
        if json:
            self.stdout.write(_as_json(found))
        else:
            for one in found:
                self.stdout.write(f"{one.invariant} {one.subject}: {one.sentence}")
        if found:
            raise CommandError(f"{len(found)} violations found.")
        if not json:
            self.stdout.write(f"{len(doctor.CHECKS)} checks, no violation.")


def _as_json(found: list[doctor.Violation]) -> str:
    return json.dumps({"violations": [asdict(one) for one in found]})
