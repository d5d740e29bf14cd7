"""Tokens of the API: making, rotating and revoking one, and finding out whose one is.

A token is `aq_<8 characters>_<43 characters>`: the first part says which one it is, the second is
256 bits of chance. Kept is only the SHA-256 of the whole. It carries scopes and can never do more
than its owner may at that moment.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models, transaction
from django.utils import timezone

from accounts.kept_queries import Kept
from accounts.models import ApiToken, Scope, User
from audit.recorder import Actor, Target, record

LONGEST_LIFE = timedelta(days=90)
OVERLAP = timedelta(hours=24)
MOST_LIVE = 20
LONGEST_NAME = 60
USE_IS_NOTED_EVERY = timedelta(minutes=1)
SHAPE = re.compile(r"aq_([a-z0-9]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class TokenRefused(ValueError):
    """The token cannot be made or changed; the message is a sentence for its owner."""


@dataclass(frozen=True)
class Made:
    """A new token and its secret, which is never to be seen again."""

    token: ApiToken
    secret: str


def make(
    owner: User,
    *,
    name: str,
    scopes: Iterable[str],
    days: int,
    at: datetime,
    form_key: str = "",
    by: Actor | None = None,
) -> Made:
    """A new token that ends after `days` (1 to 90). Raise `TokenRefused`."""
    asked = set(scopes)
    wanted = [scope.value for scope in Scope if scope in asked]
    _check(owner, name.strip(), wanted, unknown=asked - {*Scope.values}, days=days)
    with transaction.atomic():
        locked = User.objects.select_for_update().get(pk=owner.pk)
        if form_key and ApiToken.objects.filter(form_key=_print(form_key)).exists():
            raise TokenRefused(
                "This form was already sent, and its token was shown then. If you did not keep it, "
                "revoke it and make another."
            )
        if live(locked, at).count() >= MOST_LIVE:
            raise TokenRefused(f"You have {MOST_LIVE} tokens. Revoke one that you do not need.")
        made = _new(locked, name.strip(), wanted, at, at + timedelta(days=days), form_key)
        _record("token.create", made.token, by or owner.actor, at)
    return made


def rotate(token: ApiToken, *, at: datetime, form_key: str = "", by: Actor | None = None) -> Made:
    """A new token like this one; this one goes on for a day, so that nothing stands still.

    The new one lives as long as the old one was meant to. Raise `TokenRefused`.
    """
    with transaction.atomic():
        old = ApiToken.objects.select_for_update().select_related("owner").get(pk=token.pk)
        if not old.is_live(at):
            raise TokenRefused("This token has ended. Make a new one.")
        if old.replaced_at is not None:
            raise TokenRefused("This token was rotated before; use the one that was made then.")
        lifetime = min(old.expires_at - old.created_at, LONGEST_LIFE)
        made = _new(old.owner, old.name, old.scopes, at, at + lifetime, form_key)
        old.replaced_at = at
        old.expires_at = min(old.expires_at, at + OVERLAP)
        old.save(update_fields=["replaced_at", "expires_at"])
        _record("token.rotate", old, by or old.owner.actor, at, replaced_by=str(made.token.prefix))
    return made


def revoke(token: ApiToken, *, at: datetime, by: Actor | None = None, why: str = "") -> None:
    """From now on it opens nothing. Revoking what has ended changes nothing."""
    with transaction.atomic():
        found = ApiToken.objects.select_for_update().select_related("owner").get(pk=token.pk)
        if not found.is_live(at):
            return
        found.revoked_at = at
        found.save(update_fields=["revoked_at"])
        _record("token.revoke", found, by or found.owner.actor, at, why=why)


def live(owner: User, at: datetime) -> models.QuerySet[ApiToken]:
    """Those that open something at `at`."""
    return ApiToken.objects.filter(owner=owner, revoked_at=None, expires_at__gt=at)


def owner_of(secret: str, *, at: datetime, address: str) -> ApiToken | None:
    """The live token with this secret, its owner loaded; None for everything else.

    Reads the account itself, so that a closed one is shut out with its next request.
    """
    match = SHAPE.fullmatch(secret)
    if match is None:
        return None
    found = _FIND(prefix=match[1])
    token = found[0] if found else None
    if token is None or not hmac.compare_digest(token.digest, _print(secret)):
        return None
    if not token.is_live(at) or not token.owner.is_active:
        return None
    _note_use(token, at, address)
    return token


_FIND = Kept(
    lambda prefix: ApiToken.objects.select_related("owner").filter(prefix=prefix), "prefix"
)


class EndTokensWithThePassword:
    """Django tells its password validators when a password has changed: tokens end with it.

    Whoever changes a password because somebody else may know it must not leave a door open.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Every password will do, as far as tokens are concerned."""

    def get_help_text(self) -> str:
        return "Your API tokens end when you change it."

    def password_changed(self, password: str, user: User | None = None) -> None:
        if user is None or user.pk is None:
            return
        at = timezone.now()
        for token in live(user, at):
            revoke(token, at=at, why="password changed")


def _check(owner: User, name: str, scopes: list[str], *, unknown: set[str], days: int) -> None:
    if not owner.is_active:
        raise TokenRefused(f"The account {owner.email} is closed.")
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise TokenRefused(f"Give the token a name of 1 to {LONGEST_NAME} characters.")
    if unknown:
        raise TokenRefused(f"There is no scope “{sorted(unknown)[0][:40]}”.")
    if not scopes:
        raise TokenRefused("Choose at least one thing that the token may do.")
    if owner.is_service and Scope.DECIDE in scopes:
        raise TokenRefused("A program cannot decide; a person must.")
    if not 1 <= days <= LONGEST_LIFE.days:
        raise TokenRefused(f"A token lives from 1 to {LONGEST_LIFE.days} days.")


def _new(
    owner: User, name: str, scopes: list[str], at: datetime, until: datetime, form_key: str
) -> Made:
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(8))
    secret = f"aq_{prefix}_{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(
        owner=owner,
        name=name,
        prefix=prefix,
        digest=_print(secret),
        scopes=scopes,
        form_key=_print(form_key or secrets.token_hex(16)),
        created_at=at,
        expires_at=until,
    )
    return Made(token, secret)


def _note_use(token: ApiToken, at: datetime, address: str) -> None:
    """At most once a minute: reading must not cost a write each time."""
    if token.last_used_at is not None and at - token.last_used_at < USE_IS_NOTED_EVERY:
        return
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=at, last_used_from=address[:45])


def _record(action: str, token: ApiToken, by: Actor, at: datetime, **facts: str) -> None:
    record(
        stream=f"person/{token.owner.person_key}",
        action=action,
        actor=by,
        target=Target(type="token", id=token.prefix),
        at=at,
        facts={
            "name": token.name,
            "scopes": list(token.scopes),
            "expires_at": token.expires_at.isoformat(),
            "owner": str(token.owner_id),
            **{name: value for name, value in facts.items() if value},
        },
    )


def _print(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
