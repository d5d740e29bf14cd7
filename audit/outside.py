"""Copies of checkpoints outside the database: whoever changes the record would have to change them, too.

A place is a folder, or an https address that takes `PUT <address>/<number>.note` and gives it back.
A folder also gets, for each checkpoint, the list of the events that are new under it, by stream, number
and hash, so that it can be said which one is missing.
"""

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
from django.conf import settings

from audit.models import Checkpoint, Copy, Leaf

AT_ONCE = 100
CALL_S = 10
NAME = "{:012d}.note"
LIST = "{:012d}.events"


class NotWritten(Exception):
    """The message says why a copy could not be written, or read, without secrets."""


def publish(*, at: datetime) -> list[str]:
    """Write what each place lacks, oldest first; sentences about what could not be written."""
    return [sentence for place in settings.AUDIT_PLACES if (sentence := _publish_to(place, at))]


def behind(place: str) -> int:
    """How many checkpoints this place lacks."""
    return Checkpoint.objects.exclude(copies__place=place).count()


def written(place: str) -> int:
    """How many checkpoints were copied there."""
    return Copy.objects.filter(place=place).count()


def _publish_to(place: str, at: datetime) -> str:
    missing = Checkpoint.objects.exclude(copies__place=place).order_by("number")
    for checkpoint in missing[:AT_ONCE]:
        try:
            _write(place, checkpoint)
        except NotWritten as error:
            return str(error)
        Copy.objects.get_or_create(checkpoint=checkpoint, place=place, defaults={"written_at": at})
    return ""


def _write(place: str, checkpoint: Checkpoint) -> None:
    if not place.startswith("/"):
        _put(f"{place}/{NAME.format(checkpoint.number)}", checkpoint.note)
        return
    folder = Path(place)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_once(folder / LIST.format(checkpoint.number), "".join(_new_under(checkpoint)))
        _write_once(folder / NAME.format(checkpoint.number), checkpoint.note)
    except OSError as error:
        raise NotWritten(f"{place}: {error.strerror or error}.") from error


def _new_under(checkpoint: Checkpoint) -> Iterator[str]:
    before = Checkpoint.objects.filter(number=checkpoint.number - 1).first()
    found = Leaf.objects.filter(index__gte=before.size if before else 0, index__lt=checkpoint.size)
    for leaf in found.order_by("index").iterator():
        yield f"{leaf.index} {bytes(leaf.hash).hex()} {leaf.seq} {leaf.stream}\n"


def _write_once(path: Path, text: str) -> None:
    """Whole, on the disk, and never over something else. Writing the same again does nothing."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    if path.read_text(encoding="utf-8") != text:
        raise NotWritten(f"{path} holds something else already. Nothing was written over it.")
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put(address: str, note: str) -> None:
    try:
        answer = httpx.put(
            address, content=note.encode(), headers={"Content-Type": "text/plain"}, timeout=CALL_S
        )
    except httpx.HTTPError as error:
        raise NotWritten(f"{address}: {type(error).__name__}.") from error
    if not answer.is_success:
        raise NotWritten(f"{address} answered {answer.status_code}.")


# --- Read again, to compare --------------------------------------------------------------------------


def notes_at(place: str) -> Iterator[tuple[int, str]]:
    """Number and text of the notes that stand at this place: all of a folder, the newest of an address.

    Raises `NotWritten` for a place that cannot be read.
    """
    if not place.startswith("/"):
        last = Copy.objects.filter(place=place).order_by("-checkpoint").first()
        if last is not None:
            yield last.checkpoint_id, _get(f"{place}/{NAME.format(last.checkpoint_id)}")
        return
    try:
        for number, path in _notes(place):
            yield number, path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NotWritten(f"{place}: {error.strerror or error}.") from error


def _notes(place: str) -> Iterator[tuple[int, Path]]:
    """Number and file of each note in a folder."""
    for path in sorted(Path(place).glob("*.note")):
        if path.stem.isdigit():
            yield int(path.stem), path


def _get(address: str) -> str:
    try:
        answer = httpx.get(address, timeout=CALL_S)
    except httpx.HTTPError as error:
        raise NotWritten(f"{address}: {type(error).__name__}.") from error
    if not answer.is_success:
        raise NotWritten(f"{address} answered {answer.status_code}.")
    return answer.text


def listed(place: str, first: int) -> Iterator[tuple[int, str, int]]:
    """Index, stream and number of the events that a folder lists, from leaf `first` on."""
    if not place.startswith("/"):
        return
    for path in sorted(Path(place).glob("*.events")):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                index, _, seq, stream = line.rstrip("\n").split(" ", 3)
                if int(index) >= first:
                    yield int(index), stream, int(seq)


def places() -> list[str]:
    """Where copies go."""
    return list(settings.AUDIT_PLACES)


def newest(place: str) -> int:
    """The number of the newest checkpoint that stands there; 0 for none, or when it can't be read.

    An address is asked for the one behind the newest that was copied there.
    """
    if place.startswith("/"):
        return max((number for number, _ in _notes(place)), default=0)
    written_last = Copy.objects.filter(place=place).order_by("-checkpoint").first()
    last = written_last.checkpoint_id if written_last else 0
    try:
        _get(f"{place}/{NAME.format(last + 1)}")
    except NotWritten:
        return last
    return last + 1
