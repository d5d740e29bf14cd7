"""New accounts, and links with which people choose their passwords: no administrator knows one."""

import shlex
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.access import Access
from accounts.models import User
from approvals.commands.frame import Answer, required
from approvals.commands.managed import Changed
from approvals.refusals import Invalid, NotFound, TransitionNotAllowed
from approvals.wording import visible
from audit.recorder import Actor, Target, record
from rights.changes import Impossible
from rights.commands.administered import administered
from rights.reading import address_of

LONGEST_NAME = 200


def without_mail(whose: User) -> str:
    return (
        "This installation sends no mail. Whoever runs it makes a link on the server: "
        f"manage.py password_link {shlex.quote(whose.email)}"
    )


def make_account(
    *, name: str, email: str, is_program: bool, by: User, at: datetime, key: str
) -> Answer:
    """An account that may nothing yet and has no password. The answer's `ref` is its number."""

    def act(person: Access) -> Changed:
        called = required("name", name, "Enter the name.", longest=LONGEST_NAME)
        made = _created(called, email, is_program)
        record(
            stream="access",
            action="access.make_account",
            actor=person.actor,
            target=Target("person", str(made.pk)),
            at=at,
            facts={"person": visible(made.name), "is_program": is_program},
            key=key,
        )
        return Changed(made.pk, 1, f"{visible(made.name)} has an account, and no rights yet.")

    return administered(
        "make_account",
        email,
        act,
        what="make accounts",
        by=by,
        at=at,
        key=key,
        arguments={"name": name, "is_program": is_program},
    )


def _created(name: str, email: str, is_program: bool) -> User:
    try:
        address = address_of(email)
        with transaction.atomic():
            return User.objects.create_user(address, name=name, is_service=is_program)
    except Impossible as impossible:
        raise Invalid({"email": str(impossible)}) from impossible
    except IntegrityError as taken:  # between the look and the row
        raise Invalid({"email": "Another account has this e-mail address."}) from taken


def send_link(*, pk: int, by: User, at: datetime, key: str) -> Answer:
    """Recorded here; whoever calls it mails the link once this is committed, and not for a replay."""

    def act(person: Access) -> Changed:
        whose = User.objects.filter(pk=pk, is_service=False).first()
        if whose is None:
            raise NotFound(str(pk))
        if not whose.is_active:
            raise TransitionNotAllowed("Their account is closed: nobody signs in with it.")
        if not settings.SENDS_MAIL:
            raise TransitionNotAllowed(without_mail(whose))
        tell_of_link(whose, actor=person.actor, at=at, key=key)
        return Changed(pk, 1, f"A link to choose a password is mailed to {visible(whose.email)}.")

    return administered(
        "send_link", pk, act, what="have links sent to others", by=by, at=at, key=key
    )


def tell_of_link(whose: User, *, actor: Actor, at: datetime, key: str = "") -> None:
    record(
        stream="access",
        action="access.send_link",
        actor=actor,
        target=Target("person", str(whose.pk)),
        at=at,
        facts={"person": visible(whose.name)},
        key=key,
    )
