"""Which months of events and attempts can go into files, and what stands in the way of others."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from approvals.models import OPEN, ApprovalRequest, Attempt
from approvals.wording import listed
from audit import archive, months, outside
from audit.models import Archive, Event
from audit.months import Part

KEPT_MONTHS = 13  # a year at hand, as PCI DSS 10.5.1 asks, and the present month
KEY_OF = {Event._meta.db_table: "recorded_at", Attempt._meta.db_table: "started_at"}
MOST_NAMED = 5


def named(name: str) -> list[Part]:
    """The parts of events and attempts with this name, events first."""
    return [part for table in KEY_OF for part in months.parts(table) if part.name == name]


def rows_of(part: Part) -> QuerySet:
    model = Event if part.table == Event._meta.db_table else Attempt
    return archive.within(model.objects.all(), KEY_OF[part.table], part)


def write(part: Part, path: Path, *, with_private: bool) -> archive.Written:
    """Raises `NotArchived` where an event is not proven, `OSError`."""
    if part.table == Event._meta.db_table:
        lines = archive.lines_of(archive.events_of(part), with_private=with_private)
    else:
        lines = archive.plain_lines(rows_of(part))
    return archive.write(part, path, lines, with_private=with_private)


def is_archived(part: Part) -> bool:
    return Archive.objects.filter(table=part.table, part=part.name).exists()


def hindrances(part: Part, *, kept_months: int, at: datetime) -> Iterator[str]:
    """Sentences that say why this part stays, the plainest first."""
    if part.is_default:
        yield "It holds what fits no month, and stays."
        return
    if part.ends > months.months_before(at, kept_months - 1):
        yield f"{kept_months} months are kept."
        return
    older = [other for other in months.parts(part.table) if not other.is_default]
    if (first := older[0]).name != part.name and rows_of(first).exists():
        yield f"{first.name} is older and comes first."
    if open_refs := list(_open_in(part)[: MOST_NAMED + 1]):
        more = " and others" if len(open_refs) > MOST_NAMED else ""
        yield f"Still open: {listed(open_refs[:MOST_NAMED])}{more}."
    if part.table == Event._meta.db_table:
        yield from _of_events(part)
    elif rows_of(part).filter(finished_at=None).exists():
        yield "An attempt of it is not finished."


def _open_in(part: Part) -> QuerySet[ApprovalRequest]:
    """References of open requests that something in this part is of."""
    rows = rows_of(part)
    if part.table == Event._meta.db_table:
        of = rows.filter(stream=OuterRef("stream"))
    else:
        of = rows.filter(effect__item=OuterRef("pk"))
    found = ApprovalRequest.objects.filter(Exists(of), state__in=OPEN).order_by("ref")
    return found.values_list("ref", flat=True)


def _of_events(part: Part) -> Iterator[str]:
    events = archive.events_of(part)
    if events.filter(index=None).exists():
        yield "Some events of it are under no checkpoint yet."
    for place in settings.AUDIT_PLACES:
        if outside.behind(place):
            yield f"{place} lacks checkpoints."
    later = Event.objects.filter(
        stream=OuterRef("stream"), seq__lt=OuterRef("seq"), recorded_at__gte=part.ends
    )
    if events.filter(Exists(later)).exists():
        yield "An event of it comes after one of a later month in its stream."
    for relation in Event._meta.get_fields(include_hidden=True):
        if relation.one_to_many and relation.auto_created:
            about = {f"{relation.field.name}__in": events.order_by().values("pk")}
            if count := relation.related_model.objects.filter(**about).count():
                what = relation.related_model._meta.verbose_name_plural
                yield f"{count:,} {what} tell of its events: deliver them or wait until they end."
