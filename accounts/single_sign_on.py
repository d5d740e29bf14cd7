"""Single sign-on: what is asked of the issuer, and what its answer must be.

allauth leaves three things out that are ours: a nonce, the signature of the ID token, and that the
issuer's own document names the issuer that was configured. An issuer that may not answer is said, and
is no error of ours.
"""

import functools
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from allauth.account.internal.decorators import login_not_required
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import id_token
from accounts.id_token import Expected, NotTheAnswer

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")


class Issuer(OpenIDConnectOAuth2Adapter):
    """`nonce` is what this browser was sent with; it is set before an answer is read."""

    nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        config, said = super().openid_config, self.get_provider().app.settings["issuer"]
        if config.get("issuer") != said:
            raise NotTheAnswer("sso-issuer", "The issuer calls itself by another address.")
        if any(urlsplit(config[one]).scheme != urlsplit(said).scheme for one in ENDPOINTS):
            raise NotTheAnswer("sso-issuer", "The issuer sends elsewhere than by https.")
        return config

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        claims = self._checked(app, kwargs["response"].get("id_token"))
        userinfo = self._fetch_user_info(token.token)
        if userinfo.get("sub") != claims["sub"]:
            raise NotTheAnswer("sso-subject", "The issuer named two people in one answer.")
        data = {"userinfo": userinfo, "id_token": claims}
        return self.get_provider().sociallogin_from_response(request, data)

    def _checked(self, app: SocialApp, token: str | None) -> dict[str, Any]:
        if not token or not self.nonce:
            raise NotTheAnswer("sso-incomplete", "The answer lacks something it must say.")
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
        wanted = {name: app.settings[name] for name in ("acr_values", "amr", "max_age_s")}
        expected = Expected(
            app.settings["issuer"], app.client_id, self.nonce, time.time(), **wanted
        )
        return id_token.read(token, answer.json(), expected)


class Provider(OpenIDConnectProvider):
    oauth2_adapter_class = Issuer

    def redirect(self, request: HttpRequest, process: str, **kwargs: Any) -> HttpResponse:
        """Only what is configured is asked for, whatever the address of the button says."""
        nonce = secrets.token_urlsafe(32)
        asked = {**self.get_auth_params(), "nonce": nonce}
        kwargs.update(auth_params=asked, scope=self.get_scope())
        return super().redirect(request, process, nonce=nonce, **kwargs)


class Answer(OAuth2CallbackView):
    def _get_state(self, request: HttpRequest, provider: Provider) -> tuple:
        state, response = super()._get_state(request, provider)
        if state is not None:
            self.adapter.nonce = state.get("nonce", "")
        return state, response


def _said(view: type) -> Callable[..., HttpResponse]:
    @login_not_required
    @functools.wraps(view, updated=())
    def answer(request: HttpRequest, provider_id: str) -> HttpResponse:
        try:
            return view.adapter_view(Issuer(request, provider_id))(request)
        except SocialApp.DoesNotExist as error:
            raise Http404 from error
        except requests.RequestException:
            return _not_signed_in(request, None, 503)
        except NotTheAnswer as error:
            return _not_signed_in(request, error, 502)

    return answer


def _not_signed_in(request: HttpRequest, error: NotTheAnswer | None, status: int) -> HttpResponse:
    context = {"auth_error": {"exception": error}}
    return render(request, "socialaccount/authentication_error.html", context, status=status)


login = _said(OAuth2LoginView)
callback = _said(Answer)
