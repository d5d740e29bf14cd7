"""Commands and the worker in any order, against the table of design §3 in plain Python (T7.1).

Each example is one refund with a provider of its own that may hang before or after the effect,
refuse, or lose its worker. The model knows nothing of the database but the next due times.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import Membership
from approvals import doctor, execution, history, sweeping, timing
from approvals.answers import customer_reply
from approvals.commands import copying, decide, operate, settle, submit
from approvals.kinds.base import Absent, Done, Refused, Unknown
from approvals.kinds.refund import Refund
from approvals.models import ApprovalRequest, Effect, State
from approvals.refusals import Invalid, NoPolicy, NotAllowed, NotFound, Refusal
from approvals.replies import LANGUAGES, Claim, Situation, situation_of
from audit.models import Event
from tests.approvals import reply_checks
from tests.approvals.common import denied
from tests.cast import Cast

FINANCE = ("approver", "second_approver", "limited_approver")
OPERATIONS = ("operator", "second_operator")
PEOPLE = (*FINANCE, *OPERATIONS, "requester", "other_requester", "auditor", "stranger")
OPEN = ("pending", "sent_back", "approved", "executing", "retrying", "in_doubt", "needs_person")
PLANS = ("done", "refused", "refused for good", "hangs", "hangs after it", "dies", "dies after it")
AMOUNTS = (4_000, 8_800, 150_000, 250_000)


class Killed(BaseException):
    """The worker's process ends here."""


@dataclass
class Model:
    """What the table says: only the facts that decide what may happen next."""

    amount: int
    state: str = "pending"
    version: int = 1
    revision: int = 1
    approvals: list[str] = field(default_factory=list)
    owner: str = ""
    finance: set[str] = field(default_factory=lambda: set(FINANCE))
    finding: tuple[str, bool] | None = None
    attempts: int = 0
    sent_at: datetime | None = None
    first_sent_at: datetime | None = None
    window_began_at: datetime | None = None
    max_attempts: int = 8
    ask_first: bool = False
    can_help: bool = True  # whether trying again makes sense for why it stopped
    undone: bool = False
    held: bool = False
    effects: int = 0
    confirmed: int = 0

    @property
    def quorum(self) -> int:
        return 0 if self.amount <= 5_000 else 1 if self.amount <= 100_000 else 2

    def may_decide(self, who: str) -> bool:
        within = who != "limited_approver" or self.amount <= 200_000
        return who in self.finance and within

    def sees(self, who: str) -> bool:
        return who != "stranger" and (who not in FINANCE or who in self.finance)

    def lose_track(self) -> None:
        self.state, self.ask_first = "in_doubt", True

    def stop(self, *, can_help: bool) -> None:
        self.state, self.can_help = "needs_person", can_help

    def retry_or_stop(self) -> None:
        if self.attempts >= self.max_attempts:
            self.stop(can_help=True)
        else:
            self.state = "retrying"

    def is_proven(self) -> bool:
        return sum(self.may_decide(who) for who in self.approvals) >= self.quorum


