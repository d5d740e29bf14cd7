"""`load_policy FILE`: check a policy file and make it the live version."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from approvals.commands.policies import load_policy, read_policy_file
from approvals.policy_table import MalformedPolicy


class Command(BaseCommand):
    help = "Check a policy file (TOML) and make it the live version of its policy."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--check", action="store_true", help="only check it")

    def handle(self, *args: object, file: Path, check: bool, **options: object) -> None:
        try:
            policy = read_policy_file(file)
            if check:
                self.stdout.write(f"{file} is a policy of {len(policy['table'])} rules.")
                return
            version = load_policy(**policy, at=timezone.now())
        except MalformedPolicy as malformed:
            raise CommandError("\n".join(malformed.problems)) from malformed
        self.stdout.write(f"{version.policy.slug} version {version.number} is live.")
