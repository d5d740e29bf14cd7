"""From rows to shapes: what the API shows of a request, an event and an attempt."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from accounts.models import User
from approvals import kinds, queries
from approvals.answers import CustomerAnswer
from approvals.api.shapes import (
    ActorShape,
    AnswerShape,
    AttemptShape,
    EventPlaceShape,
    EventShape,
    ExecutionShape,
    FindingShape,
    LeftShape,
    LinksShape,
    PersonShape,
    PolicyShape,
    RequestShape,
    StepShape,
    TargetShape,
    WaitingShape,
)
from approvals.causes import cause
from approvals.commands.frame import Show
from approvals.commands.idempotency import EventPlace
from approvals.events import sentence
from approvals.explain import Deciders, Waiting
from approvals.models import ENDED, ApprovalRequest, Attempt, State, Step
from approvals.wording import listed
from audit.models import Event

ROOT = "/api/v1"


def request_as_left(at: datetime) -> Show:
    """The request's JSON as a command at `at` leaves it; called inside the command's transaction."""

    def show(item: ApprovalRequest, event: EventPlace) -> str:
        return answered(item, event, at)

    return show


def answered(item: ApprovalRequest, event: EventPlace | None, at: datetime) -> str:
    """A command's answer: the request, and the event that says what was done to it."""
    place = EventPlaceShape(**asdict(event)) if event else None
    shape = shaped([item], at)[0]
    return LeftShape(**dict(shape), event=place).model_dump_json()


def shaped(items: Sequence[ApprovalRequest], now: datetime) -> list[RequestShape]:
    """In the same order; a constant number of queries."""
    deciders = queries.deciders_of(items, now)
    waiting = queries.explained(items, now, deciders)
    return [_request(item, waiting[item.pk], deciders.get(item.pk, Deciders())) for item in items]


def _request(item: ApprovalRequest, waiting: Waiting, deciders: Deciders) -> RequestShape:
    version = item.policy_version
    return RequestShape(
        ref=item.ref,
        kind=item.kind,
        queue=item.queue.slug,
        state=item.state,
        held=item.held_at is not None,
        revision=item.revision,
        version=item.version,
        content_hash=item.content_hash,
        amount=item.amount,
        currency=item.currency or None,
        customer=item.customer,
        ticket=item.ticket,
        payload=item.payload,
        reason=item.reason,
        origin=item.origin,
        requested_by=_person(item.requested_by),
        owner=_person(item.owner) if item.owner else None,
        steps=[_step(item, step) for step in item.steps],
        waiting=_waiting(item, waiting, deciders),
        execution=_execution(item),
        finding=_finding(item),
        policy=PolicyShape(slug=version.policy.slug, version=version.number, rule=item.policy_rule),
        created_at=item.created_at,
        updated_at=item.updated_at,
        links=_links(item.ref),
    )


def _person(user: User) -> PersonShape:
    return PersonShape(id=str(user.pk), name=user.name)


def _step(item: ApprovalRequest, step: Step) -> StepShape:
    given = len(item.approvals_of(step.number))
    is_open = item.state == State.PENDING and step in item.open_steps
    return StepShape(
        number=step.number,
        team=step.team.name,
        quorum=step.quorum,
        approved=given,
        due_at=(step.due_at or item.due_at) if is_open else None,
        state="open" if is_open else "done" if given >= step.quorum else "waiting",
        person_present=step.person_present,
    )


def _waiting(item: ApprovalRequest, waiting: Waiting, deciders: Deciders) -> WaitingShape:
    return WaitingShape(
        on=waits_on(item),
        since=waiting.since,
        due_at=item.due_at,
        sentence=waiting.sentence,
        next=waiting.next,
        next_at=waiting.next_at,
        moved=waiting.moved,
        who_can_act=list(deciders.names),
        runbook=f"/runbooks/{waiting.runbook}/" if waiting.runbook else None,
        stuck=bool(waiting.stuck),
        stuck_because=waiting.stuck or None,
    )


def waits_on(item: ApprovalRequest) -> str | None:
    """Whose turn it is, in one word or name; None when it has ended."""
    if item.state in ENDED:
        return None
    if item.state == State.PENDING:
        return listed([step.team.name for step in item.open_steps])
    if item.state == State.SENT_BACK:
        return "requester"
    if item.state == State.NEEDS_PERSON:
        return "operations"
    return kinds.kind_of(item.kind).system


def _execution(item: ApprovalRequest) -> ExecutionShape | None:
    effect = queries.effect_of(item)
    if effect is None:
        return None
    return ExecutionShape(
        attempts=effect.attempts,
        max_attempts=effect.max_attempts,
        next_attempt_at=effect.next_attempt_at,
        last_cause=effect.last_cause or None,
        provider_reference=effect.provider_reference or None,
    )


def _finding(item: ApprovalRequest) -> FindingShape | None:
    found = item.open_settlement
    if found is None:
        return None
    return FindingShape(
        id=found.pk,
        happened=found.happened,
        evidence=found.evidence,
        reference=found.reference,
        proposed_by=_person(found.proposed_by),
        proposed_at=found.proposed_at,
    )


def _links(ref: str) -> LinksShape:
    here = f"{ROOT}/requests/{ref}"
    return LinksShape(
        self=here,
        html=f"/requests/{ref}/",
        events=f"{here}/events",
        attempts=f"{here}/attempts",
        answer=f"{here}/answer",
        approvers=f"{here}/approvers",
    )


def attempt_shaped(call: Attempt) -> AttemptShape:
    return AttemptShape(
        number=call.number,
        purpose=call.purpose,
        started_at=call.started_at,
        finished_at=call.finished_at,
        outcome=call.outcome,
        cause=call.cause or None,
        meaning=cause(call.cause).plain if call.cause else None,
        provider_reference=call.provider_reference or None,
        evidence=call.evidence,
    )


def answer_shaped(said: CustomerAnswer) -> AnswerShape:
    return AnswerShape(
        agent=said.agent,
        customer=said.customer,
        safe=said.safe,
        unsafe=said.unsafe,
        as_of=said.as_of,
        language=said.language,
        version=said.reply.version if said.reply else None,
        reply_id=said.reply.id if said.reply else "",
    )


def events_shaped(events: Iterable[Event]) -> list[EventShape]:
    return [_event(event) for event in events]


def _event(event: Event) -> EventShape:
    return EventShape(
        id=str(event.pk),
        stream=event.stream,
        seq=event.seq,
        hash=bytes(event.hash).hex(),
        action=event.action,
        outcome=event.outcome,
        sentence=sentence(event.action, event.facts),
        actor=ActorShape(
            type=event.actor_type,
            id=event.actor_id,
            label=event.actor_label,
            auth_method=event.auth_method,
            on_behalf_of=event.on_behalf_of,
        ),
        target=TargetShape(
            type=event.target_type,
            id=event.target_id,
            version_before=event.version_before,
            version_after=event.version_after,
        ),
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        reason_code=event.reason_code,
        reason=event.reason,
        policy=event.policy,
        changes=event.changes,
        facts=event.facts,
        request_id=event.context.get("request_id", ""),
        trace_id=event.context.get("trace_id", ""),
    )