class Machine(RuleBasedStateMachine):
    cast: Cast
    monkeypatch: pytest.MonkeyPatch

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.at = self.cast.now
        self.plan = "done"
        self.steps = 0
        self.hidden = reply_checks.hidden_words()
        self.monkeypatch.setattr(Refund, "send", lambda kind, effect: self.provider_sends())
        self.monkeypatch.setattr(Refund, "look_up", lambda kind, effect: self.provider_finds())

    def teardown(self) -> None:
        try:
            assert doctor.examine() == []
        finally:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    # --- The provider: ignores keys, so that only we can prevent a second effect ------------------

    def provider_sends(self):
        if self.plan in ("done", "hangs after it", "dies after it"):
            self.model.effects += 1
        if self.plan.startswith("dies"):
            raise Killed
        return {
            "done": Done("re_1"),
            "refused": Refused("too-many-requests", permanent=False),
            "refused for good": Refused("payment-not-found", permanent=True),
        }.get(self.plan, Unknown("no-answer"))

    def provider_finds(self):
        if self.plan in ("done", "refused", "hangs after it"):
            return Done("re_1") if self.model.effects else Absent()
        if self.plan == "refused for good" and not self.model.effects:
            return Refused("failed-at-provider", permanent=True)
        if self.plan.startswith("dies"):
            raise Killed
        return Unknown("no-answer")

    # --- Helpers --------------------------------------------------------------------------------

    @property
    def may_end(self) -> bool:
        """Not too early, so that most examples see more than one way to the end."""
        return self.steps > 10

    @property
    def row(self) -> ApprovalRequest:
        return self.cast.get(self.ref)

    @property
    def effect(self) -> Effect | None:
        return Effect.objects.filter(item__ref=self.ref).first()

    def attempt(self, command, who: str, *, allowed: bool, in_state: bool, **body) -> bool:
        """Try it; it must be carried out exactly if the model says so. Whether it was."""
        user = getattr(self.cast, who)
        before = len(denied(user))
        try:
            command(ref=self.ref, by=user, at=self.at, key=self.cast.key(), **body)
        except Refusal as refusal:
            assert not (in_state and allowed and self.model.sees(who)), refusal.sentence
            if not self.model.sees(who):
                assert type(refusal) is NotFound
            elif in_state:
                assert type(refusal) in (NotAllowed, NoPolicy), refusal.sentence
            assert len(denied(user)) == before + 1
            return False
        assert in_state
        assert allowed
        assert self.model.sees(who)
        self.model.version += 1
        return True

    def seen(self) -> dict:
        return {"revision": self.model.revision, "step": self.row.step or 1, "reason": "So."}

    # --- People ---------------------------------------------------------------------------------

    @initialize(
        amount=st.sampled_from(AMOUNTS),
        leaver=st.sampled_from(("", "", *FINANCE)),
        plans=st.lists(st.tuples(st.sampled_from(PLANS), st.booleans()), max_size=4),
    )
    def ask(self, amount: int, leaver: str, plans: list[tuple[str, bool]]) -> None:
        """A new request; with plans, one that was approved and tried so often already."""
        self.ref = self.cast.ask(payload={"amount": amount}).ref
        self.model = Model(amount)
        if not self.model.quorum:
            self.model.state = "approved"
        if plans:
            for who in FINANCE[: self.model.quorum]:
                self.approve(who)
        if leaver:
            self.leave_the_team(leaver)
        for plan, in_time in plans:
            work = self.work_when_it_is_due if in_time else self.work
            work(plan)

    @rule(who=st.sampled_from((*PEOPLE, *FINANCE, *FINANCE)))
    def approve(self, who: str) -> None:
        model = self.model
        if self.attempt(
            decide.approve,
            who,
            allowed=model.may_decide(who) and who not in model.approvals,
            in_state=model.state == "pending",
            **self.seen(),
        ):
            model.approvals.append(who)
            if len(model.approvals) >= model.quorum:
                model.state = "approved"

    @rule(who=st.sampled_from(PEOPLE), send_back=st.booleans())
    def say_no_or_ask(self, who: str, send_back: bool) -> None:
        model = self.model
        send_back = send_back or not self.may_end
        if self.attempt(
            decide.send_back if send_back else decide.reject,
            who,
            allowed=model.may_decide(who) and who not in model.approvals,
            in_state=model.state == "pending",
            **self.seen(),
        ):
            model.state = "sent_back" if send_back else "rejected"

    @rule(
        who=st.sampled_from(("requester", "operator", "approver")), amount=st.sampled_from(AMOUNTS)
    )
    def resubmit(self, who: str, amount: int) -> None:
        model, row = self.model, self.row
        if self.attempt(
            submit.resubmit,
            who,
            allowed=who == "requester" and amount > 5_000,
            in_state=model.state in ("pending", "sent_back"),
            revision=model.revision,
            payload={**row.payload, "amount": amount},
            customer=row.customer,
            reason=f"As of {self.cast.key()}.",
        ):
            model.state, model.amount, model.approvals = "pending", amount, []
            model.revision += 1

    @rule()
    def send_the_same_again(self) -> None:
        row = self.row
        if self.model.state in ("pending", "sent_back"):
            with pytest.raises(Invalid):
                submit.resubmit(
                    ref=self.ref,
                    by=self.cast.requester,
                    at=self.at,
                    key=self.cast.key(),
                    revision=row.revision,
                    payload=row.payload,
                    customer=row.customer,
                    reason=row.reason,
                    ticket=row.ticket,
                )

    @rule(who=st.sampled_from(PEOPLE))
    def take_back(self, who: str) -> None:
        model = self.model
        if self.attempt(
            decide.take_back,
            who,
            allowed=bool(model.approvals) and who == model.approvals[-1],
            in_state=model.state == "approved",
        ):
            model.approvals.pop()
            model.state, model.held = "pending", False

    @precondition(lambda self: self.may_end)
    @rule(who=st.sampled_from(PEOPLE))
    def withdraw(self, who: str) -> None:
        model = self.model
        if self.attempt(
            submit.withdraw,
            who,
            allowed=who == "requester" or who in OPERATIONS,
            in_state=model.state in ("pending", "sent_back", "approved", "needs_person")
            and model.sent_at is None,
            reason="No.",
        ):
            model.state, model.held = "withdrawn", False

    def claim(self, who: str) -> None:
        model = self.model
        if self.attempt(
            operate.claim,
            who,
            allowed=who in OPERATIONS and who != model.owner,
            in_state=model.state in OPEN,
        ):
            model.owner = who

    def release(self, who: str) -> None:
        model = self.model
        if self.attempt(
            operate.release,
            who,
            allowed=bool(model.owner) and who in OPERATIONS,
            in_state=model.state in OPEN,
        ):
            model.owner = ""

    def note(self, who: str) -> None:
        self.attempt(operate.note, who, allowed=True, in_state=True, reason="Look.")

    def copy_reply(self, who: str) -> None:
        self.attempt(copying.copy_reply, who, allowed=True, in_state=True, language="de")

    @rule(
        verb=st.sampled_from(("claim", "release", "note", "copy_reply")),
        who=st.sampled_from(PEOPLE),
    )
    def look_after(self, verb: str, who: str) -> None:
        getattr(self, verb)(who)

    @rule(who=st.sampled_from(PEOPLE), happened=st.booleans())
    def find_out(self, who: str, happened: bool) -> None:
        model = self.model
        if self.attempt(
            settle.settle,
            who,
            allowed=who in OPERATIONS,
            in_state=model.state in ("in_doubt", "needs_person")
            and (happened or not self.is_too_early()),
            revision=model.revision,
            happened=happened,
            reason="Seen.",
        ):
            model.finding = (who, happened)

    @rule(who=st.sampled_from(PEOPLE))
    def confirm_it(self, who: str) -> None:
        model = self.model
        if self.attempt(
            settle.confirm_settlement,
            who,
            allowed=(who in OPERATIONS or who in model.finance)
            and model.finding is not None
            and who != model.finding[0],
            in_state=model.state in ("in_doubt", "needs_person")
            and model.finding is not None
            and (model.finding[1] or not self.is_too_early()),
            revision=model.revision,
        ):
            if model.finding[1]:
                model.state, model.undone = "done", False
            else:
                model.stop(can_help=True)
                model.sent_at, model.ask_first = None, True
            model.finding, model.held = None, False

    @precondition(lambda self: self.model.state in ("in_doubt", "needs_person"))
    @rule(happened=st.booleans())
    def settle_by_two(self, happened: bool) -> None:
        self.find_out("operator", happened)
        self.confirm_it("second_operator")

    @rule(who=st.sampled_from(FINANCE))
    def leave_the_team(self, who: str) -> None:
        Membership.objects.filter(user=getattr(self.cast, who)).delete()
        self.model.finance.discard(who)

    @rule(who=st.sampled_from((*PEOPLE, *OPERATIONS)), hold=st.booleans())
    def hold_or_resume(self, who: str, hold: bool) -> None:
        model = self.model
        states = ("approved", "executing", "retrying", "in_doubt") if hold else OPEN
        if self.attempt(
            operate.hold if hold else operate.resume,
            who,
            allowed=who in OPERATIONS and model.held != hold,
            in_state=model.state in states,
            **({"reason": "Wait."} if hold else {}),
        ):
            model.held = hold

    @rule(who=st.sampled_from((*PEOPLE, *OPERATIONS, *OPERATIONS)))
    def try_again(self, who: str) -> None:
        model = self.model
        stopped = model.state == "needs_person"
        if self.attempt(
            operate.try_again,
            who,
            allowed=who in OPERATIONS and not model.held,
            in_state=model.state == "retrying"
            or (stopped and model.sent_at is None and model.can_help),
        ):
            if stopped:
                model.max_attempts = max(model.max_attempts, model.attempts + 1)
                model.window_began_at = None
                model.ask_first = model.first_sent_at is not None
            model.state = "retrying"

    @rule(who=st.sampled_from((*PEOPLE, *OPERATIONS)))
    def ask_provider(self, who: str) -> None:
        self.attempt(
            operate.ask_provider,
            who,
            allowed=who in OPERATIONS,
            in_state=self.model.state in ("in_doubt", "needs_person"),
        )

    # --- The clock and the worker -----------------------------------------------------------------

    @rule(seconds=st.sampled_from((1, 6, 31, 61, 900, 3_600, 23 * 3_600)))
    def wait(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)

    @precondition(lambda self: self.may_end)
    @rule()
    def forget_about_it(self) -> None:
        if self.model.state in ("pending", "sent_back"):
            self.at += timedelta(days=31)
            sweeping.expired(self.at)
            self.model.state = "expired"
            self.model.version += 1

    @rule(plan=st.sampled_from(PLANS))
    def work_when_it_is_due(self, plan: str) -> None:
        moment = self.due_at(self.effect)
        self.at = max(self.at, moment or self.at)
        self.work(plan)

    @rule(plan=st.sampled_from(PLANS))
    def work(self, plan: str) -> None:
        self.plan = plan
        model, effect = self.model, self.effect
        is_leased = (
            effect is not None and effect.lease_until is not None and (effect.lease_until > self.at)
        )
        due = self.due(effect)
        effects, before = model.effects, model.state
        try:
            execution.run(self.row.pk, wake=lambda pk, at: None, clock=lambda: self.at)
        except Killed:
            pass
        sent = model.effects - effects
        if is_leased or not due:
            assert sent == 0
            return
        if before in ("approved", "retrying"):
            self.after_sending(plan, found=effects)
        elif before == "executing":
            assert sent == 0
            model.lose_track()
            model.sent_at = timing.latest_sending(effect.lease_until)
            model.version += 1
        else:
            assert sent == 0
            after = {
                "in_doubt": self.after_asking,
                "needs_person": self.after_asking_for_a_person,
                "done": self.after_checking,
            }
            after[before](plan)

    def due_at(self, effect: Effect | None) -> datetime | None:
        """When something is due next, from the times that stand in the rows."""
        model = self.model
        if effect is None or (model.held and model.state in ("approved", "retrying")):
            return None
        question = effect.next_question_at
        if question is not None and effect.lease_until is not None:
            question = max(question, effect.lease_until)
        return {
            "approved": self.row.starts_at,
            "retrying": effect.next_attempt_at,
            "in_doubt": question,
            "needs_person": question,
            "done": question,
            "executing": effect.lease_until,
        }.get(model.state)

    def due(self, effect: Effect | None) -> bool:
        moment = self.due_at(effect)
        return moment is not None and moment <= self.at

    def after_sending(self, plan: str, *, found: int) -> None:
        """`found`: the effects that stood at the provider before this try."""
        model = self.model
        if not model.is_proven():
            model.stop(can_help=True)
            model.version += 1
            return
        model.attempts += 1
        model.finding = None
        model.sent_at = self.at
        model.first_sent_at = model.first_sent_at or self.at
        model.window_began_at = model.window_began_at or self.at
        model.version += 1
        if plan.startswith("dies"):
            model.state = "executing"
            return
        model.version += 1
        told = self.told(plan, found) if model.ask_first else "absent"
        if told == "absent":
            told = plan
        if told == "done":
            model.state, model.confirmed, model.undone = "done", model.confirmed + 1, False
        elif told == "refused":
            model.sent_at = None
            model.retry_or_stop()
        elif told == "refused for good":
            model.sent_at = None
            model.stop(can_help=False)
        else:
            model.lose_track()

    @staticmethod
    def told(plan: str, found: int) -> str:
        """What a question is answered with, as `provider_finds` says it."""
        if plan in ("done", "refused", "hangs after it"):
            return "done" if found else "absent"
        return plan if plan == "refused for good" and not found else "unknown"

    def is_too_early(self) -> bool:
        sent_at = self.model.sent_at
        return sent_at is not None and self.at < sent_at + timedelta(seconds=30)

    def after_asking(self, plan: str) -> None:
        model, told = self.model, self.told(plan, self.model.effects)
        if (
            plan.startswith("dies")
            or told == "unknown"
            or (told == "absent" and self.is_too_early())
        ):
            return
        model.version += 1
        if told == "done":
            model.state, model.confirmed = "done", model.confirmed + 1
        elif told == "absent":
            model.sent_at = None
            began = model.window_began_at
            if began is not None and self.at - began >= timedelta(hours=23):
                model.stop(can_help=True)
            else:
                model.retry_or_stop()
        else:
            model.sent_at = None
            model.stop(can_help=False)

    def after_asking_for_a_person(self, plan: str) -> None:
        model, told = self.model, self.told(plan, self.model.effects)
        if plan.startswith("dies") or (told == "absent" and self.is_too_early()):
            return
        model.version += 1
        if told == "done":
            model.state, model.confirmed, model.undone = "done", model.confirmed + 1, False
        elif told == "absent":
            model.sent_at = None
        elif told == "refused for good":
            model.sent_at, model.can_help = None, False

    def after_checking(self, plan: str) -> None:
        """What two people took for done and the provider says has failed."""
        model = self.model
        if not plan.startswith("dies") and self.told(plan, model.effects) == "refused for good":
            model.stop(can_help=False)
            model.sent_at, model.undone = None, True
            model.version += 1

    # --- What always holds ------------------------------------------------------------------------

    @invariant()
    def everything_is_as_the_table_says(self) -> None:
        self.steps += 1
        row, model = self.row, self.model
        assert (row.state, row.version, row.revision, row.amount) == (
            model.state,
            model.version,
            model.revision,
            model.amount,
        )
        approvals = [d for d in row.decisions_for_revision if d.choice == "approve"]
        assert [d.decided_by for d in approvals] == [
            getattr(self.cast, who) for who in model.approvals
        ]
        assert row.owner == (getattr(self.cast, model.owner) if model.owner else None)
        assert (row.held_at is not None) == model.held or model.state in ("done", "needs_person")

    @invariant()
    def every_version_has_its_event(self) -> None:
        """I3."""
        stream = f"request/{self.ref}"
        assert Event.objects.filter(stream=stream).count() == self.model.version

    @invariant()
    def its_events_say_all_of_its_row(self) -> None:
        """The present, rebuilt from events alone, is the row."""
        past = history.as_of(f"request/{self.ref}", self.row.updated_at)
        assert past.item.columns() == self.row.columns()

    @invariant()
    def the_customer_is_told_only_what_is_known(self) -> None:
        """I10, in every language: against the request as it stands, and against the provider's own
        books, which nobody here can see."""
        row = self.row
        for language in LANGUAGES:
            reply = customer_reply(row, self.at, language)
            reply_checks.check(row, reply, self.hidden)
        said = reply.situation.claim
        assert said is not Claim.MOVED or self.model.effects or row.was_settled_by_people
        assert said is not Claim.NOT_MOVED or not self.model.effects

    @invariant()
    def it_happens_at_most_once(self) -> None:
        """I1. Confirmed more than once is the same effect, found again."""
        assert self.model.effects <= 1


