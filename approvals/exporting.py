"""The queue as a file: one line a request, in the queue's order, safe to open in a spreadsheet."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from approvals import kinds, queries
from approvals.explain import Waiting
from approvals.models import ApprovalRequest
from approvals.wording import visible

FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
MOST = 100_000
CHUNK = 200
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
COLUMNS = (
    "ref",
    "kind",
    "queue",
    "state",
    "held",
    "status",
    "why",
    "waiting_since",
    "due_at",
    "owner",
    "requested_by",
    "amount",
    "currency",
    "customer",
    "ticket",
    "title",
    "created_at",
    "updated_at",
    "link",
)


def cell(value: object) -> str:
    """Text for a cell: a spreadsheet takes none of it for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def file_name(what: str, at: datetime, extension: str) -> str:
    return f"{what}-{at.astimezone(UTC):%Y%m%dT%H%MZ}.{extension}"


def is_too_long(found: QuerySet[ApprovalRequest]) -> bool:
    """More than a file may hold."""
    return found.order_by()[MOST : MOST + 1].exists()


def rows(found: QuerySet[ApprovalRequest], *, now: datetime, root: str) -> Iterator[dict[str, Any]]:
    """Every request of `found`, a chunk at a time: memory and questions a chunk don't grow."""
    cursor, is_first = "", True
    while is_first or cursor:
        page = queries.queue_page(found, cursor=cursor, size=CHUNK)
        waiting = queries.explained(page.items, now)
        for item in page.items:
            yield _row(item, waiting[item.pk], root)
        cursor, is_first = page.next_cursor, False


def as_csv(lines: Iterable[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow(columns)  # the mark tells a spreadsheet that it is UTF-8
    for line in lines:
        yield writer.writerow([cell(line[name]) for name in columns])


def as_json(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    """One array; cut off in the middle it is no JSON, so half a file is not taken for a whole."""
    between = "["
    for line in lines:
        yield f"{between}\n{json.dumps(line, ensure_ascii=False)}"
        between = ","
    yield "[]\n" if between == "[" else "\n]\n"


def _row(item: ApprovalRequest, waiting: Waiting, root: str) -> dict[str, Any]:
    return {
        "ref": item.ref,
        "kind": item.kind,
        "queue": item.queue.slug,
        "state": item.state,
        "held": item.held_at is not None,
        "status": visible(waiting.label),
        "why": visible(waiting.sentence),
        "waiting_since": utc(item.waiting_since),
        "due_at": utc(item.due_at),
        "owner": visible(item.owner.name) if item.owner else "",
        "requested_by": visible(item.requested_by.name),
        "amount": item.amount,
        "currency": item.currency,
        "customer": visible(item.customer),
        "ticket": visible(item.ticket),
        "title": visible(kinds.kind_of(item.kind).title(item.payload)),
        "created_at": utc(item.created_at),
        "updated_at": utc(item.updated_at),
        "link": f"{root}/requests/{item.ref}/",
    }


def utc(at: datetime | None) -> str | None:
    """“2026-11-24T09:12:00Z”, as every file writes a time."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None


class Echo:
    """A file that gives back what is written to it, a line at a time."""

    def write(self, text: str) -> str:
        return text
