"""“Check now”: asks a worker to check the record, or leads to the check that is under way."""

from datetime import datetime

from accounts.access import Access
from accounts.models import User
from accounts.verdicts import denied
from approvals.commands.frame import Answer
from approvals.commands.managed import Changed, managed
from approvals.refusals import NotAllowed
from auditing import checking, jobs
from auditing.rules import may_verify


def ask_for_check(*, by: User, at: datetime, key: str) -> Answer:
    """At most one check runs at a time. Raises a `Refusal`."""

    def check(person: Access) -> None:
        if not may_verify(person):
            raise NotAllowed(denied("no-grant", "Only people who audit check the record."))

    def act(person: Access) -> Changed:
        run, is_new = checking.begin(asked_by=by, actor=person.actor, at=at, key=key)
        if not is_new:
            return Changed(run.pk, 1, "A check is under way already. This is how far it is.")
        jobs.wake(run.pk)
        return Changed(run.pk, 1, "The check is asked for. It reads every event.")

    return managed("verify", "record", act, about="audit", by=by, at=at, key=key, check=check)
