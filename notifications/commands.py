"""What people say of their notifications: what they want, what they read, what they watch."""

from datetime import datetime, time
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, When

from accounts import access
from accounts.models import User
from approvals.models import ApprovalRequest, Queue
from approvals.refusals import Invalid, NotFound
from approvals.rules import may
from approvals.wording import is_storable
from audit.recorder import Target, record
from notifications.models import Notice, Preferences, Topic, Watch

MOST_WATCHED = 200
CHOOSABLE = [topic for topic in Topic.values if topic != Topic.ACCOUNT]
CHOICES = (*CHOOSABLE, "by_email", "digest", "quiet_from", "quiet_until")


def choose(*, by: User, at: datetime, **choices: Any) -> Preferences:
    """Keep what this person wants to be told, by the names in `CHOICES`. Raises `Invalid`.

    What was to be mailed to somebody who wants no mail any more is not mailed.
    """
    _check_quiet(choices["quiet_from"], choices["quiet_until"])
    with transaction.atomic():
        User.objects.select_for_update().get(pk=by.pk)
        mine = Preferences.objects.filter(user=by).first() or Preferences(user=by)
        changes = [
            {"field": name, "before": _word(getattr(mine, name)), "after": _word(choices[name])}
            for name in CHOICES
            if getattr(mine, name) != choices[name]
        ]
        for name in CHOICES:
            setattr(mine, name, choices[name])
        mine.save()
        if not mine.by_email:
            mailed = Notice.objects.filter(user=by, mail_at__isnull=False)
            mailed.exclude(topic=Topic.ACCOUNT).update(mail_at=None)
        if changes:
            _tell(by, "person.notify", Target("person", str(by.pk)), at, changes=changes)
    return mine


def _check_quiet(begins: time | None, ends: time | None) -> None:
    if (begins is None) != (ends is None):
        missing = "quiet_until" if ends is None else "quiet_from"
        raise Invalid({missing: "Quiet hours need a beginning and an end. Empty both for none."})
    if begins is not None and begins == ends:
        raise Invalid({"quiet_until": "Quiet hours that begin and end at the same time are none."})


def read(*, by: User, at: datetime, until: int, only: int | None = None) -> int:
    """Mark as read what this person has seen: up to the notice `until`, or `only` one; how many.

    Nothing but the person's own inbox changes, so that is no event. What changed about how they sign in
    is mailed all the same: whoever took the account over reads its inbox first.
    """
    mine = Notice.objects.filter(user=by, read_at=None)
    mine = mine.filter(pk=only) if only is not None else mine.filter(pk__lte=until)
    is_mailed = Q(topic=Topic.ACCOUNT)
    return mine.update(read_at=at, mail_at=Case(When(is_mailed, then=F("mail_at")), default=None))


def watch(*, ref: str, by: User, at: datetime, wanted: bool) -> str:
    """Be told of what happens to a request, or no longer; a sentence. Raises a `Refusal`."""
    with transaction.atomic():
        person = access.of(by, Queue)
        item = ApprovalRequest.objects.filter(ref=ref).first() if is_storable(ref) else None
        if item is None or not may("view", item, person):
            raise NotFound(ref[:40])
        User.objects.select_for_update().get(pk=by.pk)
        mine = Watch.objects.filter(user=by)
        if mine.filter(item=item).exists() == wanted:
            return _sentence(item, wanted)
        if wanted and mine.count() >= MOST_WATCHED:
            raise Invalid({"": f"You watch {MOST_WATCHED} requests. Stop watching some first."})
        if wanted:
            Watch.objects.create(user=by, item=item, since=at)
        else:
            mine.filter(item=item).delete()
        verb = "watch" if wanted else "unwatch"
        _tell(by, f"person.{verb}", Target("request", item.ref), at)
    return _sentence(item, wanted)


def _sentence(item: ApprovalRequest, wanted: bool) -> str:
    if wanted:
        return f"You are told of what happens to {item.ref}."
    return f"You are not told of {item.ref} any more."


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:%H:%M}" if value is not None else ""


def _tell(by: User, action: str, target: Target, at: datetime, **more: Any) -> None:
    person = access.of(by, Queue)
    record(stream=person.stream, action=action, actor=person.actor, target=target, at=at, **more)
