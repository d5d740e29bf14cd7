"""`migrate`, by the owner's login, followed by the rights of the application's login."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from audit import database_rights

# While a change of a table waits for its lock, everybody else waits behind it.
LOCK_TIMEOUT = "5s"


class Command(migrate.Command):
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")
        parser.add_argument(
            "--lock-timeout",
            default=LOCK_TIMEOUT,
            help="how long a change of a table waits for those who use it, before it gives up",
        )

    def handle(self, *args: object, **options: object) -> None:
        if options["database"] == "owner" and "owner" not in settings.DATABASES:
            raise CommandError("Set DATABASE_OWNER_URL: migrations run with the owner's login.")
        if options["database"] == "owner":
            with connections["owner"].cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('lock_timeout', %s, false)", [options["lock_timeout"]]
                )
        super().handle(*args, **options)
        if options["database"] == "owner":
            database_rights.give(connections["owner"], to=settings.DATABASES["default"]["USER"])
