"""Asking for something, asking again with changed content, and no longer wanting it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import access
from accounts.access import Access
from accounts.models import User
from approvals import asked, kinds, reach, stages
from approvals.commands import steps
from approvals.commands.frame import (
    Answer,
    Keyed,
    Running,
    Show,
    bounded,
    carried_out,
    command,
    finished,
    principal,
    replayed,
    required,
)
from approvals.commands.idempotency import EventPlace
from approvals.content import hash_of, normalised
from approvals.deciders import candidates
from approvals.events import Action
from approvals.explain import nothing_moved
from approvals.kinds.base import Fact, Kind
from approvals.models import OPEN, ApprovalRequest, Decision, Queue, State, Step, effect_key
from approvals.reach import Lack
from approvals.recent import Asked
from approvals.refusals import (
    CommandInFlight,
    DuplicateRequest,
    Invalid,
    NoPolicy,
    NotAllowed,
    TransitionNotAllowed,
)
from approvals.routing import Rule
from approvals.rules import may
from approvals.transitions import announce
from approvals.wording import listed

LONGEST_NAME = 100


def submit(
    *,
    by: User,
    at: datetime,
    key: str,
    kind: str,
    payload: Mapping[str, Any],
    customer: str,
    reason: str,
    ticket: str = "",
    queue: str = "",
    origin: str = "page",
    is_another: bool = False,
    show: Show | None = None,
) -> Answer:
    """Ask for something. `payload` as its kind defines it, money in minor units.

    The outside system is asked first, without a transaction open, whether it can succeed at all.
    Raises a `Refusal`; then nothing was recorded but the refused attempt.
    """
    arguments = {
        "kind": kind,
        "payload": payload,
        "customer": customer,
        "reason": reason,
        "ticket": ticket,
        "queue": queue,
        "is_another": is_another,
    }
    keyed = Keyed.of("submit", "", arguments, by=by, at=at, key=key)
    earlier = keyed.find()
    if earlier is not None:
        return replayed(earlier)
    chosen = _kind(kind)
    content = _checked(chosen, payload, customer=customer, reason=reason, ticket=ticket)
    # Who may not ask is refused below, under the lock, and learns nothing of the payment before.
    allowed = may_ask(kind=kind, by=by, queue=queue)
    called = effect_key(by.person_key, principal(by), keyed.key)
    examined = chosen.examine_again(content["payload"], called) if allowed else []

    def attempt() -> Answer:
        claimed = keyed.claim()
        if claimed.is_replay:
            return replayed(claimed)
        person = access.of(by, Queue)
        desk = _queue(chosen, queue, person)
        blank = ApprovalRequest(ref="", queue=desk)
        running = Running(blank, by, person, at, keyed.key, "submit", show)
        _ask(running, chosen, content, examined, called, origin, is_another)
        return finished(running, claimed)

    return carried_out(attempt, keyed, verb="submit", target=kind, kept_for="")


def may_ask(*, kind: str, by: User, queue: str = "") -> bool:
    """Whether this person may ask for this kind at all; for pages, before anything is looked up."""
    person = access.of(by, Queue)
    return bool(may("submit", _queue(_kind(kind), queue, person), person))


def what_it_will_need(
    *,
    kind: str,
    payload: Mapping[str, Any],
    customer: str,
    by: User,
    origin: str = "page",
    queue: str = "",
) -> Rule:
    """Which rule would apply to this request, for the page before sending. Raises as `submit`."""
    chosen = _kind(kind)
    person = access.of(by, Queue)
    desk = _queue(chosen, queue, person)
    wanted = asks_for(chosen, payload, customer, person)
    return steps.chosen(desk.policy.live, wanted, person, origin, at=timezone.now()).rule


def open_duplicate(*, kind: str, payload: Mapping[str, Any]) -> ApprovalRequest | None:
    """The open request that asks for the same thing, if there is one."""
    subject = _kind(kind).subject(payload)
    return (
        ApprovalRequest.objects.filter(kind=kind, subject=subject, state__in=OPEN)
        .order_by("id")
        .first()
    )


def _examine_again(ref: str, by: User, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the outside system knows of the changed content; nothing for who may not change it."""
    item = ApprovalRequest.objects.filter(ref=ref).first()
    if item is None or not may("resubmit", item, access.of(by, Queue)):
        return {}
    kind = kinds.kind_of(item.kind)
    return {"examined": kind.examine(normalised(kind.check(arguments.get("payload", {}))))}


