"""Events as a file: one line an event, whatever stands in its texts, with the hashes that prove it."""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from approvals.exporting import Echo, cell
from approvals.wording import visible
from audit.models import Event
from auditing import catalogue, ocsf

FORMATS = {
    "csv": ("CSV", "csv", "text/csv; charset=utf-8"),
    "jsonl": ("JSON Lines", "jsonl", "application/x-ndjson"),
    "ocsf": ("OCSF", "ocsf.jsonl", "application/x-ndjson"),
}
COLUMNS = (
    *("recorded_at", "occurred_at", "stream", "seq", "action", "sentence", "outcome"),
    *("actor_type", "actor_id", "actor_label", "on_behalf_of", "auth_method"),
    *("target_type", "target_id", "version_before", "version_after"),
    *("reason_code", "reason", "policy", "changes", "facts"),
    *("request_id", "correlation_id", "source_ip", "schema_version", "prev_hash", "hash"),
)
NOT_OF_THE_EVENT = ("id", "xid")  # the database's own


def lines(events: Iterable[Event], *, format: str, product_version: str) -> Iterator[str]:
    """The file, a line at a time. `format` is one of `FORMATS`."""
    if format == "csv":
        return _as_csv(events)
    if format == "jsonl":
        return (_json_line(exact(event)) for event in events)
    return (_json_line(ocsf.shaped(event, product_version=product_version)) for event in events)


def exact(event: Event) -> dict[str, Any]:
    """Every column of the event as it is stored; from this its hash can be computed again."""
    fields = (field.attname for field in Event._meta.concrete_fields)
    return {name: _stored(getattr(event, name)) for name in fields if name not in NOT_OF_THE_EVENT}


def _json_line(said: dict[str, Any]) -> str:
    """Only ASCII stands in it: what turns or breaks lines is written as an escape."""
    return json.dumps(said) + "\n"


def _stored(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value


def _as_csv(events: Iterable[Event]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow(COLUMNS)  # the mark tells a spreadsheet that it is UTF-8
    for event in events:
        said = {**event.context, **exact(event), "sentence": catalogue.sentence(event)}
        yield writer.writerow([_cell(said.get(name)) for name in COLUMNS])


def _cell(value: object) -> str:
    """On one line, without what is invisible or turns the direction, and no formula."""
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False) if value else ""
    return cell(" ".join(visible("" if value is None else str(value)).split()))
