"""Single sign-on where the other side may not answer: that is said, and is no error of ours."""

import functools
from collections.abc import Callable

import requests
from allauth.socialaccount.providers.openid_connect import views
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

View = Callable[..., HttpResponse]


def _said(view: View) -> View:
    @functools.wraps(view)
    def answer(request: HttpRequest, provider_id: str) -> HttpResponse:
        try:
            return view(request, provider_id)
        except requests.RequestException:
            return render(request, "socialaccount/authentication_error.html", status=503)

    return answer


login = _said(views.login)
callback = _said(views.callback)