@command(
    "resubmit",
    phrase="send it again",
    from_states=[State.SENT_BACK, State.PENDING],
    look_before=_examine_again,
)
def resubmit(
    running: Running,
    *,
    revision: int,
    payload: Mapping[str, Any],
    customer: str,
    reason: str,
    ticket: str = "",
    examined: Sequence[Fact] = (),
) -> None:
    """Change the content and send it again: revision + 1, earlier approvals no longer count."""
    item = running.item
    running.compare_revision(revision)
    running.check_allowed()
    kind = kinds.kind_of(item.kind)
    content = _checked(kind, payload, customer=customer, reason=reason, ticket=ticket)
    changes = differences(kind, item, content)
    if not changes:
        raise Invalid({"reason": "Nothing was changed. Change something, or write a note."})
    wanted = asks_for(kind, content["payload"], content["customer"], running.access, item)
    chosen = steps.chosen(
        item.policy_version, wanted, running.access, item.origin, at=running.at, alone=True
    )
    rule = chosen.rule
    if not rule.steps:
        raise NoPolicy(
            "As it stands now nobody would have to approve it. Withdraw it and ask for it anew."
        )
    _refuse_a_duplicate(running, kind, content)
    Decision.objects.filter(item=item, voided_at=None).update(voided_at=running.at)
    fill(item, kind, content)
    item.examined = [fact.as_known() for fact in examined]
    item.revision += 1
    item.content_hash = hash_of(item)
    steps.follow(item, rule, running.at)
    item.routed_by = asked.kept(chosen.facts)
    item.resubmit()
    laid = steps.planned(item, rule)
    lacks = _lacks(item, rule, laid, running.at)
    first = stages.first_stage(laid)
    waiting = stages.opened(first, running.at) | _stranded(lacks, first, running.at)
    Step.objects.bulk_create(laid)
    running.commit(
        Action.RESUBMIT,
        sentence=" ".join(
            [
                f"{item.ref} is changed and sent again. Earlier approvals no longer count.",
                *reach.said(lacks),
            ]
        ),
        changes=changes,
        facts={"lacks": reach.said(lacks)} if lacks else {},
        closing_reason="",
        **waiting,
    )


@command(
    "withdraw",
    from_states=[State.PENDING, State.SENT_BACK, State.APPROVED, State.NEEDS_PERSON],
)
def withdraw(running: Running, *, reason: str) -> None:
    """It is no longer wanted. Only while nothing was sent, or its absence is proven."""
    item = running.item
    running.check_allowed()
    reason = required("reason", reason, "Say why it is no longer wanted.")
    effect = getattr(item, "effect", None)
    if effect is not None and not effect.is_proven_absent:
        raise TransitionNotAllowed(
            f"{item.ref} was sent and may have been done, so it cannot be withdrawn."
        )
    item.withdraw()
    running.commit(
        Action.WITHDRAW,
        sentence=f"{item.ref} is withdrawn. {nothing_moved(item)}",
        reason=reason,
        closing_reason=reason,
        decided_by=running.by,
        **stages.waits_for_nobody(running.at),
    )


# --- The parts ------------------------------------------------------------------------------------


