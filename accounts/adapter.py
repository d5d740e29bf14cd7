"""How allauth is used here: people are invited by administrators, nobody signs up."""

import logging
from smtplib import SMTPException

import requests
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import render

from accounts import sign_ins
from accounts.id_token import NotTheAnswer
from accounts.models import User
from accounts.single_sign_on import Provider

log = logging.getLogger(__name__)


class ClosedDoors(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """A mail server that does not answer must not tell which addresses have accounts."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException):
            log.exception("A mail of signing in could not be sent")


class PeopleOnly(AuthenticationBackend):
    """A program has no session, whatever password it was given: it comes with a token."""

    def user_can_authenticate(self, user: User) -> bool:
        return super().user_can_authenticate(user) and not user.is_service


class KnownPeople(DefaultSocialAccountAdapter):
    """Who signs in elsewhere must be connected with an account here; a program never is."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The issuer of the environment only: one in a table would be anybody's who can write there."""
        found = []
        for app in settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", ()):
            one = SocialApp(provider="openid_connect", **app)
            if provider in (None, one.provider, one.provider_id) and client_id in (
                None,
                one.client_id,
            ):
                found.append(one)
        return found

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> Provider:
        return Provider(request, app=self.get_app(request, provider, client_id))

    def get_requests_session(self) -> requests.Session:
        """An issuer that sends on to another place is not followed there."""
        session = super().get_requests_session()
        session.max_redirects = 0
        return session

    def on_authentication_error(
        self, request: HttpRequest, provider: Provider, exception: object = None, **_: object
    ) -> None:
        if isinstance(exception, NotTheAnswer):
            sign_ins.refused_from_outside(exception.code)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if sociallogin.is_existing and sociallogin.user.is_service:
            raise ImmediateHttpResponse(render(request, "account/signup_closed.html", status=403))


class SecondFactors(DefaultMFAAdapter):
    def build_totp_svg(self, url: str) -> str:
        """On white: black on a dark page no camera reads it."""
        svg = super().build_totp_svg(url)
        end = svg.index(">", svg.index("<svg")) + 1
        return f'{svg[:end]}<rect width="100%" height="100%" fill="#fff"/>{svg[end:]}'

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "Approval Queue"}
