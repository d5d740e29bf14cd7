"""`review_replies`: list the texts for customers that nobody has reviewed, or sign for them."""

from argparse import ArgumentParser
from collections import defaultdict
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from approvals import kinds
from approvals.replies import reviewed, texts, unreviewed
from approvals.replies.texts import Text


class Command(BaseCommand):
    help = (
        "List the texts for customers that have changed since they were reviewed, or sign for them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--by", default="", help="sign for all of them, as this reviewer")

    def handle(self, *args: object, by: str, **options: object) -> None:
        try:
            waiting = unreviewed(kinds.all_kinds())
        except texts.MalformedReplies as malformed:
            raise CommandError(str(malformed)) from malformed
        for text in waiting:
            self.stdout.write(f"{text.name}\n  {' '.join(text.sentences)}")
        if not by and waiting:
            raise CommandError(f"Not reviewed, so not offered to anybody: {len(waiting)}.")
        if by and (by != by.strip() or not by.isprintable() or '"' in by or "\\" in by):
            raise CommandError("Give the reviewer's name in plain letters.")
        for folder, found in _by_folder().items():
            if by and any(text in waiting for text in found):
                lines = reviewed.written(folder, found, by=by, on=timezone.now().date())
                (folder / reviewed.FILE).write_text(lines, encoding="utf-8")
        self.stdout.write("Every text is reviewed." if not waiting else f"Signed as {by}.")


def _by_folder() -> dict[Path, list[Text]]:
    found: dict[Path, list[Text]] = defaultdict(list)
    for folder, text in texts.all_of(kinds.all_kinds()):
        found[folder].append(text)
    return found
