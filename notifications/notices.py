"""The one way in which people are told: notices for those who want them, each once."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings

from accounts.models import User
from approvals.models import ApprovalRequest
from notifications import quiet
from notifications.models import Letter, LetterState, Notice, Preferences, Topic
from notifications.telling import Telling

GATHER = timedelta(minutes=1)  # what comes within it goes into one letter
NEWS = timedelta(hours=24)  # what is older is not written to anybody any more


def tell(tellings: Iterable[Telling], *, at: datetime) -> None:
    """Write what is new of it, at `at`; a repeated mark is nothing new.

    Old news is in the inbox, not in the mail.
    """
    tellings = list(tellings)
    if not tellings:
        return
    people = _people({telling.user_id for telling in tellings})
    wanted = preferences_of(people.values())
    found = [
        _notice(telling, people[telling.user_id], wanted[telling.user_id], at)
        for telling in tellings
        if telling.user_id in people and _wants(wanted[telling.user_id], telling)
    ]
    Notice.objects.bulk_create(found, ignore_conflicts=True)


def preferences_of(users: Iterable[User]) -> dict[int, Preferences]:
    """By user id; what a new person has for who never chose."""
    users = list(users)
    chosen = {one.user_id: one for one in Preferences.objects.filter(user__in=users)}
    return {user.pk: chosen.get(user.pk) or Preferences(user=user) for user in users}


def _people(ids: Iterable[int]) -> Mapping[int, User]:
    return {user.pk: user for user in User.objects.filter(pk__in=ids, is_active=True)}


def _wants(wanted: Preferences, telling: Telling) -> bool:
    return telling.is_urgent or wanted.wants(telling.topic)


def _notice(telling: Telling, user: User, wanted: Preferences, at: datetime) -> Notice:
    item, happened_at = telling.item, telling.happened_at or at
    return Notice(
        user=user,
        topic=telling.topic,
        mark=telling.mark,
        item=item,
        revision=item.revision if telling.step else None,
        step=telling.step,
        sentence=telling.sentence,
        url=telling.url,
        is_urgent=telling.is_urgent,
        at=happened_at,
        mail_at=_mail_at(telling, user, wanted, at) if at - happened_at < NEWS else None,
    )


def _mail_at(telling: Telling, user: User, wanted: Preferences, at: datetime) -> datetime | None:
    """An unknown outcome and its like are written at any hour; how they sign in to everybody."""
    if not settings.SENDS_MAIL or not (wanted.by_email or telling.topic == Topic.ACCOUNT):
        return None
    soon = at + GATHER
    if telling.is_urgent:
        return soon
    return quiet.next_allowed(soon, user.zone, wanted.quiet_from, wanted.quiet_until)


def forget(item: ApprovalRequest) -> None:
    """What people were told of a request that is forgotten, and what was or would be mailed of it."""
    told = Notice.objects.filter(item=item)
    letters = Letter.objects.filter(pk__in=list(told.values_list("letter", flat=True)))
    told.delete()
    letters.filter(state=LetterState.WAITING).delete()
    letters.update(body="")
