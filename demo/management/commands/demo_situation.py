"""`demo_situation`: fill an empty database with the sample organisation and its 09:12 situation."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from approvals.models import ApprovalRequest
from config import env
from demo import organisation, webhooks
from demo.situation import Situation


class Command(BaseCommand):
    help = "Make the sample organisation, and the 09:12 situation when no request exists."

    def handle(self, *args: object, **options: object) -> None:
        now = timezone.now()
        people = organisation.create(at=now, password=env.read().demo_password)
        if not ApprovalRequest.objects.exists():
            Situation(people, now).happen()
        webhooks.follow_the_simulator(by=people["admin@demo.test"], at=now)
        self.stdout.write(f"{ApprovalRequest.objects.count()} requests are there.")