def _ask(
    running: Running,
    kind: Kind,
    content: dict[str, Any],
    examined: Sequence[Fact],
    called: str,
    origin: str,
    is_another: bool,
) -> None:
    desk = running.item.queue
    verdict = may("submit", desk, running.access)
    if not verdict:
        raise NotAllowed(verdict)
    version = desk.policy.live
    wanted = asks_for(kind, content["payload"], content["customer"], running.access)
    chosen = steps.chosen(version, wanted, running.access, origin, at=running.at, alone=True)
    rule = chosen.rule
    item = ApprovalRequest(
        ref=_next_reference(kind.prefix),
        kind=kind.slug,
        queue=desk,
        origin=origin,
        requested_by=running.by,
        requester_key=running.access.person_key,
        contributor_keys=[str(running.access.person_key)],
        policy_version=version,
        is_another=is_another,
        effect_key="" if _has_been_given(called) else called,
        examined=[fact.as_known() for fact in examined],
        routed_by=asked.kept(chosen.facts),
        waiting_since=running.at,
        created_at=running.at,
        updated_at=running.at,
    )
    item.stream = f"request/{item.ref}"
    fill(item, kind, content)
    item.content_hash = hash_of(item)
    steps.follow(item, rule, running.at)
    laid = steps.planned(item, rule)
    lacks = _lacks(item, rule, laid, running.at)
    item.submit(complete=not laid)
    first = stages.first_stage(laid)
    fields = stages.opened(first, running.at) if laid else steps.approved(item, running.at)
    fields |= _stranded(lacks, first, running.at)
    _insert(item, fields, running.access)
    Step.objects.bulk_create(laid)
    if not laid:
        steps.prepare_effect(item)
    running.item = item
    told = announce(
        item,
        Action.SUBMIT,
        actor=running.access.actor,
        at=running.at,
        version_before=None,
        reason=item.reason,
        facts={
            "title": kind.title(item.payload),
            "rule": rule.name,
            **({"lacks": reach.said(lacks)} if lacks else {}),
        },
        key=running.key,
    )
    running.event = EventPlace.of(told)
    waits = f"waits for {listed([step.team.name for step in first])}" if laid else "starts"
    running.sentence = " ".join([f"{item.ref} is sent and {waits}.", *reach.said(lacks)])


def _has_been_given(called: str) -> bool:
    """An idempotency key may be used anew when its answer is forgotten, after a week."""
    return ApprovalRequest.objects.filter(effect_key=called).exists()


def _lacks(item: ApprovalRequest, rule: Rule, laid: Sequence[Step], at: datetime) -> list[Lack]:
    """The steps that nobody could close. Raise `NoPolicy` where the rule refuses such requests."""
    people = candidates({team for step in laid for team in step.team_ids}, at)
    found = reach.lacks(item, laid, people)
    if found and rule.if_nobody_can == "refuse":
        raise NoPolicy(f"{found[0].sentence} Nothing was recorded. {reach.CURE}")
    return found


def _stranded(lacks: Sequence[Lack], first: Sequence[Step], at: datetime) -> dict[str, Any]:
    """Since when nobody can decide it, where already one of its first steps is such a one."""
    return {"stranded_at": at} if any(lack.step in first for lack in lacks) else {}


def _refuse_a_duplicate(running: Running, kind: Kind, content: Mapping[str, Any]) -> None:
    """Changed to what another open request asks for; the unique index has the last word."""
    item = running.item
    if item.is_another:
        return
    other = (
        ApprovalRequest.objects.filter(
            kind=kind.slug,
            subject=kind.subject(content["payload"]),
            state__in=OPEN,
            is_another=False,
        )
        .exclude(pk=item.pk)
        .first()
    )
    if other is not None:
        raise _duplicate_of(other, running.access)


def _duplicate_of(other: ApprovalRequest, person: Access) -> DuplicateRequest:
    """Names the other request only to who may see it."""
    if not may("view", other, person):
        return DuplicateRequest("Another open request already asks for this. Nothing was recorded.")
    return DuplicateRequest(
        f"{other.ref} already asks for this and is open. Nothing was recorded.", ref=other.ref
    )


