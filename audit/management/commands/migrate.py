"""`migrate`, by the owner's login, followed by the rights of the application's login."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from audit import database_rights


class Command(migrate.Command):
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: object, **options: object) -> None:
        if options["database"] == "owner" and "owner" not in settings.DATABASES:
            raise CommandError("Set DATABASE_OWNER_URL: migrations run with the owner's login.")
        super().handle(*args, **options)
        if options["database"] == "owner":
            database_rights.give(connections["owner"], to=settings.DATABASES["default"]["USER"])
