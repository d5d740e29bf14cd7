"""Secrets at rest: sealed with a key made from SECRET_KEY, so that a copy of the database is no key.

A secret sealed under an earlier SECRET_KEY opens while that one is in SECRET_KEY_FALLBACKS.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"webhooks: secrets of endpoints, 1"


class Unreadable(Exception):
    """It was sealed under a SECRET_KEY that is not known any more."""


def seal(secret: str) -> str:
    return _box().encrypt(secret.encode()).decode()


def open_sealed(sealed: str) -> str:
    """Raise `Unreadable` for what no known key opens."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable from error


def _box() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    made = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(key.encode())
    return base64.urlsafe_b64encode(made)
