"""Sign-ins and failed sign-ins are events too."""

import hashlib

from django.contrib.auth.signals import (
    user_logged_in,
    user_logged_out,
    user_login_failed,
)
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit.models import Outcome
from audit.recorder import Actor, Target, record


def connect() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")


def _signed_in(user: User, **_: object) -> None:
    _record("person.sign_in", user)


def _signed_out(user: User | None, **_: object) -> None:
    if user is not None:
        _record("person.sign_out", user)


def _failed(credentials: dict, **_: object) -> None:
    """The address may belong to nobody; its hash is enough to see many tries for one."""
    tried = str(credentials.get("email") or credentials.get("username") or "").lower()
    digest = hashlib.sha256(tried.encode()).hexdigest()[:16]
    with transaction.atomic():
        record(
            stream="sign-in",
            action="person.sign_in",
            actor=Actor(type="person", id=f"unknown:{digest}", label="Unknown"),
            target=Target(type="person", id=f"unknown:{digest}"),
            at=timezone.now(),
            outcome=Outcome.DENIED,
            reason_code="wrong-credentials",
        )


def _record(action: str, user: User) -> None:
    with transaction.atomic():
        record(
            stream=f"person/{user.person_key}",
            action=action,
            actor=Actor(type="person", id=str(user.pk), label=user.name, auth_method="password"),
            target=Target(type="person", id=str(user.pk)),
            at=timezone.now(),
        )
