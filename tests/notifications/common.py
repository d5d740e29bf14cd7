"""What most tests of notifications begin with."""

from datetime import datetime, timedelta

from accounts.models import User
from audit.models import Event
from notifications import following, notices
from notifications.commands import CHOICES, choose
from notifications.models import Notice, Preferences


def hear(cast, *, at: datetime | None = None) -> None:
    """Everything that has happened so far is told, as if the feed had handed it on."""
    following.tell_of(list(Event.objects.order_by("pk")), at=at or cast.now)


def told(user: User, topic: str = "") -> list[str]:
    found = Notice.objects.filter(user=user).order_by("pk")
    return [n.sentence for n in (found.filter(topic=topic) if topic else found)]


def prefer(user: User, cast, **changes) -> None:
    mine = Preferences(user=user)
    choose(by=user, at=cast.now, **({name: getattr(mine, name) for name in CHOICES} | changes))


def soon(at: datetime) -> datetime:
    """When what was told at `at` is due for a letter."""
    return at + notices.GATHER + timedelta(seconds=1)
