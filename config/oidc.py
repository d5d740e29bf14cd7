"""Single sign-on with one OpenID Connect issuer, as allauth takes it."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Oidc:
    """`trusts_email`: whoever the issuer says has verified an account's address gets that account.

    Without it people connect themselves, once, when they are signed in with their password. They are
    known again by the issuer's subject, never by an address.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str
    trusts_email: bool

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
            "settings": {"server_url": self.issuer, "oauth_pkce_enabled": True},
        }
        return {
            "openid_connect": {
                "APPS": [app],
                "OAUTH_PKCE_ENABLED": True,
                "EMAIL_AUTHENTICATION": self.trusts_email,
                "VERIFIED_EMAIL": False,
            }
        }
