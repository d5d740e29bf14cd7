"""`audit_catalogue`: every action that is recorded, as the tables of docs/reference/audit-events.md."""

from django.core.management.base import BaseCommand

from auditing import catalogue


class Command(BaseCommand):
    help = "Print the catalogue of what is recorded, in Markdown."
    requires_system_checks = []

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(catalogue.as_markdown())
