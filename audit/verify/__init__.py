"""Is the record what it was? Every chain by its hashes, and all of it by its checkpoints.

Chains tell what was changed by somebody who did not make the hashes fit. Checkpoints also tell what
somebody changed who did, who cut the end of a chain off, or who took a whole stream away; and the copies
outside tell whether checkpoints were changed, too. Memory does not grow with the record.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from audit.models import Stream
from audit.notes import PublicKey
from audit.verify import archives, chains, checkpoints
from audit.verify.breaks import CHECKPOINTS, Break, Kind, Progress

__all__ = ["Break", "Kind", "Report", "verify"]


@dataclass(frozen=True)
class Report:
    """`remarks`: what could not be checked, and why; none of it is a break."""

    streams: int
    events: int
    breaks: list[Break]
    checkpoints: int = 0
    sealed: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def is_intact(self) -> bool:
        return not self.breaks


def verify(
    stream: str | None = None,
    *,
    progress: Progress | None = None,
    against: Iterable[tuple[str, str]] = (),
    files: Sequence[Path] = (),
    keys: Sequence[PublicKey] | None = None,
) -> Report:
    """Check one stream by its chain, or all of them and the checkpoints, as they stood at one moment.

    All is read from one snapshot, so that what people do meanwhile is no break; in a transaction that
    is already open its own isolation decides. `against`: further notes to compare with, each with the
    name it is called by. `files`: archives to check. `keys`: which signatures count, by default those
    of the settings.
    """
    keys = settings.AUDIT_TRUSTED_KEYS if keys is None else keys
    if connection.in_atomic_block:
        return _verified(stream, progress, list(against), files, keys)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return _verified(stream, progress, list(against), files, keys)


def _verified(
    stream: str | None,
    progress: Progress | None,
    against: list[tuple[str, str]],
    files: Sequence[Path],
    keys: Sequence[PublicKey],
) -> Report:
    walked = chains.walk(stream, progress)
    if stream is not None:
        return Report(streams=1, events=walked.events, breaks=walked.breaks)
    compared = checkpoints.compare(against, keys)
    return Report(
        streams=Stream.objects.count(),
        events=walked.events,
        breaks=list(
            _first_of_each(
                [*walked.breaks, *compared.breaks, *archives.unsaid(), *archives.file_breaks(files)]
            )
        ),
        checkpoints=compared.count,
        sealed=compared.sealed,
        remarks=compared.remarks,
    )


def _first_of_each(breaks: Iterable[Break]) -> Iterator[Break]:
    """Of each stream what was found first: its chain says it best. Of checkpoints, all."""
    told: set[str] = set()
    for broken in breaks:
        if broken.stream == CHECKPOINTS or broken.stream not in told:
            told.add(broken.stream)
            yield broken
