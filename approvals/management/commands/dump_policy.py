"""`dump_policy SLUG`: a policy as the file that `load_policy` reads back to the same table."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from approvals import policy_file
from approvals.models import Policy


class Command(BaseCommand):
    help = "Print a policy as a TOML file: the live version, or another one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--version-number", type=int, metavar="N", help="default: the live one")

    def handle(self, *args: object, slug: str, version_number: int | None, **_: object) -> None:
        policy = Policy.objects.select_related("live").filter(slug=slug).first()
        if policy is None:
            raise CommandError(f"There is no policy “{slug}”.")
        version = policy.live
        if version_number is not None:
            version = policy.versions.filter(number=version_number).first()
        if version is None:
            raise CommandError(f"The policy “{slug}” has no such version.")
        text = policy_file.write(slug=slug, name=policy.name, table=version.table)
        self.stdout.write(text, ending="")
