"""`audit_key`: the public keys that signatures of checkpoints are checked with, the newest first."""

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Print the public keys that are trusted here, for those who check receipts."

    def handle(self, *args: object, **options: object) -> None:
        for key in settings.AUDIT_TRUSTED_KEYS:
            self.stdout.write(str(key))
