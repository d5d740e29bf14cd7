"""Signing somebody out everywhere, at once: a device is lost, or something looks wrong."""

from datetime import datetime

from accounts import sessions
from accounts.access import Access
from accounts.models import User
from approvals.commands.frame import Answer
from approvals.commands.managed import Changed
from approvals.refusals import NotFound
from approvals.wording import visible
from audit.recorder import Target, record
from rights.commands.administered import administered


def end_sessions(*, pk: int, by: User, at: datetime, key: str) -> Answer:
    """They can sign in again; tokens of the API are not touched."""

    def act(person: Access) -> Changed:
        whose = User.objects.filter(pk=pk).first()
        if whose is None:
            raise NotFound(str(pk))
        count = sessions.end_all(whose)
        record(
            stream="access",
            action="access.end_sessions",
            actor=person.actor,
            target=Target("person", str(pk)),
            at=at,
            facts={"person": visible(whose.name), "sessions": count},
            key=key,
        )
        ended = "1 session is" if count == 1 else f"{count} sessions are"
        return Changed(pk, 1, f"{ended} ended.")

    return administered(
        "end_sessions", pk, act, what="end the sessions of others", by=by, at=at, key=key
    )
