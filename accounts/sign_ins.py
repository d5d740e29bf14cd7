"""Sign-ins, failed sign-ins, and what people change about how they sign in, are events too."""

import hashlib
from datetime import timedelta

from allauth.account import signals
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa import signals as factors
from allauth.mfa.models import Authenticator
from allauth.socialaccount import signals as social
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.contrib.auth.signals import (
    user_logged_in,
    user_logged_out,
    user_login_failed,
)
from django.db import transaction
from django.db.models.functions import Now
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest
from django.utils import timezone

from accounts import holding
from accounts.models import User
from audit.models import Event, Outcome
from audit.recorder import Actor, Target, record


def connect() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    signals.password_changed.connect(_password_changed, dispatch_uid="audit")
    signals.password_reset.connect(_password_reset, dispatch_uid="audit")
    # allauth tells of factors after the commit; a row tells in the same transaction.
    post_save.connect(_factor_added, sender=Authenticator, dispatch_uid="audit")
    post_delete.connect(_factor_removed, sender=Authenticator, dispatch_uid="audit")
    factors.authentication_failed.connect(_factor_failed, dispatch_uid="audit")
    social.social_account_added.connect(_connected, dispatch_uid="audit")
    social.social_account_removed.connect(_disconnected, dispatch_uid="audit")


def _signed_in(user: User, request: HttpRequest | None = None, **_: object) -> None:
    wrong = _wrong_tries(user)
    _record("person.sign_in", user, how=_how(request), **({"wrong_before": wrong} if wrong else {}))


def _how(request: HttpRequest | None) -> str:
    """“password, totp”: each thing that they showed."""
    shown = (request.session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []) if request else []
    words = [str(one.get("type") or one.get("method", "")) for one in shown]
    return ", ".join(dict.fromkeys(word for word in words if word)) or "password"


def _wrong_tries(user: User, *actions: str) -> int:
    """Wrong passwords and codes for them since they last signed in, of the last 24 hours at most."""
    of_person = Event.objects.filter(
        target_type="person", recorded_at__gt=Now() - timedelta(days=1)
    )
    mine = of_person.filter(target_id=str(user.pk))
    last = mine.filter(action="person.sign_in", outcome=Outcome.SUCCESS).order_by("-recorded_at")
    wrong = of_person.filter(
        target_id__in=[str(user.pk), _unknown(user.email)],
        action__in=actions or ("person.sign_in", "person.second_factor"),
        outcome=Outcome.DENIED,
    )
    if (since := last.values_list("recorded_at", flat=True).first()) is not None:
        wrong = wrong.filter(recorded_at__gt=since)
    return wrong.count()


def _unknown(address: str) -> str:
    """Who tried with it: it may belong to nobody; its hash is enough to see many tries for one."""
    return f"unknown:{hashlib.sha256(address.lower().encode()).hexdigest()[:16]}"


def _signed_out(user: User | None, **_: object) -> None:
    if user is not None:
        _record("person.sign_out", user)


def _failed(credentials: dict, **_: object) -> None:
    tried = str(credentials.get("email") or credentials.get("username") or "")
    _refused(_unknown(tried), "wrong-credentials")


def refused_from_outside(reason_code: str) -> None:
    """The answer of single sign-on was none; whom it named is not believed, and not noted."""
    _refused("unknown:single-sign-on", reason_code)


def _refused(who: str, reason_code: str) -> None:
    with transaction.atomic():
        record(
            stream="sign-in",
            action="person.sign_in",
            actor=Actor(type="person", id=who, label="Unknown"),
            target=Target(type="person", id=who),
            at=timezone.now(),
            outcome=Outcome.DENIED,
            reason_code=reason_code,
        )


def _password_changed(user: User, **_: object) -> None:
    _record("person.change_password", user)


def _password_reset(user: User, **_: object) -> None:
    """By a link in a mail. Whoever signs in for the first time has lost nothing yet."""
    with transaction.atomic():
        if user.last_login is not None:
            holding.begin(user)
        _record("person.reset_password", user)


def _factor_added(instance: Authenticator, created: bool, **_: object) -> None:
    if created and instance.type == Authenticator.Type.RECOVERY_CODES:
        _record("person.make_codes", instance.user)
    elif created:
        _record("person.add_factor", instance.user, kind=instance.get_type_display())


def _factor_removed(instance: Authenticator, **_: object) -> None:
    if instance.type != Authenticator.Type.RECOVERY_CODES:
        _record("person.remove_factor", instance.user, kind=instance.get_type_display())


def _factor_failed(user: User, **_: object) -> None:
    tries = _wrong_tries(user, "person.second_factor") + 1
    _record(
        "person.second_factor",
        user,
        outcome=Outcome.DENIED,
        reason_code="wrong-code",
        tries=tries,
    )


def _connected(request: HttpRequest, sociallogin: SocialLogin, **_: object) -> None:
    _record("person.connect", sociallogin.user, provider=sociallogin.account.provider)


def _disconnected(request: HttpRequest, socialaccount: SocialAccount, **_: object) -> None:
    _record("person.disconnect", socialaccount.user, provider=socialaccount.provider)


def _record(
    action: str,
    user: User,
    *,
    outcome: str = Outcome.SUCCESS,
    reason_code: str = "",
    **facts: str | int,
) -> None:
    with transaction.atomic():
        record(
            stream=f"person/{user.person_key}",
            action=action,
            actor=user.actor,
            target=Target(type="person", id=str(user.pk)),
            at=timezone.now(),
            outcome=outcome,
            reason_code=reason_code,
            facts=facts,
        )
