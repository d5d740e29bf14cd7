"""The reads of the pages: which handoffs somebody sees, and one of them beside what is true now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet

from accounts import access, grants
from accounts.access import Access
from accounts.models import Team, User
from approvals import queries
from approvals.explain import Waiting
from approvals.models import ENDED, ApprovalRequest, Queue
from approvals.paging import Page, page_of, place_in
from approvals.rules import visible_to
from handoffs import filling
from handoffs.models import Handoff, HandoffState, Line
from handoffs.rules import readable_by

PAGE = 20
_QUEUES = Handoff.queues.through.objects.order_by("queue")


@dataclass(frozen=True)
class Seen:
    """A line that the reader may see, and how its request stands now. `now_at`: when it ended."""

    line: Line
    item: ApprovalRequest
    waiting: Waiting

    @property
    def now_at(self) -> datetime | None:
        return self.waiting.since if self.item.state in ENDED else None

    @property
    def is_the_same(self) -> bool:
        return self.waiting.label == self.line.label


def handoffs() -> QuerySet[Handoff]:
    """With the people, the ids of the queues, how many lines there are and how many lack an answer."""
    return Handoff.objects.select_related("team", "sender", "receiver").annotate(
        count=Count("lines", distinct=True),
        unanswered=Count("lines", filter=Q(lines__answer=""), distinct=True),
        about=ArraySubquery(_QUEUES.filter(handoff=OuterRef("pk")).values("queue")),
    )


def find(pk: int, person: Access) -> Handoff | None:
    """One handoff, if this person may read it."""
    seen = Handoff.objects.filter(readable_by(person), pk=pk).values("pk")
    return handoffs().filter(pk__in=seen).first()


def drafts_of(person: Access) -> QuerySet[Handoff]:
    mine = handoffs().filter(sender=person.user_id, state=HandoffState.DRAFT)
    return mine.order_by("-created_at", "-pk")


def waiting_for(person: Access) -> QuerySet[Handoff]:
    seen = Handoff.objects.filter(readable_by(person)).values("pk")
    waiting = handoffs().filter(pk__in=seen, receiver=person.user_id, state=HandoffState.SENT)
    return waiting.order_by("sent_at", "pk")


def history(person: Access, *, cursor: str = "") -> Page[Handoff]:
    """All others that were sent, newest first. Raise `BadCursor` for a cursor we didn't make."""
    seen = Handoff.objects.filter(readable_by(person), sent_at__isnull=False).values("pk")
    found = handoffs().filter(pk__in=seen).order_by("-pk")
    found = found.exclude(receiver=person.user_id, state=HandoffState.SENT)
    if cursor:
        found = found.filter(pk__lt=place_in(cursor, of="handoffs")[0])
    return page_of(found, size=PAGE, of="handoffs", place=lambda handoff: [handoff.pk])


def seen_lines(handoff: Handoff, person: Access, now: datetime) -> list[Seen]:
    """What of it this person may see, in its order. Constant queries."""
    visible = queries.requests().filter(visible_to(person))
    lines = list(
        handoff.lines.filter(item__in=ApprovalRequest.objects.filter(visible_to(person)))
        .select_related("to")
        .prefetch_related(Prefetch("item", visible))
    )
    waiting = queries.explained([line.item for line in lines], now)
    return [Seen(line, line.item, waiting[line.item_id]) for line in lines]


def receivers(sender: Access) -> QuerySet[User]:
    """The same as `may_receive`, as accounts by name."""
    shared = Queue.objects.filter(pk__in=sender.queues_with("operate_request")).values("pk")
    operates = grants.holds_any("operate_request", Queue, user=OuterRef("pk"), objects_in=shared)
    found = User.objects.filter(operates, is_active=True, is_service=False)
    return found.exclude(person_key=sender.person_key).order_by("name")


def owners(queues: Iterable[int]) -> dict[int, list[User]]:
    """By queue, who can own its requests."""
    return {queue: list(queries.operators_of([queue])) for queue in set(queues)}


def teams_of(person: Access) -> QuerySet[Team]:
    return Team.objects.filter(pk__in=person.teams).order_by("name")


def changed_since_filled(handoff: Handoff, sender: Access, now: datetime) -> int:
    """How many requests a draft would have more, fewer or elsewhere if it were filled in now."""
    receiver = access.of(handoff.receiver, Queue)
    queues = handoff.queues.values_list("pk", flat=True)
    now_there = filling.places(sender, receiver, queues, now)
    in_draft = set(handoff.lines.values_list("section", "item"))
    return len({item for _, item in now_there ^ in_draft})