def _insert(item: ApprovalRequest, fields: Mapping[str, Any], person: Access) -> None:
    """Version 1, with all that it waits for: a later change would need a version of its own."""
    for name, value in fields.items():
        setattr(item, name, value)
    try:
        with transaction.atomic():
            item.save(force_insert=True)
    except IntegrityError as error:
        if "request_open_once" not in str(error):
            raise
        other = ApprovalRequest.objects.filter(
            kind=item.kind, subject=item.subject, state__in=OPEN, is_another=False
        ).first()
        if other is None:  # it ended between the two looks
            raise CommandInFlight(
                "Another request for this has just ended. Nothing was recorded; try again."
            ) from error
        raise _duplicate_of(other, person) from error


def _kind(slug: str) -> Kind:
    try:
        return kinds.kind_of(slug)
    except KeyError:
        raise Invalid({"kind": f"There is no kind of request called “{slug[:40]}”."}) from None


def _queue(kind: Kind, slug: str, person: Access) -> Queue:
    """The desk asked for, or the first that takes this kind from this person."""
    desks = [
        desk
        for desk in Queue.objects.select_related("policy__live").order_by("id")
        if kind.slug in desk.kinds and (not slug or desk.slug == slug)
    ]
    if not desks:
        raise Invalid({"queue": f"No queue takes the kind {kind.label.lower()}."})
    open_to = [desk for desk in desks if may("submit", desk, person)]
    desk = (open_to or desks)[0]
    if desk.policy.live is None:
        raise NoPolicy(f"The queue {desk.name} has no live policy. Nothing was recorded.")
    return desk


def _checked(
    kind: Kind, payload: Mapping[str, Any], *, customer: str, reason: str, ticket: str
) -> dict[str, Any]:
    errors: dict[str, str] = {}
    clean: dict[str, Any] = {}
    checks = {
        "payload": lambda: normalised(kind.check(payload)),
        "customer": lambda: required(
            "customer", customer, "Enter the customer.", longest=LONGEST_NAME
        ),
        "reason": lambda: required("reason", reason, "Say why it should be done."),
        "ticket": lambda: bounded("ticket", ticket, longest=LONGEST_NAME),
    }
    for name, check in checks.items():
        try:
            clean[name] = normalised(check())
        except Invalid as invalid:
            errors |= invalid.errors
    if errors:
        raise Invalid(errors)
    return clean


def asks_for(
    kind: Kind,
    payload: Mapping[str, Any],
    customer: str,
    person: Access,
    item: ApprovalRequest | None = None,
) -> Asked:
    """Who asks for what. `item`: the request whose content this becomes, if there is one."""
    amount, currency = kind.money(payload)
    return Asked(
        kind=kind.slug,
        amount=amount,
        currency=currency,
        customer=customer,
        person_key=person.person_key,
        team_ids=tuple(sorted(person.teams)),
        item_id=item.pk if item else None,
    )


def fill(item: ApprovalRequest, kind: Kind, content: Mapping[str, Any]) -> None:
    """`content`: payload, customer, reason and ticket, checked."""
    item.payload = content["payload"]
    item.amount, item.currency = kind.money(content["payload"])
    item.customer = content["customer"]
    item.reason = content["reason"]
    item.ticket = content["ticket"]
    item.subject = kind.subject(content["payload"])


def differences(kind: Kind, item: ApprovalRequest, content: Mapping[str, Any]) -> list[dict]:
    """What people see change, field by field."""

    def lines(payload: Mapping[str, Any], customer: str, reason: str, ticket: str) -> dict:
        shown = {fact.label: fact.value for fact in kind.facts(payload)}
        return {**shown, "Customer": customer, "Reason": reason, "Ticket": ticket}

    before = lines(item.payload, item.customer, item.reason, item.ticket)
    after = lines(content["payload"], content["customer"], content["reason"], content["ticket"])
    return [
        {"field": label, "before": before.get(label, ""), "after": after.get(label, "")}
        for label in {**before, **after}
        if before.get(label, "") != after.get(label, "")
    ]


def _next_reference(prefix: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT approvals_next_reference(%s)", [prefix])
        return cursor.fetchone()[0]
