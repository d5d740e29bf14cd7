"""Who plays in the tests, and the few things that most of them begin with."""

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from accounts import access
from accounts.access import Access
from accounts.models import User
from approvals import execution, queries
from approvals.commands import decide, submit
from approvals.models import ApprovalRequest, Queue

NUMBERS = itertools.count(1)


@dataclass
class Cast:
    """People by role, and a clock. `requester` is a support agent; `stranger` has no team."""

    people: dict[str, User]
    now: datetime
    woken: list[tuple[int, datetime]] = field(default_factory=list)

    @property
    def requester(self) -> User:
        return self.people["support@demo.test"]

    @property
    def other_requester(self) -> User:
        return self.people["support2@demo.test"]

    @property
    def approver(self) -> User:
        return self.people["finance1@demo.test"]

    @property
    def second_approver(self) -> User:
        return self.people["finance2@demo.test"]

    @property
    def limited_approver(self) -> User:
        """Decides up to EUR 2,000.00."""
        return self.people["finance3@demo.test"]

    @property
    def operator(self) -> User:
        return self.people["ops@demo.test"]

    @property
    def second_operator(self) -> User:
        return self.people["ops2@demo.test"]

    @property
    def auditor(self) -> User:
        return self.people["auditor@demo.test"]

    @property
    def admin(self) -> User:
        """Administers, and sees the queues."""
        return self.people["admin@demo.test"]

    @property
    def superuser(self) -> User:
        """A superuser without any team or grant."""
        rights = {"is_superuser": True, "is_staff": True}
        user, _ = User.objects.get_or_create(
            email="root@demo.test", name="Sue Perez", defaults=rights
        )
        return user

    @property
    def stranger(self) -> User:
        user, _ = User.objects.get_or_create(email="stranger@demo.test", name="Sam Stranger")
        return user

    def access(self, user: User) -> Access:
        return access.of(user, Queue, at=self.now)

    def refund_arguments(self, **changes: Any) -> dict[str, Any]:
        """What `submit` takes, for a refund of EUR 88.00 unless changed; a payment of its own."""
        number = next(NUMBERS)
        payload = {
            "order": f"O-{number}",
            "payment": f"pi_test{number}_1000000_eur",
            "amount": 8800,
            "currency": "EUR",
            "reason_code": "lost_parcel",
        }
        payload |= changes.pop("payload", {})
        return {
            "kind": "refund",
            "payload": payload,
            "customer": "A. Silva",
            "ticket": f"ZD-{number}",
            "reason": "Parcel lost, carrier confirmed.",
            **changes,
        }

    def ask(self, *, by: User | None = None, at: datetime | None = None, **changes: Any):
        """A submitted request, loaded."""
        answer = submit.submit(
            by=by or self.requester,
            at=at or self.now,
            key=self.key(),
            **self.refund_arguments(**changes),
        )
        return self.get(answer.ref)

    def ask_for_account_change(self, *, by: User | None = None, **payload: str) -> ApprovalRequest:
        number = next(NUMBERS)
        wanted = {
            "account": f"acct_{number}",
            "change": "email",
            "to": "new@example.test",
            **payload,
        }
        answer = submit.submit(
            by=by or self.requester,
            at=self.now,
            key=self.key(),
            kind="account_change",
            payload=wanted,
            customer="A. Silva",
            reason="Customer asked by phone.",
        )
        return self.get(answer.ref)

    def approve(self, item: ApprovalRequest, by: User | None = None, *, at: datetime | None = None):
        """Approved by `by` (default: finance) as they see it now; the request, loaded anew."""
        item = self.get(item.ref)
        decide.approve(
            ref=item.ref,
            by=by or self.approver,
            at=at or self.now,
            key=self.key(),
            revision=item.revision,
            step=item.step,
        )
        return self.get(item.ref)

    def run(self, item: ApprovalRequest, *, at: datetime | None = None) -> str:
        """What a worker would do for this request at `at` (default: two minutes later)."""
        moment = at or self.now + timedelta(minutes=2)
        return execution.run(
            item.pk, wake=lambda pk, when: self.woken.append((pk, when)), clock=lambda: moment
        )

    @staticmethod
    def get(ref: str) -> ApprovalRequest:
        return queries.requests().get(ref=ref)

    @staticmethod
    def key() -> str:
        return f"key-{next(NUMBERS)}"
