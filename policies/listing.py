"""The requests behind a number of a trial: those that a reader may see, as they are now.

A row says how a request was and would be treated; everything else is read from the request, under the
rights of today. What was asked for anew after the trial may differ from what was tried, and says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from accounts.access import Access
from approvals import kinds
from approvals.exporting import utc
from approvals.models import ApprovalRequest, Step
from approvals.rules import visible_to
from approvals.wording import decimal, visible
from policies.models import Trial, TrialRow

CHUNK = 500
COLUMNS = (
    *("ref", "kind", "queue", "created_at", "amount", "currency", "was", "would_be", "way"),
    *("nobody", "changed_since", "link"),
)


@dataclass(frozen=True)
class Line:
    """`has_changed`: it was asked for anew after the trial was."""

    row: TrialRow
    item: ApprovalRequest
    has_changed: bool


def rows(trial: Trial, way: str) -> QuerySet[TrialRow]:
    """All behind one number, whoever may see them. `way`: one of `WAYS`, or “nobody”."""
    found = TrialRow.objects.filter(trial=trial).order_by("pk")
    return found.filter(nobody=True) if way == "nobody" else found.filter(way=way)


def lines(found: Sequence[TrialRow], trial: Trial, person: Access) -> list[Line]:
    """In the same order, those whose request this person sees."""
    items = {item.ref: item for item in _requests([row.ref for row in found], trial, person)}
    return [
        Line(row, items[row.ref], items[row.ref].has_changed) for row in found if row.ref in items
    ]


def every_line(trial: Trial, way: str, person: Access) -> Iterator[Line]:
    """A chunk at a time: memory does not grow with the list."""
    after, found = 0, list(rows(trial, way)[:CHUNK])
    while found:
        yield from lines(found, trial, person)
        after = found[-1].pk
        found = list(rows(trial, way).filter(pk__gt=after)[:CHUNK])


def cells(line: Line, root: str) -> dict[str, Any]:
    """By `COLUMNS`, for a file. `amount` in the currency's own unit, as people write it."""
    item, row = line.item, line.row
    return {
        "ref": item.ref,
        "kind": item.kind,
        "queue": item.queue.slug,
        "created_at": utc(item.created_at),
        "amount": None if item.amount is None else decimal(item.amount, item.currency),
        "currency": item.currency,
        "was": visible(row.was),
        "would_be": visible(row.would_be),
        "way": row.way,
        "nobody": row.nobody,
        "changed_since": line.has_changed,
        "link": f"{root}/requests/{item.ref}/",
    }


def kind_label(line: Line) -> str:
    return visible(kinds.kind_of(line.item.kind).label)


def _requests(refs: list[str], trial: Trial, person: Access) -> QuerySet[ApprovalRequest]:
    """A revision begins when its first step opens."""
    begun = Step.objects.filter(
        item=OuterRef("pk"),
        revision=OuterRef("revision"),
        revision__gt=1,
        number=1,
        opened_at__gt=trial.asked_at,
    )
    found = ApprovalRequest.objects.filter(visible_to(person), ref__in=refs)
    return found.select_related("queue").annotate(has_changed=Exists(begun))
