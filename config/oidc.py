"""Single sign-on with one OpenID Connect issuer, as allauth takes it."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Oidc:
    """`trusts_email`: whoever the issuer says has verified an account's address gets that account.

    Without it people connect themselves, once, when they are signed in with their password. They are
    known again by the issuer's subject, never by an address.

    `acr_values` and `amr`: how somebody must have signed in there, one of each that is named.
    `max_age_s`: how long ago at most.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str
    trusts_email: bool
    acr_values: list[str] = field(default_factory=list)
    amr: list[str] = field(default_factory=list)
    max_age_s: int | None = None

    @property
    def origin(self) -> str:
        """Where the form of the sign-in page leads, for the policy of contents."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def providers(self) -> dict[str, object]:
        app = {
            "provider_id": "sso",
            "name": self.name,
            "client_id": self.client_id,
            "secret": self.client_secret,
            "settings": {
                "server_url": self.issuer.rstrip("/"),
                "issuer": self.issuer,
                "oauth_pkce_enabled": True,
                "auth_params": self._asked,
                "acr_values": self.acr_values,
                "amr": self.amr,
                "max_age_s": self.max_age_s,
            },
        }
        return {
            "openid_connect": {
                "APPS": [app],
                "OAUTH_PKCE_ENABLED": True,
                "EMAIL_AUTHENTICATION": self.trusts_email,
                "VERIFIED_EMAIL": False,
            }
        }

    @property
    def _asked(self) -> dict[str, str]:
        """What the issuer is asked for besides; its answer is held against the same."""
        asked = {}
        if self.acr_values:
            asked["acr_values"] = " ".join(self.acr_values)
        if self.max_age_s is not None:
            asked["max_age"] = str(self.max_age_s)
        return asked
