"""Looking after what nobody woke up: safe to run on any number of workers at once.

Each sweep finds requests of one sort whose time has passed (a worker died, a job was lost, a
database was restored). Those that only need waking are looked at again by `execution`, under lock;
what the clock itself decides is done here, one request a transaction.
"""

from datetime import datetime, timedelta

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from approvals import quarantine, stages, switches, whole
from approvals.deciders import lacks_deciders
from approvals.events import Action
from approvals.models import ApprovalRequest, IdempotencyRecord, ProviderEvent, State, Step
from approvals.transitions import commit
from audit.recorder import Actor

GRACE = timedelta(seconds=15)  # the ordinary job comes first
AT_ONCE = 200
PROVIDER_EVENTS_KEPT = timedelta(days=30)  # Stripe repeats a webhook for three days
ENDED_JOBS_KEPT = timedelta(days=30)
CLOCK = Actor(type="clock", id="clock", label="Approval Queue")


# --- What has to be woken up -----------------------------------------------------------------------


def approved_not_started(at: datetime) -> list[int]:
    """Approved, past its start, and no worker has taken it."""
    if quarantine.is_on():
        return []
    late = Q(state=State.APPROVED, starts_at__lt=at - GRACE, held_at=None)
    return _ids(late & ~Q(kind__in=switches.kinds_to_leave_alone(at)), at)


def overdue_retries(at: datetime) -> list[int]:
    if quarantine.is_on():
        return []
    late = Q(state=State.RETRYING, effect__next_attempt_at__lt=at - GRACE, held_at=None)
    return _ids(late & ~Q(kind__in=switches.kinds_to_leave_alone(at)), at)


def dead_leases(at: datetime) -> list[int]:
    """Being carried out by a worker that has not been heard of within its lease."""
    return _ids(Q(state=State.EXECUTING), at)


def unasked_doubts(at: datetime) -> list[int]:
    """A question is due and nobody has asked it: in doubt, or to be looked at again."""
    asked_about = [State.IN_DOUBT, State.DONE, *quarantine.BELIEVED_UNSENT]
    return _ids(Q(state__in=asked_about, effect__next_question_at__lt=at - GRACE), at)


def to_wake(at: datetime) -> list[int]:
    """All that any of them finds."""
    sweeps = (approved_not_started, overdue_retries, dead_leases, unasked_doubts)
    return sorted({item_id for sweep in sweeps for item_id in sweep(at)})


def known_of(found: list[int]) -> list[tuple[int, str, str]]:
    """Of these requests: the id, where its events stand, and its kind."""
    items = ApprovalRequest.objects.filter(pk__in=found).order_by("pk")
    return list(items.values_list("pk", "stream", "kind"))


def _ids(condition: Q, at: datetime) -> list[int]:
    free = Q(effect__lease_until=None) | Q(effect__lease_until__lt=at)
    found = ApprovalRequest.objects.filter(condition, free).order_by("id")
    return list(found.values_list("pk", flat=True)[:AT_ONCE])


# --- What the clock decides ------------------------------------------------------------------------


def expired(at: datetime) -> int:
    """Expire what nobody decided within its time; how many went. Not what may have been sent since."""
    if quarantine.is_on():
        return 0
    waiting = ApprovalRequest.objects.filter(
        state__in=[State.PENDING, State.SENT_BACK], expires_at__lte=at
    )
    return sum(expire(item_id, at=at) for item_id in _some(waiting))


def expire(item_id: int, *, at: datetime) -> bool:
    """Whether it was still open and past its time."""
    with transaction.atomic():
        item = _locked(item_id, state__in=[State.PENDING, State.SENT_BACK], expires_at__lte=at)
        if item is None:
            return False
        item.expire()
        commit(
            item,
            Action.EXPIRE,
            actor=CLOCK,
            at=at,
            **stages.waits_for_nobody(at),
        )
    return True


def glass_closed(at: datetime) -> int:
    """Whoever broke the glass may decide no longer; how many that were."""
    over = ApprovalRequest.objects.filter(glass_until__lte=at)
    return sum(_close_glass(item_id, at=at) for item_id in _some(over))


def _close_glass(item_id: int, *, at: datetime) -> bool:
    with transaction.atomic():
        item = _locked(item_id, glass_until__lte=at)
        if item is None:
            return False
        commit(item, Action.CLOSE_GLASS, actor=CLOCK, at=at, glass_by=None, glass_until=None)
    return True


def escalated(at: datetime) -> int:
    """Do what the policy says about steps that wait too long; how many were done."""
    due = Step.objects.filter(escalates_at__lte=at).order_by("escalates_at")
    return sum(_escalate(step_id, at=at) for step_id in due.values_list("pk", flat=True)[:AT_ONCE])


