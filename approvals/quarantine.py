"""After a restore nothing is sent until the providers were asked what they have done (decision 0029).

What the restored database believes never sent may have been sent after the backup was made. So each
open request is marked as possibly sent, its provider is asked by its key, and its next try asks first.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from approvals import kinds, switches
from approvals.causes import ACCEPTED
from approvals.models import (
    ApprovalRequest,
    Attempt,
    Cluster,
    Effect,
    Purpose,
    Quarantine,
    State,
    first_effect,
)
from audit import outside
from audit.models import Checkpoint
from audit.recorder import Actor, Target, record

# Believed not to be on its way now; what is being sent or in doubt is asked about anyway.
BELIEVED_UNSENT = (
    State.PENDING,
    State.SENT_BACK,
    State.APPROVED,
    State.RETRYING,
    State.NEEDS_PERSON,
)
WITHOUT_EFFECT = (State.PENDING, State.SENT_BACK)
# So long after the release callers may send again, with its idempotency key, what a restore made us
# forget. The first try of whatever was asked for until then asks the provider before it sends.
SENT_AGAIN = timedelta(days=7)
AT_ONCE = 1000
ELSEWHERE = (
    "The database is on another server: system identifier {now}, before {before}. It was restored "
    "from a dump, or moved."
)
PROMOTED = (
    "The database is on timeline {now}, before {before}: a standby was promoted that commits did not "
    "wait for, or it was restored to an earlier moment."
)
BACK_IN_TIME = (
    "Checkpoint {newest} stands outside, and the database knows only {known}. It was restored to an "
    "earlier moment."
)


def current() -> Quarantine | None:
    return Quarantine.objects.filter(is_open=True).first()


def is_on() -> bool:
    return Quarantine.objects.filter(is_open=True).exists()


# --- Recognising a restore -----------------------------------------------------------------------


TIMELINE = "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint"
WAITS = (
    "(current_setting('synchronous_standby_names') <> ''"
    " AND current_setting('synchronous_commit') NOT IN ('off', 'local'))"
)
PLACE = f"SELECT system_identifier::text, {TIMELINE}, {WAITS} FROM pg_control_system()"  # noqa: S608
# A quarantine is open; or a standby was promoted and no worker has looked yet at what it lost.
STOPS = (
    "SELECT EXISTS (SELECT 1 FROM approvals_quarantine WHERE is_open)"  # noqa: S608
    f" OR EXISTS (SELECT 1 FROM approvals_cluster WHERE timeline <> {TIMELINE})"
)


@dataclass(frozen=True)
class Place:
    """Where the database is now. `initdb` gives a server its `identifier`; a copy of its files and a
    promoted standby keep it, and a promotion begins a `timeline`."""

    identifier: str
    timeline: int
    is_waited_for: bool

    def is_seen(self, seen: Cluster) -> bool:
        before = Place(seen.identifier, seen.timeline or 0, seen.is_waited_for)
        return before == self


def recognise(*, actor: Actor, at: datetime) -> Quarantine | None:
    """Enter quarantine when this is not the database that a worker saw last; else None."""
    copies = max((outside.newest(place) for place in outside.places()), default=0)
    with transaction.atomic():
        here = _place()
        seen, is_new = Cluster.objects.select_for_update().get_or_create(
            pk=1, defaults={**asdict(here), "seen_at": at}
        )
        reason = _is_restored(seen, here, copies)
        if reason or is_new or copies > seen.copies or not here.is_seen(seen):
            seen.identifier, seen.timeline = here.identifier, here.timeline
            seen.is_waited_for = here.is_waited_for
            seen.copies, seen.seen_at = copies, at
            seen.save()
        if not reason or is_on():
            return None
        return enter(reason=reason, actor=actor, at=at)


def notice(*, actor: Actor, at: datetime) -> Quarantine | None:
    """`recognise`, when anything has changed since a worker looked; cheap enough for every moment."""
    seen = Cluster.objects.filter(pk=1).first()
    if seen is not None and _place().is_seen(seen):
        return None
    return recognise(actor=actor, at=at)


def _place() -> Place:
    with connection.cursor() as cursor:
        cursor.execute(PLACE)
        return Place(*cursor.fetchone())


def _is_restored(seen: Cluster, here: Place, copies: int) -> str:
    """Why this must be a restored database, or ""."""
    if seen.identifier != here.identifier:
        return ELSEWHERE.format(now=here.identifier, before=seen.identifier)
    is_promoted = seen.timeline is not None and seen.timeline != here.timeline
    if is_promoted and not seen.is_waited_for:
        return PROMOTED.format(now=here.timeline, before=seen.timeline)
    # Read after the copies: a checkpoint is copied only when it is committed.
    newest = Checkpoint.objects.order_by("-number").values_list("number", flat=True).first() or 0
    if copies > max(newest, seen.copies):
        return BACK_IN_TIME.format(newest=copies, known=newest)
    return ""


# --- Entering ------------------------------------------------------------------------------------


def enter(*, reason: str, actor: Actor, at: datetime, key: str = "", **begun: object) -> Quarantine:
    """Begin one, in the caller's transaction: from here on no worker sends anything."""
    found = Quarantine.objects.create(reason=reason, begun_at=at, **begun)
    _give_effects()
    marked = _unsent().update(ask_first=True, sent_at=at)
    tell("begin", found, actor=actor, at=at, key=key, reason=reason, requests=marked)
    return found


