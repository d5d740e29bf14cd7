"""Who needs a second factor, and who has one."""

from allauth.mfa.models import Authenticator
from django.conf import settings

from accounts.models import Team, User

FACTORS = (
    Authenticator.Type.TOTP,
    Authenticator.Type.WEBAUTHN,
)  # recovery codes are none by themselves
FACTOR = "second_factor"  # in the session, while it is known that none is missing
EVERYBODY, ADMINISTRATORS = "everybody", "administrators"


def is_missing(user: User) -> bool:
    """They need one and have none."""
    return not has(user) and is_needed(user)


def has(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def is_needed(user: User) -> bool:
    """By one of their teams, by the installation, or because no password of theirs is asked here.

    Whoever signs in elsewhere only could otherwise not confirm that it is them, for what needs that.
    """
    wanted_by = settings.SECOND_FACTOR_FOR
    if wanted_by == EVERYBODY or (wanted_by == ADMINISTRATORS and user.is_staff):
        return True
    return not user.has_usable_password() or needed_by_a_team(user)


def needed_by_a_team(user: User) -> bool:
    return Team.objects.filter(memberships__user=user, needs_second_factor=True).exists()


def take_away(user: User) -> int:
    """All of them, with their recovery codes, when somebody has lost theirs; how many."""
    return Authenticator.objects.filter(user=user).delete()[0]
