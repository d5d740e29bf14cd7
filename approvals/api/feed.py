"""The feed of events: in one stable order, without gaps, at least once."""

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from accounts.access import Access
from accounts.models import Scope
from approvals.api import cursors, showing
from approvals.api.callers import caller, needs
from approvals.api.requests import sent
from approvals.api.shapes import FeedFilters, FeedPage
from approvals.models import ApprovalRequest
from approvals.rules import visible_to
from audit import feed

LONGEST_LOOK = 5000  # events that one call looks through, however few are for this reader

router = Router(tags=["Events"])


@router.get("", response=FeedPage, operation_id="followEvents", summary="Follow all events")
@needs(Scope.READ)
def events(request: HttpRequest, filters: Query[FeedFilters]) -> HttpResponse:
    """Events of the requests that you may see, in the order in which their transactions began.

    Keep `cursor` and send it as `after`; ask again later when `has_more` is false. An event is
    told once no earlier one can still come, usually within a second.
    """
    place = feed.BEGINNING
    if filters.after:
        place = feed.Place(*cursors.read(filters.after, of="feed"))
    end = feed.stretch(place, LONGEST_LOOK)
    is_last_look = end is None
    end = end or feed.newest()
    told = feed.after(place).filter(feed.until(end), _told_to(caller(request)))
    page, has_more = cursors.page(told, filters.limit)
    # What is not for this reader's eyes is behind them, too.
    reached = feed.Place.of(page[-1]) if has_more else max(place, end)
    return sent(
        FeedPage(
            items=showing.events_shaped(page),
            cursor=cursors.write([reached.xid, reached.id], of="feed"),
            has_more=has_more or not is_last_look,
        )
    )


def _told_to(person: Access) -> Q:
    """The events of requests that `person` may see; for auditors, refused attempts at them, too."""
    visible = ApprovalRequest.objects.filter(visible_to(person))
    of_its_own = Exists(visible.filter(stream=OuterRef("stream")))
    audited = person.queues_with("audit_queue")
    if not audited:
        return Q(of_its_own)
    tried = ApprovalRequest.objects.filter(queue__in=audited, ref=OuterRef("target_id"))
    return Q(of_its_own) | Q(Exists(tried), target_type="request", outcome="denied")
