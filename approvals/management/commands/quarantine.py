"""`quarantine`: nothing is sent after a restore until the providers were asked and two agree."""

import uuid
from argparse import ArgumentParser
from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.management.password import signed_in
from approvals import quarantine
from approvals.commands import erasure
from approvals.commands import quarantine as commands
from approvals.models import Erasure, Quarantine
from approvals.refusals import Invalid, Refusal

VERBS = ("begin", "reconcile", "release")


class Command(BaseCommand):
    help = "Say how the quarantine after a restore stands; begin it, reconcile, release it by two."

    def add_arguments(self, parser: ArgumentParser) -> None:
        does = parser.add_mutually_exclusive_group(required=True)
        does.add_argument(
            "--status", action="store_true", help="how it stands; exit 1 while it is on"
        )
        does.add_argument(
            "--begin", metavar="REASON", help="announce a restore, and to which moment"
        )
        does.add_argument("--reconcile", action="store_true", help="have every provider asked")
        does.add_argument(
            "--release", action="store_true", help="ask for it, or confirm as another"
        )
        parser.add_argument(
            "--by", metavar="EMAIL", help="who does it; their password is asked for"
        )

    def handle(self, *args: object, by: str | None, **options: object) -> None:
        verb = next((verb for verb in VERBS if options[verb]), "status")
        if verb == "status":
            self._tell_status()
            return
        if not by:
            raise CommandError("Say who does it: --by EMAIL.")
        said = {"by": signed_in(by), "at": timezone.now(), "key": str(uuid.uuid4())}
        if verb == "begin":
            said["reason"] = options["begin"]
        try:
            self.stdout.write(_run(verb, said))
        except Invalid as invalid:
            raise CommandError(" ".join(invalid.errors.values())) from invalid
        except Refusal as refusal:
            raise CommandError(refusal.sentence) from refusal

    def _tell_status(self) -> None:
        found = quarantine.current()
        if found is None:
            self.stdout.write("There is no quarantine.")
            return
        for line in _standing(found):
            self.stdout.write(line)
        raise CommandError("Nothing is sent.", returncode=1)


def _run(verb: str, said: dict) -> str:
    found = quarantine.current()
    if verb == "release" and found is not None and found.asked_by is None:
        return commands.ask_release(**said).sentence
    sentence = getattr(commands, verb)(**said).sentence
    if verb == "reconcile":
        _forget_again()
    return sentence


def _forget_again() -> None:
    """What was confirmed to be forgotten, and the restore cut short."""
    begun = Erasure.objects.filter(confirmed_at__isnull=False, done_at=None)
    for number in list(begun.values_list("pk", flat=True)):
        erasure.carry_out(number=number, at=timezone.now())


def _standing(found: Quarantine) -> Iterator[str]:
    yield f"Quarantine since {found.begun_at:%Y-%m-%d %H:%M:%S} UTC. {found.reason}"
    if found.reconciled_at is None:
        yield "The providers were not asked yet: --reconcile."
        return
    waiting = quarantine.unanswered()
    yield f"{len(waiting):,} requests have no answer from their provider yet."
    for ref in waiting:
        yield f"  {ref}"
    for ref, reference in quarantine.done_there(found):
        yield f"{ref} is {_there(reference)}, and will not be sent again."
    if found.asked_by is not None:
        yield f"{found.asked_by.email} asks for the release. Another administrator confirms it."


def _there(reference: str) -> str:
    return f"done at its provider, as {reference}" if reference else "accepted at its provider"
