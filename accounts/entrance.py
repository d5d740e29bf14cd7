"""allauth's pages of signing in, where ours say or do a little more."""

from typing import Any

from allauth.account import views
from allauth.account.decorators import reauthentication_required
from allauth.usersessions.views import list_usersessions
from django.conf import settings
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


class SignIn(views.LoginView):
    def get_form(self, form_class: type[Form] | None = None) -> Form:
        """allauth's form leads to the page that mails a link."""
        form = super().get_form(form_class)
        if not settings.SENDS_MAIL:
            form.fields["password"].help_text = "Forgotten? Ask an administrator."
        return form


class AskForLink(views.PasswordResetView):
    """Where no mail can be sent, whom to ask instead: a form that does nothing would lie."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if settings.SENDS_MAIL:
            return super().dispatch(request, *args, **kwargs)
        return render(request, "account/password_reset_by_nobody.html")


sign_in = SignIn.as_view()
ask_for_link = AskForLink.as_view()
# The new password and the day that follows it (`accounts.holding`), or neither.
sessions = reauthentication_required(enabled=lambda request: request.method == "POST")(
    list_usersessions
)
choose_password = transaction.atomic(views.password_reset_from_key)
