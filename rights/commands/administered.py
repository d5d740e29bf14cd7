"""The frame of what an administrator does at once, without a second one: it gives nobody any right."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from accounts.access import Access
from accounts.models import User
from approvals.commands.administrators import check_administrator
from approvals.commands.frame import Answer
from approvals.commands.managed import Changed, managed


def administered(
    verb: str,
    target: str | int,
    act: Callable[[Access], Changed],
    *,
    what: str,
    by: User,
    at: datetime,
    key: str,
    arguments: dict[str, Any] | None = None,
) -> Answer:
    """As `managed`. `what` completes the sentence “Only administrators …”."""
    return managed(
        verb,
        target,
        act,
        about="access",
        by=by,
        at=at,
        key=key,
        arguments=arguments,
        check=lambda person: check_administrator(person, what),
    )