def test_every_order_of_commands_and_faults_follows_the_table(cast, monkeypatch):
    """T7.1, I1 to I5."""
    bound = type("BoundMachine", (Machine,), {"cast": cast, "monkeypatch": monkeypatch})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


FOUND = (None, True, False)  # what two people find afterwards, if anybody looks


def test_after_every_two_faults_the_customer_is_told_only_what_is_known(cast, monkeypatch):
    """I10: not left to chance, as above, but each in turn."""
    bound = type("BoundMachine", (Machine,), {"cast": cast, "monkeypatch": monkeypatch})
    reached = set()
    for first, second in itertools.product(PLANS, ("done", "refused for good", "hangs")):
        for found in FOUND:
            reached |= situations_of(bound(), (first, second), found)
    assert reached >= {
        *(Situation.ACCEPTED, Situation.UNDER_WAY, Situation.IN_DOUBT, Situation.DELAYED),
        *(Situation.STOPPED, Situation.DONE, Situation.DONE_BY_PEOPLE, Situation.UNCONFIRMED),
        *(Situation.CAME_BACK, Situation.ENDED_AFTER_TRY, Situation.ENDED_UNCONFIRMED),
    }


def situations_of(machine: Machine, plans: Iterable[str], found: bool | None) -> set[Situation]:
    """Where this history leads; what the customer is told on the way is checked at each step."""
    steps = [lambda plan=plan: machine.work_when_it_is_due(plan) for plan in plans]
    steps += [lambda: machine.wait(61)]
    if found is not None:
        steps += [lambda: machine.settle_by_two(found)]
        steps += [lambda: machine.work_when_it_is_due("refused for good")]
    steps += [lambda: machine.withdraw("operator")]
    reached = set()
    try:
        machine.ask(amount=4_000, leaver="", plans=[])
        for step in steps:
            machine.the_customer_is_told_only_what_is_known()
            reached.add(situation_of(machine.row, Refund()))
            step()
        machine.the_customer_is_told_only_what_is_known()
        reached.add(situation_of(machine.row, Refund()))
    finally:
        transaction.set_rollback(True)
        machine.block.__exit__(None, None, None)
    return reached


def test_the_table_names_every_state():
    assert {*OPEN, "done", "rejected", "withdrawn", "expired", "new"} == set(State.values)
