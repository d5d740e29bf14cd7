"""Whether an ID token is the answer to our question (OpenID Connect Core 1.0, §3.1.3.7).

PyJWT checks the signature and the times; what only we know is compared here.
"""

import hmac
from dataclasses import dataclass
from typing import Any

import jwt
from allauth.socialaccount.providers.oauth2.client import OAuth2Error

# Signatures of an issuer's private key only: with a shared secret the keys it publishes could sign.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
CLOCKS_MAY_DIFFER_BY_S = 60


class NotTheAnswer(OAuth2Error):
    """The message is a sentence for whoever wanted to sign in; `code` is for the record."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


@dataclass(frozen=True)
class Expected:
    """`now` in seconds, as `time.time()`. Empty `acr_values` and `amr`: any."""

    issuer: str
    client_id: str
    nonce: str
    now: float
    acr_values: list[str]
    amr: list[str]
    max_age_s: int | None


SENTENCES: list[tuple[type[Exception], str, str]] = [
    (jwt.InvalidIssuerError, "sso-issuer", "The answer is from another issuer."),
    (jwt.InvalidAudienceError, "sso-audience", "The answer is meant for another application."),
    (jwt.ExpiredSignatureError, "sso-expired", "The answer is too old."),
    (jwt.ImmatureSignatureError, "sso-too-early", "The clocks here and there do not agree."),
    (jwt.MissingRequiredClaimError, "sso-incomplete", "The answer lacks something it must say."),
]
NOT_SIGNED = ("sso-signature", "The answer is not signed by the issuer.")


def read(token: str, keys: dict[str, Any], expected: Expected) -> dict[str, Any]:
    """What it says. `keys` is the issuer's JWKS document. Raises `NotTheAnswer`."""
    try:
        claims = jwt.decode(
            token,
            _key(token, keys),
            algorithms=ALGORITHMS,
            issuer=expected.issuer,
            audience=expected.client_id,
            leeway=CLOCKS_MAY_DIFFER_BY_S,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        code, sentence = next(
            ((code, said) for kind, code, said in SENTENCES if isinstance(error, kind)), NOT_SIGNED
        )
        raise NotTheAnswer(code, sentence) from error
    _compare(claims, expected)
    return claims


def _key(token: str, keys: dict[str, Any]) -> jwt.PyJWK:
    """The one that the token names; when it names none, the only one."""
    found = [
        key for key in jwt.PyJWKSet.from_dict(keys).keys if key.public_key_use in (None, "sig")
    ]
    name = jwt.get_unverified_header(token).get("kid")
    named = [key for key in found if key.key_id == name] if name else found
    if len(named) != 1:
        raise NotTheAnswer(*NOT_SIGNED)
    return named[0]


def _compare(claims: dict[str, Any], expected: Expected) -> None:
    audience, party = claims["aud"], claims.get("azp")
    has_others = isinstance(audience, list) and len(audience) > 1
    if (has_others or party is not None) and party != expected.client_id:
        raise NotTheAnswer("sso-audience", "The answer is meant for another application.")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), expected.nonce.encode()):
        raise NotTheAnswer("sso-nonce", "The answer belongs to another sign-in.")
    if expected.acr_values and claims.get("acr") not in expected.acr_values:
        raise NotTheAnswer(
            "sso-strength", "You did not sign in there as strongly as is needed here."
        )
    if expected.amr and not {*expected.amr} & {*_list(claims.get("amr"))}:
        raise NotTheAnswer(
            "sso-strength", "You did not sign in there as strongly as is needed here."
        )
    if expected.max_age_s is not None and not _is_recent(claims.get("auth_time"), expected):
        raise NotTheAnswer("sso-age", "You signed in there too long ago.")


def _is_recent(auth_time: object, expected: Expected) -> bool:
    if not isinstance(auth_time, int) or isinstance(auth_time, bool):
        return False
    return expected.now - auth_time <= expected.max_age_s + CLOCKS_MAY_DIFFER_BY_S


def _list(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
