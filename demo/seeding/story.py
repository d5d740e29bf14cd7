"""The life of one sample request, told by the product's own functions on rows that are not saved.

Each method does what the command or the worker of its name does in the middle of its transaction;
`commit` takes the place of `transitions.commit` and keeps every version instead of saving it.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from accounts.access import Access
from approvals import asked, execution, kinds, outcomes, stages, timing
from approvals.commands import steps, submit
from approvals.content import hash_of
from approvals.events import Action
from approvals.kinds import base
from approvals.models import (
    ApprovalRequest,
    Attempt,
    Choice,
    Decision,
    Effect,
    Note,
    Purpose,
    Settlement,
    Step,
    first_effect,
)
from approvals.outcomes import Settling
from approvals.routing import Rule
from approvals.sweeping import CLOCK
from approvals.transitions import told
from audit import chain
from audit.models import Event
from audit.recorder import Actor, following
from demo.seeding.desks import Desk, origin_of

WORKER = "seed/1/1"
Version = tuple[str, int, str, str]  # state, revision, reason, content hash


@dataclass
class Story:
    """One request as it stands at `at`, with everything that was written on the way.

    `at` never passes `now`. `versions` holds what each version of the row said, the first first.
    """

    item: ApprovalRequest
    desk: Desk
    requester: Access
    draw: Random
    at: datetime
    now: datetime
    rule: Rule = field(init=False)
    steps: list[Step] = field(init=False)
    effect: Effect | None = None
    earlier_steps: list[Step] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)

    # --- Time ------------------------------------------------------------------------------------

    def wait(self, usually: timedelta) -> None:
        """Some time passes, `usually` on average."""
        self.at = min(self.at + usually * self.draw.expovariate(1), self.now)

    def be_recent(self, within: timedelta) -> None:
        """What comes next happened within this time before `now`."""
        self.at = max(self.at, self.now - within * self.draw.random())

    # --- Who can ---------------------------------------------------------------------------------

    @property
    def is_decidable(self) -> bool:
        """There are enough people for every step."""
        return all(len(self._deciders(step)) >= step.quorum for step in self.steps)

    def _deciders(self, step: Step) -> list[Access]:
        heard = self.decisions if self.item.distinct_people else self._approvals(step)
        spoke = {d.person_key for d in heard if (d.revision, d.voided_at) == (step.revision, None)}
        able = self.desk.deciders(self.item, step.team_ids)
        return [one for one in able if one.person_key not in spoke]

    def _approvals(self, step: Step) -> list[Decision]:
        return [
            d
            for d in self.decisions
            if (d.revision, d.step, d.voided_at) == (step.revision, step.number, None)
        ]

    @property
    def _here(self) -> Step:
        return self.steps[self.item.step - 1]

    # --- Asked for and decided -------------------------------------------------------------------

    def submit(self, content: dict[str, Any]) -> None:
        item, kind = self.item, self.desk.kind
        submit.fill(item, kind, content)
        item.content_hash = hash_of(item)
        self._follow()
        item.submit(complete=not self.steps)
        self.commit(
            Action.SUBMIT,
            actor=self.requester.actor,
            reason=item.reason,
            facts={"title": kind.title(item.payload), "rule": self.rule.name},
            **self._opened(),
        )

    def resubmit(self, reason: str) -> None:
        """The same with other words, after it was sent back."""
        item = self.item
        content = {name: getattr(item, name) for name in ("payload", "customer", "ticket")}
        content["reason"] = reason
        changes = submit.differences(self.desk.kind, item, content)
        for decision in self.decisions:
            decision.voided_at = decision.voided_at or self.at
        submit.fill(item, self.desk.kind, content)
        item.revision += 1
        item.content_hash = hash_of(item)
        self.earlier_steps += self.steps
        self._follow()
        item.resubmit()
        self.commit(
            Action.RESUBMIT,
            actor=self.requester.actor,
            changes=changes,
            closing_reason="",
            **self._opened(),
        )

    def _follow(self) -> None:
        item = self.item
        self.rule = self.desk.rule_for(item.payload, self.requester)
        steps.follow(item, self.rule, self.at)
        item.routed_by = asked.kept(self.desk.facts_of(item.payload, self.requester))
        self.steps = steps.laid_out(item, self.rule, self.desk.teams_of(self.rule))

    def _opened(self) -> dict[str, Any]:
        if self.steps:
            return stages.opened(stages.first_stage(self.steps), self.at)
        self.effect = Effect(item=self.item, **first_effect(self.item))
        return steps.approved(self.item, self.at)

    def approve(self) -> None:
        """One more person says yes."""
        here = self._here
        by = self.draw.choice(self._deciders(here))
        self._decide(by, Choice.APPROVE, "")
        is_closed = len(self._approvals(here)) >= here.quorum
        if is_closed:
            here.closed_at, here.escalates_at = self.at, None
        still_open = [step for step in self.steps if step.is_open]
        following = stages.stage_after(self.steps, here.number)
        is_complete = is_closed and not still_open and not following
        fields: dict[str, Any] = {}
        self.item.approve(complete=is_complete)
        if is_complete:
            fields = steps.approved(self.item, self.at)
            self.effect = Effect(item=self.item, **first_effect(self.item))
        elif is_closed:
            fields = stages.asked(still_open) if still_open else stages.opened(following, self.at)
        self.commit(Action.APPROVE, actor=by.actor, facts={"step": here.number}, **fields)

    def reject(self, reason: str) -> None:
        self.item.reject()
        self._turn_down(Action.REJECT, Choice.REJECT, reason)

    def send_back(self, question: str) -> None:
        self.item.send_back()
        self._turn_down(Action.SEND_BACK, Choice.SEND_BACK, question)

    def _turn_down(self, action: Action, choice: Choice, reason: str) -> None:
        here = self._here
        by = self.draw.choice(self._deciders(here))
        self._decide(by, choice, reason)
        self.commit(
            action,
            actor=by.actor,
            reason=reason,
            facts={"step": here.number},
            closing_reason=reason,
            decided_by_id=by.user_id,
            **stages.waits_for_nobody(self.at),
        )

    def _decide(self, by: Access, choice: Choice, reason: str) -> None:
        self.decisions.append(
            Decision(
                item=self.item,
                revision=self.item.revision,
                step=self.item.step,
                choice=choice,
                decided_by_id=by.user_id,
                person_key=by.person_key,
                reason=reason,
                content_hash=self.item.content_hash,
                decided_at=self.at,
            )
        )

    def withdraw(self, reason: str) -> None:
        self.item.withdraw()
        self.commit(
            Action.WITHDRAW,
            actor=self.requester.actor,
            reason=reason,
            closing_reason=reason,
            decided_by_id=self.requester.user_id,
            **stages.waits_for_nobody(self.at),
        )

    def expire(self) -> None:
        self.at = self.item.expires_at
        self.item.expire()
        self.commit(Action.EXPIRE, actor=CLOCK, **stages.waits_for_nobody(self.at))

    # --- Carried out -----------------------------------------------------------------------------

    def try_it(self, result: outcomes.Result) -> None:
        """A worker starts the next try when it is due, and a moment later gets this answer."""
        self.start()
        self.wait(timedelta(seconds=0.7))
        execution.finish(self.attempts[-1], result, self.at)
        if isinstance(result, base.Unknown):
            ask_at = timing.next_question(self.at, questions=9, draw=self.draw.random())
            outcomes.lose_track(self._settling(), result, sent_at=self.at, ask_at=ask_at)
        else:
            outcomes.after_send(self._settling(), result)

    def start(self) -> None:
        due = self.item.starts_at or self.effect.next_attempt_at
        self.at = min(max(due + timedelta(seconds=1), self.at), self.now)
        self.item.start()
        execution.count_try(self.effect, self.at)
        self._call(Purpose.SEND)
        self.commit(
            Action.START,
            actor=outcomes.worker_actor(WORKER),
            facts={"attempt": self.effect.attempts, "max_attempts": self.effect.max_attempts},
            starts_at=None,
            waiting_since=self.at,
            due_at=None,
            warn_at=None,
        )

    def ask(self, result: outcomes.Result) -> None:
        """The provider is asked what became of it, and answers."""
        self.wait(timedelta(seconds=30))
        self._call(Purpose.LOOK_UP)
        execution.finish(self.attempts[-1], result, self.at)
        outcomes.after_question(self._settling(), result)

    def looked_after(self) -> None:
        """What the worker asked since, and it still stands: the next look is still to come."""
        if self.effect.next_question_at and self.effect.settled_at:
            at = timing.next_check(self.effect.settled_at, self.now)
            self.effect.next_question_at = at

    def _call(self, purpose: Purpose) -> None:
        execution.lease(self.effect, WORKER, self.at)
        self.attempts.append(
            Attempt(
                effect=self.effect,
                number=len(self.attempts) + 1,
                epoch=self.effect.epoch,
                purpose=purpose,
                worker=WORKER,
                started_at=self.at,
            )
        )

    def _settling(self) -> Settling:
        item, effect = self.item, self.effect
        kind = kinds.kind_of(item.kind)
        return _Untold(item, effect, kind, WORKER, self.at, wake=lambda *_: None, story=self)

    def settle(self, evidence: str, reference: str) -> None:
        """Two operators find that it was done."""
        first, second = self.draw.sample(self.desk.operators, 2)
        found = Settlement(
            item=self.item,
            revision=self.item.revision,
            happened=True,
            evidence=evidence,
            reference=reference,
            proposed_by_id=first.user_id,
            person_key=first.person_key,
            proposed_at=self.at,
        )
        self.settlements.append(found)
        said = {"happened": True, "reference": reference}
        self.commit(Action.PROPOSE_SETTLEMENT, actor=first.actor, reason=evidence, facts=said)
        self.wait(timedelta(minutes=30))
        found.confirmed_by_id, found.confirmed_at = second.user_id, self.at
        self.effect.epoch += 1
        self.effect.settled_at = self.at
        self.effect.provider_reference, self.effect.last_cause = reference, ""
        self.item.settle(happened=True)
        self.commit(
            Action.SETTLE,
            actor=second.actor,
            reason=evidence,
            facts={"system": self.desk.kind.system, **said, "outcome": "done"},
            cause="",
            **stages.waits_for_nobody(self.at),
        )

    # --- Kept moving -----------------------------------------------------------------------------

    def claim(self) -> None:
        by = self.draw.choice(self.desk.operators)
        change = {"field": "Owner", "before": "", "after": by.name}
        self.commit(Action.CLAIM, actor=by.actor, changes=[change], owner_id=by.user_id)

    def hold(self, reason: str) -> None:
        by = self.draw.choice(self.desk.operators)
        self.commit(
            Action.HOLD,
            actor=by.actor,
            reason=reason,
            held_at=self.at,
            held_by_id=by.user_id,
            hold_reason=reason,
        )

    def note(self, text: str) -> None:
        by = self.draw.choice(self.desk.operators)
        self.notes.append(Note(item=self.item, author_id=by.user_id, text=text, written_at=self.at))
        self.commit(Action.NOTE, actor=by.actor, reason=text)

    # --- Written down ----------------------------------------------------------------------------

    def commit(
        self,
        action: Action,
        *,
        actor: Actor,
        facts: dict | None = None,
        **fields: Any,
    ) -> None:
        """The next version with `fields`, and its event at the end of the chain."""
        item = self.item
        said = {name: fields.pop(name) for name in SAID if name in fields}
        for name, value in fields.items():
            setattr(item, name, value)
        before = len(self.events)
        item.version, item.updated_at = before + 1, self.at
        head = self.events[-1].hash if before else chain.FIRST
        event = following(
            before,
            head,
            **told(item, action, version_before=before or None, facts=facts),
            actor=actor,
            at=self.at,
            **said,
        )
        self.events.append(event)
        self.versions.append((item.state, item.revision, item.reason, item.content_hash))


EXAMINED = [base.Fact("Checked beforehand", "No: this is sample data")]
SAID = ("outcome", "reason", "reason_code", "changes")  # of the event alone


@dataclass(frozen=True)
class _Untold(Settling):
    """What an outcome would save goes into the story."""

    story: Story = None

    def save(self, action: Action, **change: Any) -> None:
        self.story.commit(action, actor=self.actor, **change)


def begun(
    desk: Desk,
    *,
    ref: str,
    pk: int,
    by: Access,
    content: dict[str, Any],
    draw: Random,
    at: datetime,
    now: datetime,
) -> Story:
    """A request that `by` asked for at `at`."""
    item = ApprovalRequest(
        id=pk,
        ref=ref,
        stream=f"request/{ref}",
        kind=desk.kind.slug,
        queue=desk.queue,
        origin=origin_of(by),
        requested_by_id=by.user_id,
        requester_key=by.person_key,
        contributor_keys=[str(by.person_key)],
        policy_version=desk.version,
        examined=[fact.as_known() for fact in EXAMINED],
        created_at=at,
    )
    story = Story(item, desk, by, draw, at, now)
    story.submit(content)
    return story