def _give_effects() -> None:
    """What still waits for approval here may have been approved and sent since the backup."""
    waiting = ApprovalRequest.objects.filter(_outside(), state__in=WITHOUT_EFFECT, effect=None)
    Effect.objects.bulk_create(
        (Effect(item=item, **first_effect(item)) for item in waiting), batch_size=AT_ONCE
    )


def _unsent() -> QuerySet[Effect]:
    items = ApprovalRequest.objects.filter(_outside(), state__in=BELIEVED_UNSENT)
    return Effect.objects.filter(item__in=items)


def _outside() -> Q:
    slugs = [slug for system in kinds.systems() for slug in kinds.kinds_of_system(system)]
    return Q(kind__in=slugs)


def tell(
    verb: str,
    found: Quarantine,
    *,
    actor: Actor,
    at: datetime,
    key: str = "",
    reason: str = "",
    **facts: int,
) -> None:
    record(
        stream=found.stream,
        action=f"quarantine.{verb}",
        actor=actor,
        target=Target("quarantine", str(found.pk)),
        at=at,
        reason=reason,
        facts=facts,
        key=key,
    )


# --- Asking --------------------------------------------------------------------------------------


def ask_all(at: datetime) -> list[tuple[int, str]]:
    """Have the provider of each open request asked, also where nobody believes it was sent; which
    requests that are, with their kinds."""
    asked = (*BELIEVED_UNSENT, State.IN_DOUBT)
    effects = Effect.objects.filter(
        item__in=ApprovalRequest.objects.filter(_outside(), state__in=asked)
    )
    effects.update(next_question_at=at)
    return list(effects.values_list("item_id", "item__kind"))


def unanswered() -> list[str]:
    """References of what the provider has not told yet; not of what nobody will send anyway."""
    found = _unsent().filter(next_question_at__isnull=False, item__held_at=None)
    stopped = ApprovalRequest.objects.filter(switches.waits_for_its_system())
    found = found.exclude(item__in=stopped.values("pk"))
    return list(found.order_by("item_id").values_list("item__ref", flat=True))


def done_there(found: Quarantine) -> list[tuple[str, str]]:
    """Reference here and at the provider of what it has done, or accepted, and the database does not
    know."""
    seen = Attempt.objects.filter(
        Q(outcome="done") | Q(cause__in=ACCEPTED),
        purpose=Purpose.LOOK_UP,
        started_at__gte=found.begun_at,
        effect__item__state__in=BELIEVED_UNSENT,
    )
    told = seen.order_by("effect__item_id", "-number").distinct("effect__item_id")
    return list(told.values_list("effect__item__ref", "provider_reference"))
