"""The summary of the morning: what waits for one person, at 08:00 where they are."""

from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.template.loader import render_to_string

from accounts import access
from accounts.access import Access
from accounts.models import User
from approvals import queries, stuck
from approvals.models import OPEN, ApprovalRequest, Queue, State
from approvals.rules import SEEING, visible_to
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
    decide = mine.filter(queries.can_decide(person), state=State.PENDING).count()
    lines = [_line(decide, "waits for your decision", "wait for your decision", "/decisions/")]
    if person.queues_with(*SEEING):
        needs = mine.filter(queries.needs(person)).count()
        lines += [
            _line(needs, "needs you", "need you", "/queue/?view=me"),
            _line(stuck_now.count(), "is stuck in all", "are stuck in all", "/queue/?view=stuck"),
        ]
    else:
        asked = stuck_now.filter(requester_key=person.person_key).count()
        lines.append(
            _line(asked, "that you asked for is stuck", "that you asked for are stuck", "/inbox/")
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
