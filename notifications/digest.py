"""The summary of the morning: what waits for one person, at 08:00 where they are."""

from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.template.loader import render_to_string

from accounts import access
from accounts.access import Access
from accounts.models import User
from approvals import queries, stuck
from approvals.models import OPEN, ApprovalRequest, Queue
from approvals.rules import visible_to
from notifications import letters, quiet
from notifications.models import Letter, Preferences


def write_due(*, at: datetime) -> None:
    """Write today's summary to whoever wants one and has none yet."""
    wanting = Preferences.objects.filter(digest=True, user__is_active=True).select_related("user")
    for wanted in wanting:
        day = quiet.digest_day(at, wanted.user.zone)
        if day is None or wanted.user.letters.filter(day=day).exists():
            continue
        if lines := summary(access.of(wanted.user, Queue, at=at), at):
            _write(wanted.user, lines, day, at)


def summary(person: Access, now: datetime) -> list[dict]:
    """What is to be said, each with its number and its page; nothing when all is quiet."""
    mine = ApprovalRequest.objects.filter(visible_to(person), state__in=OPEN)
    stuck_now = mine.filter(stuck.is_stuck(now))
    lines = [
        _line(
            mine.filter(queries.can_decide(person), state="pending").count(),
            "waits for your decision",
            "wait for your decision",
            "/decisions/",
        ),
        _line(
            stuck_now.filter(owner=person.user_id).count(),
            "that you own is stuck",
            "that you own are stuck",
            "/queue/?view=me",
        ),
        _line(
            stuck_now.filter(requester_key=person.person_key).count(),
            "that you asked for is stuck",
            "that you asked for are stuck",
            "/queue/?view=stuck",
        ),
    ]
    if person.queues_with("operate_request"):
        lines.append(
            _line(stuck_now.count(), "is stuck in all", "are stuck in all", "/queue/?view=stuck")
        )
    return [line for line in lines if line is not None]


def _line(count: int, one: str, several: str, path: str) -> dict | None:
    if not count:
        return None
    words = f"1 request {one}." if count == 1 else f"{count} requests {several}."
    return {"sentence": words, "url": letters.absolute(path)}


def _write(user: User, lines: list[dict], day: date, at: datetime) -> Letter | None:
    body = render_to_string(
        "notifications/digest.txt",
        {"user": user, "lines": lines, "settings_url": letters.absolute("/me/notify/")},
    )
    try:
        with transaction.atomic():
            return letters.keep(
                user, subject=f"Your morning: {lines[0]['sentence']}", body=body, at=at, day=day
            )
    except IntegrityError:  # another worker wrote it a moment ago
        return None
