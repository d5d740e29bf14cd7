"""`verify_audit`: exit 0 when the record is intact, 1 with the first broken place of each stream."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from audit.notes import MOST_BYTES
from audit.verify import verify


class Command(BaseCommand):
    help = "Check every chain of events, and all of them against the checkpoints and their copies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--checkpoint",
            action="append",
            default=[],
            metavar="FILE",
            help="also compare with this checkpoint, or with all in this folder",
        )

        parser.add_argument(
            "--archive",
            action="append",
            default=[],
            metavar="FILE",
            type=Path,
            help="also check this archive of old events, or all in this folder",
        )

    def handle(
        self,
        *args: object,
        json: bool = False,
        checkpoint: list[str] = (),
        archive: list[Path] = (),
        **options: object,
    ) -> None:
        report = verify(
            against=[note for path in checkpoint for note in _notes(Path(path))],
            files=[file for path in archive for file in _archives(path)],
        )
        if json:
            self.stdout.write(_as_json(report))
        else:
            self.stdout.write(f"{report.events} events in {report.streams} streams checked.")
            self.stdout.write(f"{report.checkpoints} checkpoints, over {report.sealed} events.")
            for remark in report.remarks:
                self.stdout.write(remark)
            for broken in report.breaks:
                self.stdout.write(f"{broken.stream} #{broken.seq}: {broken.sentence}")
        if not report.is_intact:
            first = report.breaks[0]
            raise CommandError(
                f"The record is broken at {first.stream} #{first.seq} ({first.kind})."
            )
        if not json:
            self.stdout.write("The record is intact.")


def _notes(path: Path) -> Iterator[tuple[str, str]]:
    """Names and texts. Raises `CommandError` for what cannot be read."""
    try:
        paths = sorted(path.glob("*.note")) if path.is_dir() else [path]
        if not paths:
            raise CommandError(f"{path} holds no checkpoint.")
        for one in paths:
            with one.open(encoding="utf-8", errors="replace") as file:
                yield one.name, file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}.") from error


def _archives(path: Path) -> list[Path]:
    found = sorted(path.glob("*.jsonl.gz")) if path.is_dir() else [path]
    if not found or not found[0].is_file():
        raise CommandError(f"{path} holds no archive.")
    return found


def _as_json(report: object) -> str:
    return json.dumps(asdict(report))
