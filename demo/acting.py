"""How the people of the demo act, and what its worker did: by the real commands, at times of today."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from accounts import access
from accounts.models import User
from approvals import execution, jobs, sweeping
from approvals.commands import decide, operate, submit
from approvals.models import ApprovalRequest, Effect, Queue, State
from approvals.rules import step_for
from audit import feed
from demo.organisation import PEOPLE

CUSTOMERS = [
    "Ana Silva",
    "Jonas Becker",
    "Chloé Martin",
    "Oluwaseun Adeyemi-Richardson",
    "Nikos Papadopoulos",
    "Marta Kowalczyk",
    "Yuki Tanaka",
    "Dr. Wilhelmina van der Westhuizen-Oosterhout",
]
REASONS = [
    ("lost_parcel", "Parcel lost, the carrier confirmed it."),
    ("damaged", "Arrived broken; photos are in the ticket."),
    ("goodwill", "Second delay in a month; agreed with the team lead."),
    ("duplicate", "Charged twice within a minute."),
    ("other", "The customer cancelled before the parcel left."),
]


@dataclass
class Acting:
    """`now` is the moment the demo starts; everything happens in the hours before it."""

    people: dict[str, User]
    now: datetime
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def person(self, word: str) -> User:
        return next(self.people[p.email] for p in PEOPLE if p.email.startswith(word))

    def ago(self, **length: float) -> datetime:
        return self.now - timedelta(**length)

    def key(self) -> str:
        return f"demo-{next(self.numbers)}"

    def ask_refund(
        self,
        *,
        at: datetime,
        amount: int,
        by: str = "support@",
        order: str = "",
        size: int | None = None,
        customer: str = "",
        ticket: str = "",
        reason: tuple[str, str] | None = None,
    ) -> ApprovalRequest:
        number = next(self.numbers)
        order = order or f"{88000 + number}"
        code, words = reason or REASONS[number % len(REASONS)]
        return self._ask(
            "refund",
            at=at,
            by=by,
            customer=customer,
            ticket=ticket,
            reason=words,
            payload={
                "order": order,
                "payment": f"pi_{order}_{size or amount + 1250}_eur",
                "amount": amount,
                "currency": "EUR",
                "reason_code": code,
            },
        )

    def ask_change(
        self, *, at: datetime, change: str, to: str = "", account: str = "", by: str = "support@"
    ) -> ApprovalRequest:
        payload = {"account": account or f"acct_{5600 + next(self.numbers)}", "change": change}
        if to:
            payload["to"] = to
        return self._ask(
            "account_change",
            at=at,
            by=by,
            payload=payload,
            reason="Asked by phone, identity checked.",
        )

    def ask_manual(self, *, at: datetime, **payload: str) -> ApprovalRequest:
        return self._ask(
            "manual",
            at=at,
            by="support@",
            payload=payload,
            reason="The customer needs it for their audit.",
        )

    def _ask(
        self,
        kind: str,
        *,
        at: datetime,
        by: str,
        payload: dict[str, Any],
        reason: str,
        customer: str = "",
        ticket: str = "",
    ) -> ApprovalRequest:
        number = next(self.numbers)
        who = self.person(by)
        if who.is_service:
            who.auth_method = "token"
        answer = submit.submit(
            by=who,
            at=at,
            key=self.key(),
            origin="api" if who.is_service else "page",
            kind=kind,
            payload=payload,
            customer=customer or CUSTOMERS[number % len(CUSTOMERS)],
            ticket=ticket or f"ZD-{9600 + number}",
            reason=reason,
        )
        return ApprovalRequest.objects.get(ref=answer.ref)

    def approve(self, item: ApprovalRequest, by: str, *, at: datetime) -> None:
        self.decide(decide.approve, item, by, at, "")

    def decide(
        self, command: Callable, item: ApprovalRequest, by: str, at: datetime, reason: str
    ) -> None:
        item.refresh_from_db()
        person = self.person(by)
        step = step_for(item, access.of(person, Queue, at=at)) or item.open_step
        command(
            ref=item.ref,
            by=person,
            at=at,
            key=self.key(),
            revision=item.revision,
            step=step.number,
            reason=reason,
        )

    def claim(self, item: ApprovalRequest, by: str, *, at: datetime) -> None:
        operate.claim(ref=item.ref, by=self.person(by), at=at, key=self.key())

    def note(self, item: ApprovalRequest, by: str, at: datetime, text: str) -> None:
        operate.note(ref=item.ref, by=self.person(by), at=at, key=self.key(), reason=text)

    def run(self, item: ApprovalRequest) -> None:
        """What the worker did when its next step was due."""
        due = self.due_at(item) + timedelta(seconds=1)
        moment = itertools.chain([due], itertools.repeat(due + timedelta(seconds=1.2)))
        execution.run(
            item.pk, wake=_wake_when_still_to_come(self.now, item.kind), clock=lambda: next(moment)
        )

    @staticmethod
    def due_at(item: ApprovalRequest) -> datetime:
        """When something happens next by itself."""
        item.refresh_from_db()
        effect = Effect.objects.get(item=item)
        return item.starts_at or effect.next_attempt_at or effect.next_question_at

    def done_refund(self, *, at: datetime, amount: int) -> None:
        item = self.ask_refund(at=at, amount=amount, by="support2" if amount % 2 else "support@")
        if item.state == State.PENDING:
            self.approve(item, "finance1", at=at + timedelta(minutes=14))
        self.run(item)

    @staticmethod
    def expire(item: ApprovalRequest) -> None:
        sweeping.expire(item.pk, at=item.expires_at)


def let_it_settle() -> None:
    """Until all that happened can be told: PostgreSQL's own work, such as a vacuum, is soon over."""
    while not feed.is_settled():
        time.sleep(0.05)


def _wake_when_still_to_come(now: datetime, kind: str) -> execution.Wake:
    def wake(item_id: int, at: datetime) -> None:
        if at > now:
            jobs.wake(item_id, at, kind)

    return wake


@contextlib.contextmanager
def short_patience() -> Iterator[None]:
    """Nobody waits ten seconds for the demo to start because an answer gets lost in it."""
    usual = settings.ACCOUNT_SERVICE_TIMEOUT_S
    settings.ACCOUNT_SERVICE_TIMEOUT_S = 0.5
    try:
        yield
    finally:
        settings.ACCOUNT_SERVICE_TIMEOUT_S = usual
