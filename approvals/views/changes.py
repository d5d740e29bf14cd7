"""What changed in the rows that somebody looks at: cells and counts, never a row moved.

The page keeps a signed cursor: what it lists and which version of each row it shows. Rows are neither
inserted nor removed nor reordered under the reader's eyes; “Show 2 updates” loads the list anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from approvals import queries
from approvals.models import ApprovalRequest
from approvals.views.frame import counts, reader
from approvals.views.listing import Listing
from approvals.views.rows import plural, rows

QUIET_S = 60  # between two messages to a screen reader


@dataclass(frozen=True)
class Shown:
    """`rows`: by reference, the version that the page was loaded with and the one it shows now.

    `query` is the list's own query string; `said_at` when a message was last spoken, in epoch seconds.
    """

    query: str
    rows: dict[str, tuple[int, int]]
    updates: int = 0
    said_at: int = 0


def cursor_of(query: str, items: Iterable[ApprovalRequest]) -> str:
    """For a page that has just been loaded."""
    return _written(Shown(query, {item.ref: (item.version, item.version) for item in items}))


@require_GET
def changes(request: HttpRequest) -> HttpResponse:
    shown = _read(request.GET.get("cursor", ""))
    if shown is None:
        sentence = "This page address is not one of ours."
        return render(request, "400.html", {"sentence": sentence}, status=400)
    now, person = timezone.now(), reader(request)
    seen = queries.seen_by(person).filter(ref__in=shown.rows)
    versions = dict(seen.values_list("ref", "version"))
    differ = [ref for ref, version in versions.items() if version != shown.rows[ref][1]]
    changed = list(seen.filter(ref__in=differ)) if differ else []
    entered = _entered(request, shown, now)
    updates = entered + sum(versions.get(ref) != loaded for ref, (loaded, _) in shown.rows.items())
    if not changed and updates == shown.updates:
        return HttpResponse(status=204)
    speaks = int(now.timestamp()) - shown.said_at >= QUIET_S and updates > shown.updates
    following = replace(
        shown,
        rows={ref: (loaded, versions.get(ref, sent)) for ref, (loaded, sent) in shown.rows.items()},
        updates=updates,
        said_at=int(now.timestamp()) if speaks else shown.said_at,
    )
    counted = counts(request, now)
    context = {
        "cursor": _written(following),
        "updates": updates,
        "list_url": f"/queue/?{shown.query}",
        "rows": _cells(request, shown, changed, now),
        "counts": counted,
        "checked_at": now,
        "message": f"{plural(updates)} changed" if speaks else "",
    }
    return render(request, "approvals/queue_changes.html", context)


def _entered(request: HttpRequest, shown: Shown, now: datetime) -> int:
    """How many requests would stand on this page that don't stand there yet."""
    query = QueryDict(shown.query)
    found = Listing(request, query, now).found
    there = queries.refs_on_page(found, cursor=query.get("cursor", ""))
    return sum(ref not in shown.rows for ref in there)


def _cells(
    request: HttpRequest, shown: Shown, changed: list[ApprovalRequest], now: datetime
) -> list[dict[str, Any]]:
    query = QueryDict(shown.query)
    refs = [item.ref for item in changed]
    found = Listing(request, query, now).found.filter(ref__in=refs) if refs else ()
    still = {item.ref for item in found}
    return [{**row, "has_left": row["ref"] not in still} for row in rows(request, changed, now)]


def _written(shown: Shown) -> str:
    told = [shown.query, shown.rows, shown.updates, shown.said_at]
    return signing.dumps(told, salt="changes", compress=True)


def _read(cursor: str) -> Shown | None:
    try:
        query, seen, updates, said_at = signing.loads(cursor, salt="changes")
        return Shown(query, {ref: tuple(both) for ref, both in seen.items()}, updates, said_at)
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return None
