"""`forget_customer`: what requests say of a customer is taken out, by two administrators."""

import uuid
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.management.password import signed_in
from approvals.commands import erasure
from approvals.refusals import Invalid, Refusal


class Command(BaseCommand):
    help = "Have a customer forgotten: one administrator asks, another confirms by its number."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("customer", nargs="?", default="", help="as their requests name them")
        parser.add_argument("--reason", default="", help="why, without naming them")
        parser.add_argument("--confirm", type=int, metavar="NUMBER", help="what another asked for")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="who asks, or confirms")

    def handle(
        self, *args: object, customer: str, reason: str, confirm: int | None, by: str, **_: object
    ) -> None:
        if bool(customer) == (confirm is not None):
            raise CommandError("Name a customer, or a number with --confirm.")
        person = signed_in(by)
        said = {"by": person, "at": timezone.now(), "key": str(uuid.uuid4())}
        try:
            if confirm is None:
                answer = erasure.ask(customer=customer, reason=reason, **said)
                self.stdout.write(answer.sentence)
                return
            if not erasure.is_interrupted(confirm):
                erasure.confirm(number=confirm, **said)
        except Invalid as invalid:
            raise CommandError(" ".join(invalid.errors.values())) from invalid
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal
        count = erasure.carry_out(number=confirm, at=timezone.now())
        what = "1 request was" if count == 1 else f"{count:,} requests were"
        self.stdout.write(f"{what} forgotten. Backups still hold them until they end.")
