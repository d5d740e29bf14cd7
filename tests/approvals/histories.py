"""Every situation that a customer can ask about, as real commands and a worker lead there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from approvals import execution
from approvals.commands import decide, settle, submit
from approvals.kinds.base import Refused, Unknown
from approvals.models import ApprovalRequest
from approvals.replies import Situation
from tests.cast import Cast


class Killed(BaseException):
    """The worker's process ends here."""


@dataclass
class History:
    """One request of a kind, on its way to a situation. `provider` is the fake of the tests."""

    cast: Cast
    provider: Any
    kind: str = "refund"
    order: str = "88120"

    def to(self, situation: Situation) -> ApprovalRequest:
        getattr(self, situation.value)()
        return self.item

    @property
    def item(self) -> ApprovalRequest:
        return self.cast.get(self.ref)

    # --- Its life --------------------------------------------------------------------------------

    def checking(self) -> None:
        self.at = self.cast.now
        if self.kind == "refund":
            self.ref = self.cast.ask(payload={"order": self.order}).ref
        elif self.kind == "account_change":
            self.ref = self.cast.ask_for_account_change(change="payout_account", to="DE02 1").ref
        else:
            self.ref = self._ask_manual()

    def question(self) -> None:
        self.checking()
        self._decide(decide.send_back, reason="Which parcel?")

    def accepted(self) -> None:
        self.checking()
        self._decide(decide.approve)

    def under_way(self) -> None:
        self.accepted()
        sends, self.provider.send = self.provider.send, self._dies
        try:
            self._work()
        except Killed:
            pass
        self.provider.send = sends

    def in_doubt(self) -> None:
        self._tried(Unknown("no-answer"))

    def delayed(self) -> None:
        self._tried(Refused("too-many-requests", permanent=False))

    def stopped(self) -> None:
        self._tried(Refused("refused-by-provider", permanent=True))

    def unconfirmed(self) -> None:
        self.in_doubt()
        self._found(happened=False)

    def by_hand(self) -> None:
        self.accepted()
        self._work()

    def done(self) -> None:
        self.accepted()
        self._work()

    def done_by_people(self) -> None:
        self.by_hand() if self.kind == "manual" else self.in_doubt()
        self._found(happened=True)

    def came_back(self) -> None:
        self.done()
        self.provider.finds = Refused("failed-at-provider", permanent=True)
        self._work(after=timedelta(hours=2))

    def ended(self) -> None:
        self.checking()
        self._decide(decide.reject, reason="Paid back last week.")

    def ended_after_try(self) -> None:
        self.stopped()
        self._withdraw()

    def ended_unconfirmed(self) -> None:
        self.by_hand() if self.kind == "manual" else self.unconfirmed()
        self._withdraw()

    def ended_after_return(self) -> None:
        self.came_back()
        self._withdraw()

    # --- The steps of it -------------------------------------------------------------------------

    def _ask_manual(self) -> str:
        return submit.submit(
            by=self.cast.requester,
            at=self.cast.now,
            key=self.cast.key(),
            kind="manual",
            payload={"title": f"Call the bank {self.cast.key()}", "instructions": "Ask for Ann."},
            customer="A. Silva",
            reason="Asked by phone.",
        ).ref

    def _decide(self, command: Callable, **body: str) -> None:
        item = self.item
        by = self.cast.approver if self.kind == "refund" else self.cast.operator
        self._do(command, by=by, revision=item.revision, step=item.step, **body)

    def _withdraw(self) -> None:
        self._do(submit.withdraw, by=self.cast.requester, reason="No longer wanted.")

    def _found(self, *, happened: bool) -> None:
        self.at += timedelta(minutes=5)
        found = {"happened": happened, "reason": "Stripe's page."}
        found |= {"reference": "re_9"} if happened else {}
        self._do(settle.settle, by=self.cast.operator, revision=1, **found)
        self._do(settle.confirm_settlement, by=self.cast.second_operator, revision=1)

    def _tried(self, answer: Any) -> None:
        self.accepted()
        self.provider.sends = answer
        self._work()

    def _work(self, *, after: timedelta = timedelta(minutes=2)) -> None:
        self.at += after
        execution.run(self.item.pk, wake=lambda pk, at: None, clock=self._clock)

    def _clock(self) -> datetime:
        return self.at

    def _do(self, command: Callable, *, by: Any, **body: Any) -> None:
        command(ref=self.ref, by=by, at=self.at, key=self.cast.key(), **body)

    @staticmethod
    def _dies(kind: Any, effect: Any) -> None:
        raise Killed
