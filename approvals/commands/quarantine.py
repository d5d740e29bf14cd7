"""Quarantine after a restore: an administrator announces or reconciles it, two of them release it."""

from collections.abc import Callable
from datetime import datetime

from django.contrib.sessions.models import Session

from accounts.access import Access
from accounts.models import User
from accounts.verdicts import denied
from approvals import jobs, quarantine
from approvals.commands.administrators import check_administrator
from approvals.commands.frame import Answer, required
from approvals.commands.managed import Changed, managed
from approvals.models import Quarantine
from approvals.quarantine import tell
from approvals.refusals import NotAllowed, TransitionNotAllowed
from approvals.wording import listed

MOST_NAMED = 5
ONLY_THEY = "begin and end a quarantine"
Act = Callable[[Access], Changed]


def begin(*, reason: str, by: User, at: datetime, key: str) -> Answer:
    """Announce a restore that a worker cannot recognise: to an earlier moment of the same server."""

    def act(person: Access) -> Changed:
        check_administrator(person, ONLY_THEY)
        why = required("reason", reason, "Say what was restored, and to which moment.")
        if quarantine.is_on():
            raise TransitionNotAllowed("A quarantine is open already.")
        found = quarantine.enter(reason=why, actor=person.actor, at=at, key=key, begun_by=by)
        return Changed(found.pk, 1, "Quarantine: nothing is sent until it is released.")

    return _managed("begin", act, by, at, key, reason=reason)


def reconcile(*, by: User, at: datetime, key: str) -> Answer:
    """Have every provider asked, and everybody sign in again. May be repeated."""

    def act(person: Access) -> Changed:
        found = _open_one(person)
        asked = quarantine.ask_all(at)
        for item_id, kind in asked:
            jobs.wake(item_id, at, kind)
        sessions, _ = Session.objects.all().delete()
        found.reconciled_at, found.reconciled_by = at, by
        found.asked_at = found.asked_by = None
        found.save()
        facts = {"requests": len(asked), "sessions": sessions}
        tell("reconcile", found, actor=person.actor, at=at, key=key, **facts)
        said = f"The providers are asked about {len(asked):,} requests, by the workers."
        return Changed(found.pk, 2, f"{said} Everybody signs in again.")

    return _managed("reconcile", act, by, at, key)


def ask_release(*, by: User, at: datetime, key: str) -> Answer:
    """The first of two. Raises a `Refusal` while a provider has not answered."""

    def act(person: Access) -> Changed:
        found = _open_one(person)
        _check_reconciled(found)
        found.asked_at, found.asked_by = at, by
        found.save()
        tell("ask", found, actor=person.actor, at=at, key=key)
        return Changed(found.pk, 3, "Another administrator confirms the release.")

    return _managed("ask", act, by, at, key)


def release(*, by: User, at: datetime, key: str) -> Answer:
    """The second of two, somebody else than who asked."""

    def act(person: Access) -> Changed:
        found = _open_one(person)
        _check_reconciled(found)
        if found.asked_by is None:
            raise TransitionNotAllowed("Nobody has asked for the release yet.")
        if found.asked_by.person_key == person.person_key:
            raise NotAllowed(denied("same-person", "You asked for it: somebody else confirms it."))
        found.is_open, found.released_at, found.released_by = False, at, by
        found.save()
        tell("release", found, actor=person.actor, at=at, key=key)
        return Changed(found.pk, 4, "The quarantine is over. What is approved goes on in seconds.")

    return _managed("release", act, by, at, key)


def _managed(verb: str, act: Act, by: User, at: datetime, key: str, **arguments: str) -> Answer:
    return managed(
        verb, "quarantine", act, about="quarantine", by=by, at=at, key=key, arguments=arguments
    )


def _open_one(person: Access) -> Quarantine:
    check_administrator(person, ONLY_THEY)
    found = Quarantine.objects.select_for_update(of=("self",)).filter(is_open=True).first()
    if found is None:
        raise TransitionNotAllowed("There is no quarantine.")
    return found


def _check_reconciled(found: Quarantine) -> None:
    if found.reconciled_at is None:
        raise TransitionNotAllowed("Reconcile it first, so that the providers are asked.")
    if waiting := quarantine.unanswered():
        names = listed(waiting[:MOST_NAMED])
        raise TransitionNotAllowed(
            f"{len(waiting):,} requests have no answer from their provider yet: {names}. Wait, or "
            "hold them."
        )
