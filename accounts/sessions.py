"""How long somebody stays signed in, and ending it from elsewhere.

A session ends an hour after its last request and twelve hours after it began. When it was last used is
written once in five minutes, so an hour may be five minutes more.
"""

from collections.abc import Iterable
from datetime import timedelta

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import OperationalError, transaction
from django.utils import timezone

from accounts.models import User
from audit.recorder import Target, record

LONGEST = timedelta(hours=12)
IDLE = timedelta(hours=1)
TOUCH = timedelta(minutes=5)
BEGAN, SEEN = "began_at", "seen_at"


def is_over(session: SessionBase, now: float) -> bool:
    """`now` in seconds, as `time.time()`."""
    began, seen = session.get(BEGAN, now), session.get(SEEN, now)
    return now - began > LONGEST.total_seconds() or now - seen > IDLE.total_seconds()


def wants_touch(session: SessionBase, now: float) -> bool:
    return now - session.get(SEEN, 0) > TOUCH.total_seconds()


def touch(session: SessionBase, now: float) -> None:
    session.setdefault(BEGAN, now)
    session[SEEN] = now


def keep(session: SessionBase) -> None:
    """Write it now, before the page: written after a command, a session that could not be saved would
    turn its answer into a refusal of what is recorded.

    Raises `SessionInterrupted` for one that was ended meanwhile.
    """
    try:
        session.save()
    except UpdateError as failure:
        if isinstance(failure.__context__, OperationalError):
            raise failure.__context__ from None
        raise SessionInterrupted("This session has ended.") from failure
    session.modified = False


def confirmed_at(session: SessionBase) -> float | None:
    """When somebody last confirmed in it that it is them, after they had signed in."""
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    return next((one["at"] for one in reversed(records) if one.get("reauthenticated")), None)


def renew(session: SessionBase) -> None:
    """The same session under a new key: whoever knew the old one does not share what was confirmed."""
    old = session.session_key
    session.cycle_key()
    UserSession.objects.filter(session_key=old).update(session_key=session.session_key)


class Sessions(DefaultUserSessionsAdapter):
    """Ending others of one's own sessions is an event."""

    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        sessions = list(sessions)
        super().end_sessions(sessions)
        if sessions:
            _tell(sessions[0].user, len(sessions))


@transaction.atomic
def end_one(session: UserSession) -> bool:
    """This one ends now; False when it had ended already."""
    found = list(UserSession.objects.select_for_update().filter(pk=session.pk))
    Sessions().end_sessions(found)
    return bool(found)


def end_all(user: User) -> int:
    """Every session of theirs ends now; how many there were."""
    sessions = list(UserSession.objects.filter(user=user))
    for session in sessions:
        session.end()
    return len(sessions)


def _tell(user: User, count: int) -> None:
    with transaction.atomic():
        record(
            stream=f"person/{user.person_key}",
            action="person.end_sessions",
            actor=user.actor,
            target=Target("person", str(user.pk)),
            at=timezone.now(),
            facts={"sessions": count},
        )
