"""An old part of events or attempts as a file, and its way out of the database.

The file is gzip over lines of JSON: a head that says what it is, then a line for each row. An event's
line has its leaf's index, all that its hash covers and, if so asked, what it only commits to; so the file
still proves itself against the checkpoints, whose tree keeps every leaf.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, transaction
from django.db.models import F, Model, OuterRef, QuerySet, Subquery

from audit import chain, receipts
from audit.models import Event, Leaf
from audit.months import Part

FORM = "approval-queue archive 1"
STREAM, ACTION = "archives", "record.archive"  # where it is told
SAID = (
    "table",
    "part",
    "rows",
    "root",
    "sha256",
)  # in the facts of that event, as in its `Archive`
AT_ONCE = 2000
MOST_BYTES = 16_000_000  # of one line


class NotArchived(Exception):
    """The message is a sentence that says why it cannot be done."""


@dataclass
class Written:
    """What stands in a file. `ranges` and `root` as in `audit.models.Archive`."""

    rows: int = 0
    ranges: list[list[int]] = field(default_factory=list)
    root: str = ""
    sha256: str = ""


def write(part: Part, path: Path, rows: Iterable[dict[str, Any]], *, with_private: bool) -> Written:
    """Write `rows` to `path`, which is there whole or not at all. Raises `NotArchived`, `OSError`."""
    if path.exists():
        raise NotArchived(f"{path} is there already.")
    beside = path.with_name(f".{path.name}.part")
    found, hashes = Written(), hashlib.sha256()
    with beside.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        head = {"form": FORM, "table": part.table, "part": part.name, "with_private": with_private}
        packed.write(_line(head))
        for row in rows:
            packed.write(_line(row))
            found.rows += 1
            if "index" in row:
                _add(found.ranges, row["index"])
                hashes.update(bytes.fromhex(row["hash"]))
    found.root = hashes.hexdigest() if found.ranges else ""
    found.sha256 = digest(beside)
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.rename(path)
    _sync_folder(path.parent)
    return found


def events_of(part: Part) -> QuerySet[Event]:
    """In the order of the tree, each with its `index`; those without a leaf first."""
    leaf = Leaf.objects.filter(stream=OuterRef("stream"), seq=OuterRef("seq"))
    found = Event.objects.annotate(index=Subquery(leaf.values("index")[:1]))
    return within(found, "recorded_at", part).order_by(F("index").asc(nulls_first=True))


def within(rows: QuerySet, key: str, part: Part) -> QuerySet:
    """Those of `rows` that stand in `part`, whose column `key` says so."""
    limits = {f"{key}__lt": part.ends}
    if part.begins is not None:
        limits[f"{key}__gte"] = part.begins
    return rows.filter(**limits)


def lines_of(events: QuerySet[Event], *, with_private: bool) -> Iterator[dict[str, Any]]:
    """Raises `NotArchived` at an event without a leaf, or that is not what its hash says."""
    for event in events.iterator(chunk_size=AT_ONCE):
        if event.index is None:
            raise NotArchived(f"Event {event.stream}#{event.seq} is under no checkpoint yet.")
        if bytes(event.hash) != chain.link(bytes(event.prev_hash), event):
            raise NotArchived(f"Event {event.stream}#{event.seq} does not match its hash.")
        yield {"index": event.index, **receipts.told(event, with_private=with_private)}


def plain_lines(rows: QuerySet) -> Iterator[dict[str, Any]]:
    for row in rows.order_by("pk").iterator(chunk_size=AT_ONCE):
        yield _columns(row)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The head of a file, then its rows. Raises `NotArchived` for what is no such file, or is cut."""
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline(MOST_BYTES):
                yield json.loads(line)
    except (OSError, EOFError, ValueError) as error:
        raise NotArchived(f"{path.name} cannot be read: {error}") from error


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def take_out(part: Part, rows: int) -> None:
    """With the owner's login: remove the part and all in it, if it holds just so many rows."""
    owner = connections["owner"]
    quote = owner.ops.quote_name
    with transaction.atomic(using="owner"), owner.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '5s'")
        cursor.execute(f"ALTER TABLE {quote(part.table)} DETACH PARTITION {quote(part.relation)}")
        cursor.execute(f"SELECT count(*) FROM {quote(part.relation)}")  # noqa: S608 -- ours, quoted
        if cursor.fetchone()[0] != rows:
            raise NotArchived(f"{part.name} has other rows than its file: nothing was removed.")
        cursor.execute(f"DROP TABLE {quote(part.relation)}")


def _line(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, sort_keys=True)
    return text.encode() + b"\n"


def _add(ranges: list[list[int]], index: int) -> None:
    """`index` is higher than all in `ranges`."""
    if ranges and ranges[-1][1] == index:
        ranges[-1][1] += 1
    else:
        ranges.append([index, index + 1])


def _columns(row: Model) -> dict[str, Any]:
    return {column.attname: getattr(row, column.attname) for column in row._meta.concrete_fields}


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