def _escalate(step_id: int, *, at: datetime) -> bool:
    """The next thing about this step, if it still waits. It never decides."""
    with transaction.atomic():
        item = _locked_of(step_id)
        if item is None:
            return False
        step = next(step for step in item.every_step if step.pk == step_id)
        if item.state != State.PENDING or step not in item.open_steps:
            step.escalates_at = None
            step.save_changes()
            return False
        wanted = step.escalations[step.escalated]
        step.escalated += 1
        step.escalates_at = stages.escalates_at(step)
        facts, fields = _carried_out(item, step, wanted, at)
        step.save_changes()
        commit(item, Action.ESCALATE, actor=CLOCK, at=at, facts=facts, **fields)
    return True


def _locked_of(step_id: int) -> ApprovalRequest | None:
    """The step's request under its lock; None when somebody has it."""
    found = ApprovalRequest.objects.select_for_update(skip_locked=True, of=("self",))
    return found.filter(all_steps=step_id).prefetch_related(whole.with_steps()).first()


def _carried_out(
    item: ApprovalRequest, step: Step, wanted: dict, at: datetime
) -> tuple[dict, dict]:
    """Facts of the event, and fields of the request; a team that is gone widens nothing."""
    do, name, team = wanted["do"], step.team.name, None
    fields: dict = {}
    if do == "widen":
        team = Group.objects.filter(name=wanted["to"]).first()
        if team is not None and team.pk not in step.team_ids:
            step.also_ids = [*step.also_ids, team.pk]
            fields = stages.asked(item.open_steps)
        what = f"{wanted['to']} may decide it as well: {name} did not in time"
    elif do == "tell_lead":
        what = f"The lead of {name} is told that it waits"
    else:
        fields = {"reminded_at": at}
        what = f"{name} is reminded"
    facts = {"step": step.number, "do": do, "to": wanted["to"] or name, "what": what}
    if team is not None:
        facts["to_id"] = team.pk
    return facts, fields


def stranded(at: datetime) -> int:
    """Say of pending requests that too few can decide them, or that enough can again."""
    pending = ApprovalRequest.objects.filter(state=State.PENDING)
    nobody = pending.filter(lacks_deciders(), stranded_at=None)
    somebody = pending.filter(~lacks_deciders(), stranded_at__isnull=False)
    return sum(_strand(item_id, at=at) for item_id in _some(nobody)) + sum(
        _unstrand(item_id, at=at) for item_id in _some(somebody)
    )


def _strand(item_id: int, *, at: datetime) -> bool:
    with transaction.atomic():
        item = _locked(item_id, lacks_deciders(), state=State.PENDING, stranded_at=None)
        if item is None:
            return False
        commit(item, Action.STRAND, actor=CLOCK, at=at, stranded_at=at)
    return True


def _unstrand(item_id: int, *, at: datetime) -> bool:
    with transaction.atomic():
        item = _locked(item_id, ~lacks_deciders(), state=State.PENDING, stranded_at__isnull=False)
        if item is None:
            return False
        commit(item, Action.UNSTRAND, actor=CLOCK, at=at, stranded_at=None)
    return True


def _locked(item_id: int, *conditions: object, **filters: object) -> ApprovalRequest | None:
    """The request under its lock, if it still is as it was found; None when somebody has it."""
    return (
        ApprovalRequest.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(*conditions, pk=item_id, **filters)
        .first()
    )


def _some(found: QuerySet[ApprovalRequest]) -> list[int]:
    return list(found.order_by("id").values_list("pk", flat=True)[:AT_ONCE])


# --- What is forgotten -----------------------------------------------------------------------------


def forget_old_keys(*, at: datetime, at_once: int = 1000) -> int:
    """Remove stored answers past their time, in bounded batches; how many went."""
    return _remove(IdempotencyRecord.objects.filter(expires_at__lte=at), at_once)


def forget_old_provider_events(*, at: datetime, at_once: int = 1000) -> int:
    """Remove webhooks that no provider repeats any more, in bounded batches; how many went."""
    old = ProviderEvent.objects.filter(received_at__lte=at - PROVIDER_EVENTS_KEPT)
    return _remove(old, at_once)


# A worker removes what succeeded at once; what failed stays for people to look at.
ENDED_JOBS = """
DELETE FROM procrastinate_jobs WHERE id IN (
    SELECT id FROM procrastinate_jobs job
    WHERE status IN ('failed', 'aborted', 'cancelled', 'succeeded') AND NOT EXISTS (
        SELECT FROM procrastinate_events WHERE job_id = job.id AND at > %s)
    ORDER BY id LIMIT %s)
"""


def forget_ended_jobs(*, at: datetime, at_once: int = 1000) -> int:
    """Remove jobs that ended long ago, with their history, in bounded batches; how many went."""
    gone = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(ENDED_JOBS, [at - ENDED_JOBS_KEPT, at_once])
            gone += cursor.rowcount
            if cursor.rowcount < at_once:
                return gone


def _remove(rows: QuerySet, at_once: int) -> int:
    gone = 0
    while some := list(rows.values_list("pk", flat=True)[:at_once]):
        gone += rows.model.objects.filter(pk__in=some).delete()[0]
    return gone
