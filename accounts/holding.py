"""A day in which somebody decides nothing, after how they sign in was renewed for them.

Whoever takes over a mailbox, or talks two administrators into taking a second factor away, has a day less
than whoever it was taken from needs to notice. The database's clock counts it, as for all processes.
"""

from datetime import UTC, datetime, timedelta

from django.db import models
from django.db.models.functions import Now

from accounts.models import User

LENGTH = timedelta(hours=24)


def begin(user: User) -> None:
    User.objects.filter(pk=user.pk).update(held_until=Now() + LENGTH)


def is_running(path: str = "") -> models.Q:
    """`path` leads to the user, as `user__`."""
    return models.Q(**{f"{path}held_until__gt": Now()})


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
